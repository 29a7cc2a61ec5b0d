"""`python -m tests.bench`, or `make bench`: everything measured, one JSON file, one table."""

import dataclasses
import json
import shutil
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from tests.bench import bars, equipment, guard, report
from tests.bench.document import REDUCED
from tests.bench.growth import growth
from tests.bench.measure import FULL, QUICK, Figures, Plan, able, prepare, say, starting, under_load
from tests.bench.peers import BARE, MOCKSERVER, PEERS
from tests.bench.process import NotStarted
from tests.bench.sandboxes import sandboxes

PARTS = ("startup", "load", "growth", "sandboxes", "inprocess")


class Refusal(click.ClickException):
    """One clear line, and exit code 2."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        click.echo(f"bench: {self.format_message()}", err=True)


def names_of(known: tuple[str, ...]) -> Callable[[Any, Any, str], list[str]]:
    """A reader of names with commas between; none means all."""

    def read(context: click.Context, parameter: click.Parameter, value: str) -> list[str]:
        asked = [name.strip() for name in value.split(",") if name.strip()]
        if unknown := [name for name in asked if name not in known]:
            raise Refusal(f"{unknown[0]} is none of {', '.join(known)}")
        return asked or list(known)

    return read


@click.command()
@click.option("--quick", is_flag=True, help="A smoke run: one short round, which is no measurement.")
@click.option("--only", default="", callback=names_of(PARTS), help=f"Some of {','.join(PARTS)}.")
@click.option("--peers", default="", callback=names_of(tuple(PEERS)), help=f"Some of {','.join(PEERS)}.")
@click.option(
    "--report", "again", is_flag=True, help="Measure nothing: show the last full run, renew the README."
)
def main(quick: bool, only: list[str], peers: list[str], again: bool) -> None:
    """Measure this server against its peers.

    A full run, with every peer, is kept in tests/bench/results.json and renews the README's table;
    any other is kept in .bench/results.json, and shown.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # and so the servers are stopped
    file = report.RESULTS
    try:
        if not again:
            figures = measured(QUICK if quick else FULL, only, peers)
            file = place_for(figures)
            write(file, figures)
    except NotStarted as error:
        raise Refusal(str(error)) from None
    results = report.read(file)
    if file == report.RESULTS:
        renew_readme(results)
    if "load" in results or "startup" in results:
        click.echo(report.table(results) + "\n")
    click.echo("\n".join(bars.lines(results)))


def place_for(figures: Figures) -> Path:
    """Where figures are kept: in the repository only those of a full run, with every peer in it."""
    whole = (
        not figures["plan"]["quick"] and set(PARTS) <= figures.keys() and set(PEERS) == set(figures["peers"])
    )
    return report.RESULTS if whole else equipment.FOLDER / "results.json"


def renew_readme(results: report.Results) -> None:
    """Put the table into the README, which is not touched where it has it already."""
    before = report.README.read_text()
    if (after := report.in_readme(before, results)) != before:
        report.README.write_text(after)


def measured(plan: Plan, only: list[str], peers: list[str]) -> Figures:
    """All figures that were asked for, with what they depend on."""
    names = [MOCKSERVER, BARE, *(name for name in peers if name not in (MOCKSERVER, BARE))]
    names, left_out = equipped(names)
    folder = equipment.FOLDER / "run"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    prepare(folder)
    left_out |= able(names, folder)
    for name, why in left_out.items():
        say(f"{name} is left out: {why}")
    names = [name for name in names if name not in left_out]
    results: Figures = {
        "taken": datetime.now(UTC).date().isoformat(), "plan": dataclasses.asdict(plan),
        "machine": equipment.machine(), "versions": equipment.versions(), "reduced": REDUCED,
        "peers": {name: PEERS[name].note for name in names}, "left_out": left_out,
    }  # fmt: skip
    parts: dict[str, Callable[[], Figures]] = {
        "startup": lambda: starting({name: PEERS[name].command for name in names}, plan, folder),
        "load": lambda: under_load(names, plan, folder),
        "growth": lambda: growth(plan, folder),
        "sandboxes": lambda: sandboxes(plan, folder),
        "inprocess": lambda: guard.measure(calls=plan.calls),
    }
    for name in only:
        results[name] = parts[name]()
    return {**results, "bars": bars.as_json(results)}


def equipped(names: list[str]) -> tuple[list[str], dict[str, str]]:
    """Who can be measured once all is installed that can be, and why the others cannot."""
    left_out = {}
    try:
        equipment.program("wrk")
    except equipment.Missing as error:
        raise Refusal(str(error)) from None
    for name in names:
        peer = PEERS[name]
        try:
            for need in peer.needs:
                equipment.program(need)
            if peer.npm:
                equipment.packages()
        except equipment.Missing as error:
            left_out[name] = str(error)
    return [name for name in names if name not in left_out], left_out


def write(file: Path, results: report.Results) -> None:
    """Rounded to what has a meaning, and so that a later run differs only where figures do."""
    file.write_text(json.dumps(_rounded(results), indent=1, ensure_ascii=False) + "\n")


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(one) for one in value]
    return float(f"{value:.5g}") if isinstance(value, float) else value


if __name__ == "__main__":
    main(prog_name="make bench")
