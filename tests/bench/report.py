"""Results as the README's table, made from the JSON file alone."""

import json
import statistics
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.bench.bars import NAMES, against, cells, growth, loaded, ratio, right, started
from tests.bench.peers import MOCKSERVER, PEERS

RESULTS = Path(__file__).parent / "results.json"
README = Path(__file__).parents[2] / "README.md"
BEGIN, END = "<!-- bench -->", "<!-- /bench -->"
NOTHING = "?"
PACKAGES = {
    "@stoplight/prism-cli": "Prism",
    "@mockoon/cli": "Mockoon",
    "wiremock": "WireMock",
    "connexion": "Connexion",
    "uvicorn": "uvicorn",
}
Results = Mapping[str, Any]


def read(file: Path = RESULTS) -> Results:
    results: Results = json.loads(file.read_text())
    return results


def table(results: Results) -> str:
    """The table in Markdown, and beneath it what it holds for. A figure that is not right is `?`."""
    names = [name for name in PEERS if name in results["peers"]]
    head = ["page of 20, read by key, write", *(PEERS[name].title for name in names)]
    rows = [[title, *(make(results, name) for name in names)] for title, make in ROWS.items()]
    written = ["| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows]]
    return "\n".join([*written, "", f"{_conditions(results)} {_size(results)}".strip()])


def _conditions(results: Results) -> str:
    plan, versions, machine = results["plan"], results["versions"], results["machine"]
    kind = (
        "A smoke run, no measurement" if plan["quick"] else f"Medians of {plan['rounds']} interleaved rounds"
    )
    every = [cell for one in results.get("load", {}).get("cells", {}).values() for cell in _flat(one)]
    if noisy := sum(cell["noisy"] for cell in every):
        kind += f" ({noisy} of {len(every)} cells in a busy machine)"
    packages = ", ".join(f"{title} {versions[name]}" for name, title in PACKAGES.items())
    return (
        f"{kind}, widest spread in brackets, 16 connections where nothing else is said; {results['taken']}, "
        f"{machine['cores']} cores of {machine['cpu']}; Python {versions['python']}, {packages}."
    )


def _flat(operations: Results) -> list[dict[str, Any]]:
    return [cell for cells in operations.values() for one in cells.values() for cell in one]


def _size(results: Results) -> str:
    """What size costs, in words: always the worst of several figures."""
    if not ("growth" in results and "sandboxes" in results):
        return ""
    later, same, over, search, more = (_short(one.worst) for one in growth(results))
    kept = results["sandboxes"]
    kilobytes = (kept["made"] - kept["before"]) / kept["count"] * 1024
    first, second = (statistics.median(kept[name]) for name in ("first", "second"))
    spread = _short(ratio(right(kept["reads"]["one"]), right(kept["reads"]["all"]), "rps"))
    return (
        f"A million products instead of a hundred: ready {later} s later, {more} MB more, reads at up to "
        f"{over} times the cost ({same} with the same keys), a search in at most {search} ms. Each of "
        f"{kept['count']:,} sandboxes: {kilobytes:.1f} KB, {first:.2f} ms for its first call, {second:.2f} "
        f"for the next; reads in all of them cost {spread} times those in one."
    )


def _short(value: float | None) -> str:
    if value is None:
        return NOTHING
    return f"{value:.2g}" if abs(value) < 10 else f"{value:,.0f}"


def _speed(results: Results, name: str) -> str:
    found = [cells(results, name, operation, 16) for operation in NAMES]
    rates = [[cell["rps"] for cell in one] for one in found if one]
    widest = max(((max(one) - min(one)) / statistics.median(one) for one in rates), default=0.0)
    return f"{_medians(found, 'rps')} ({widest:.0%})"


def _ratios(results: Results, name: str) -> str:
    return "" if name == MOCKSERVER else ", ".join(map(_short, against(results, name, 16)))


def _tail(results: Results, name: str) -> str:
    return _medians([cells(results, name, operation, 64) for operation in NAMES], "p99")


def _cost(results: Results, name: str) -> str:
    return _medians([cells(results, name, operation, 16) for operation in NAMES], "cpu")


def _medians(found: list[list[dict[str, Any]] | None], figure: str) -> str:
    return ", ".join(
        _short(statistics.median(cell[figure] for cell in one) if one else None) for one in found
    )


def _start(results: Results, name: str) -> str:
    return _short(started(results, name))


def _memory(results: Results, name: str) -> str:
    return f"{_short(started(results, name, 'idle'))}, {_short(loaded(results, name))}"


ROWS: Mapping[str, Callable[[Results, str], str]] = {
    "req/s": _speed,
    "mockserver is so many times as fast": _ratios,
    "p99 at 64 connections, ms": _tail,
    "CPU for a request, µs": _cost,
    "start to first answer, s": _start,
    "memory idle, after load, MB": _memory,
}


def in_readme(text: str, results: Results) -> str:
    """The README with the table between its marks. ValueError: the marks are not there."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the README has no {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{table(results)}\n{END}{after}"
