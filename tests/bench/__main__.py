"""The command `python -m tests.bench`, or `make bench`: measure, store the results, print a table."""

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

from tests.bench import bars, guard, interpreter, report, tools
from tests.bench.growth import measure_growth
from tests.bench.measure import (
    FULL,
    QUICK,
    Figures,
    Plan,
    log_progress,
    measure_load,
    measure_startup,
    prepare,
    unusable_servers,
)
from tests.bench.peer_files import SIMPLIFICATIONS
from tests.bench.peers import BARE, MOCKSERVER, PEERS
from tests.bench.process import NotStarted
from tests.bench.sandboxes import measure_sandboxes

PARTS = ("startup", "load", "growth", "sandboxes", "inprocess")


class BenchError(click.ClickException):
    """An error that is shown as one line, with exit code 2."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        click.echo(f"bench: {self.format_message()}", err=True)


def names_parser(known: tuple[str, ...]) -> Callable[[Any, Any, str], list[str]]:
    """Return an option callback that parses comma-separated names; an empty value means all names."""

    def parse(context: click.Context, parameter: click.Parameter, value: str) -> list[str]:
        names = [name.strip() for name in value.split(",") if name.strip()]
        if unknown := [name for name in names if name not in known]:
            raise BenchError(f"unknown name {unknown[0]}; use {', '.join(known)}")
        return names or list(known)

    return parse


@click.command()
@click.option(
    "--quick", is_flag=True, help="Do one short round to check that everything runs; its figures mean little."
)
@click.option(
    "--only", default="", callback=names_parser(PARTS), help=f"Measure only these parts: {','.join(PARTS)}."
)
@click.option(
    "--peers",
    default="",
    callback=names_parser(tuple(PEERS)),
    help=f"Measure only these servers: {','.join(PEERS)}.",
)
@click.option(
    "--report",
    "report_only",
    is_flag=True,
    help="Measure nothing: show the last full run and update docs/performance.md.",
)
def main(quick: bool, only: list[str], peers: list[str], report_only: bool) -> None:
    """Measure this server against its peers.

    A full run with every peer is stored in tests/bench/results.json and updates docs/performance.md.
    The results of any other run are stored in .bench/results.json, and shown.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that `finally` stops the servers
    file = report.RESULTS
    try:
        if not report_only:
            figures = measure(QUICK if quick else FULL, only, peers)
            file = results_file(figures)
            write(file, figures)
    except NotStarted as error:
        raise BenchError(str(error)) from None
    results = report.read_results(file)
    if file == report.RESULTS:
        update_page(results)
    if "load" in results or "startup" in results:
        click.echo(report.table(results) + "\n")
    click.echo("\n".join(bars.lines(results)))


def results_file(figures: Figures) -> Path:
    """Return the file to store figures in: that in the repository only after a full run with every peer."""
    complete = (
        not figures["plan"]["quick"] and set(PARTS) <= figures.keys() and set(PEERS) == set(figures["peers"])
    )
    return report.RESULTS if complete else tools.FOLDER / "results.json"


def update_page(results: report.Results) -> None:
    """Put the table into docs/performance.md; do not write the file if nothing changes."""
    before = report.PAGE.read_text()
    if (after := report.insert_table(before, results)) != before:
        report.PAGE.write_text(after)


def measure(plan: Plan, parts: list[str], peers: list[str]) -> Figures:
    """Measure these parts for these peers; return the figures, with the machine and all versions."""
    names = [MOCKSERVER, BARE, *(name for name in peers if name not in (MOCKSERVER, BARE))]
    names, left_out = install_tools(names)
    folder = tools.FOLDER / "run"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    prepare(folder)
    left_out |= unusable_servers(names, folder)
    for name, reason in left_out.items():
        log_progress(f"{name} is left out: {reason}")
    names = [name for name in names if name not in left_out]
    results: Figures = {
        "taken": datetime.now(UTC).date().isoformat(), "plan": dataclasses.asdict(plan),
        "machine": tools.machine(), "versions": tools.versions(), "reduced": SIMPLIFICATIONS,
        "peers": {name: PEERS[name].note for name in names}, "left_out": left_out,
    }  # fmt: skip
    measurements: dict[str, Callable[[], Figures]] = {
        "startup": lambda: measure_startup({name: PEERS[name].command for name in names}, plan, folder),
        "load": lambda: measure_load(names, plan, folder),
        "growth": lambda: measure_growth(plan, folder),
        "sandboxes": lambda: measure_sandboxes(plan, folder),
        "inprocess": lambda: guard.measure(calls=plan.calls),
    }
    for part in parts:
        results[part] = measurements[part]()
    return {**results, "bars": bars.as_json(results)}


def install_tools(names: list[str]) -> tuple[list[str], dict[str, str]]:
    """Install the tools that servers need; return the names of usable servers, and {name: reason} for others.

    Raise BenchError if wrk is missing, because nothing can be measured without it.
    """
    left_out = {}
    try:
        tools.ensure_program("wrk")
    except tools.ToolMissing as error:
        raise BenchError(str(error)) from None
    for name in names:
        peer = PEERS[name]
        try:
            for need in peer.needs:
                tools.ensure_program(need)
            if peer.npm:
                tools.ensure_npm_packages()
        except tools.ToolMissing as error:
            left_out[name] = str(error)
    return [name for name in names if name not in left_out], left_out


def write(file: Path, results: report.Results) -> None:
    """Write results as JSON, rounded to five digits, with one value per line so that runs can be compared."""
    file.write_text(json.dumps(_rounded(results), indent=1, ensure_ascii=False) + "\n")


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return float(f"{value:.5g}") if isinstance(value, float) else value


if __name__ == "__main__":
    interpreter.use_debians("tests.bench")
    main(prog_name="make bench")
