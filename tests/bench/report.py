"""The table of docs/performance.md, made only from the stored results."""

import json
import statistics
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.bench.bars import (
    OPERATION_NAMES,
    cells,
    growth_bars,
    memory_after_load,
    ratio,
    ratios_to,
    startup,
    valid,
)
from tests.bench.peers import MOCKSERVER, PEERS

RESULTS = Path(__file__).parent / "results.json"
PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
BEGIN, END = "<!-- bench -->", "<!-- /bench -->"
UNKNOWN = "?"
PACKAGE_TITLES = {
    "@stoplight/prism-cli": "Prism",
    "@mockoon/cli": "Mockoon",
    "wiremock": "WireMock",
    "connexion": "Connexion",
    "uvicorn": "uvicorn",
}
Results = Mapping[str, Any]


def read_results(file: Path = RESULTS) -> Results:
    results: Results = json.loads(file.read_text())
    return results


def table(results: Results) -> str:
    """Return the table in Markdown, then the conditions of the run. Wrong or missing figures are `?`."""
    names = [name for name in PEERS if name in results["peers"]]
    head = ["page of 20, read by key, write", *(PEERS[name].title for name in names)]
    rows = [[title, *(make(results, name) for name in names)] for title, make in ROWS.items()]
    lines = ["| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows]]
    return "\n".join([*lines, "", f"{_conditions(results)} {_cost_of_size(results)}".strip()])


def _conditions(results: Results) -> str:
    plan, versions, machine = results["plan"], results["versions"], results["machine"]
    kind = (
        "A smoke run, not a measurement"
        if plan["quick"]
        else f"Medians of {plan['rounds']} interleaved rounds"
    )
    servers = results.get("load", {}).get("cells", {}).values()
    all_cells = [cell for operations in servers for cell in _flattened(operations)]
    if noisy := sum(cell["noisy"] for cell in all_cells):
        kind += f" ({noisy} of {len(all_cells)} cells on a busy machine)"
    packages = ", ".join(f"{title} {versions[name]}" for name, title in PACKAGE_TITLES.items())
    return (
        f"{kind}, widest spread in brackets, 16 connections unless noted; {results['taken']}, "
        f"{machine['cores']} cores of {machine['cpu']}; Python {versions['python']}, {packages}."
    )


def _flattened(operations: Results) -> list[dict[str, Any]]:
    return [cell for cells in operations.values() for rounds in cells.values() for cell in rounds]


def _cost_of_size(results: Results) -> str:
    """Return sentences about the cost of many products and sandboxes, with the worst values."""
    if not ("growth" in results and "sandboxes" in results):
        return ""
    later, same, over, search, more = (_formatted(bar.worst) for bar in growth_bars(results))
    sandboxes = results["sandboxes"]
    count = sandboxes["count"]
    kilobytes = (sandboxes["made"] - sandboxes["before"]) / count * 1024
    first, second = (statistics.median(sandboxes[name]) for name in ("first", "second"))
    spread = _formatted(ratio(valid(sandboxes["reads"]["one"]), valid(sandboxes["reads"]["all"]), "rps"))
    return (
        f"A million products instead of a hundred: ready {later} s later, {more} MB more, reads at up to "
        f"{over} times the cost ({same} with the same keys), a search in at most {search} ms. Each of "
        f"{count:,} sandboxes: {kilobytes:.1f} KB, {first:.2f} ms for its first call, {second:.2f} "
        f"for the next; reads spread over all of them cost {spread} times as much as in one."
    )


def _formatted(value: float | None) -> str:
    if value is None:
        return UNKNOWN
    return f"{value:.2g}" if abs(value) < 10 else f"{value:,.0f}"


def _speed(results: Results, name: str) -> str:
    measured = _by_operation(results, name, 16)
    rates = [[cell["rps"] for cell in rounds] for rounds in measured if rounds]
    spreads = ((max(rounds) - min(rounds)) / statistics.median(rounds) for rounds in rates)
    return f"{_medians(measured, 'rps')} ({max(spreads, default=0.0):.0%})"


def _ratios(results: Results, name: str) -> str:
    return "" if name == MOCKSERVER else ", ".join(map(_formatted, ratios_to(results, name, 16)))


def _tail(results: Results, name: str) -> str:
    return _medians(_by_operation(results, name, 64), "p99")


def _cost(results: Results, name: str) -> str:
    return _medians(_by_operation(results, name, 16), "cpu")


def _by_operation(results: Results, name: str, connections: int) -> list[list[dict[str, Any]] | None]:
    return [cells(results, name, operation, connections) for operation in OPERATION_NAMES]


def _medians(measured: list[list[dict[str, Any]] | None], figure: str) -> str:
    return ", ".join(
        _formatted(statistics.median(cell[figure] for cell in rounds) if rounds else None)
        for rounds in measured
    )


def _start(results: Results, name: str) -> str:
    return _formatted(startup(results, name))


def _memory(results: Results, name: str) -> str:
    return f"{_formatted(startup(results, name, 'idle'))}, {_formatted(memory_after_load(results, name))}"


ROWS: Mapping[str, Callable[[Results, str], str]] = {
    "req/s": _speed,
    "mockserver is this many times as fast": _ratios,
    "p99 at 64 connections, ms": _tail,
    "CPU per request, µs": _cost,
    "start to first answer, s": _start,
    "memory idle, after load, MB": _memory,
}


def insert_table(text: str, results: Results) -> str:
    """Return the page with a new table between the marks. Raise ValueError if it has no marks."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"docs/performance.md needs the marks {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{table(results)}\n{END}{after}"
