"""Results as the README's table, made from the JSON file alone."""

import json
import statistics
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.bench.bars import NAMES, against, cells, loaded, started
from tests.bench.peers import MOCKSERVER, PEERS

RESULTS = Path(__file__).parent / "results.json"
README = Path(__file__).parents[2] / "README.md"
BEGIN, END = "<!-- bench -->", "<!-- /bench -->"
LABELS = {"page": "page of 20", "read": "read by key", "write": "write"}
NOTHING = "–"
Results = Mapping[str, Any]


def read(file: Path = RESULTS) -> Results:
    results: Results = json.loads(file.read_text())
    return results


def table(results: Results) -> str:
    """The table in Markdown, with the conditions above it. A figure that was not right is a dash."""
    names = [name for name in PEERS if name in results.get("load", {}).get("cells", {})]
    head = ["", *(PEERS[name].title for name in names)]
    rows = [[title, *(make(name) for name in names)] for title, make in _rows(results)]
    written = ["| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows]]
    return "\n".join([_conditions(results), "", *written])


def _conditions(results: Results) -> str:
    plan, versions, machine = results["plan"], results["versions"], results["machine"]
    kind = "A smoke run, not a measurement" if plan["quick"] else f"Medians of {plan['rounds']} interleaved rounds"
    packages = (f"{title} {versions[name]}" for name, title in {
        "@stoplight/prism-cli": "Prism", "@mockoon/cli": "Mockoon", "wiremock": "WireMock",
        "connexion": "Connexion", "uvicorn": "uvicorn",
    }.items())  # fmt: skip
    return (
        f"{kind} (spread) on {machine['cores']} cores of {machine['cpu']}, {results['taken']}, Python "
        f"{versions['python']}; {', '.join(packages)}. 16 connections where nothing else is said."
    )


def _rows(results: Results) -> list[tuple[str, Callable[[str], str]]]:
    """Titles of rows, with what makes a row's figure for a server."""
    each = [
        (f"{label}, req/s", lambda name, op=op: _spread(cells(results, name, op, 16)))
        for op, label in LABELS.items()
    ]
    return [
        *each,
        ("mockserver is so many times as fast", lambda name: _ratios(results, name)),
        ("p99 at 64 connections, ms", lambda name: _three(results, name, 64, "p99")),
        ("CPU for one request, µs", lambda name: _three(results, name, 16, "cpu")),
        ("start to first answer, s", lambda name: _number(started(results, name), 2)),
        ("memory idle, after load, MB", lambda name: _memory(results, name)),
    ]


def _spread(found: list[dict[str, Any]] | None) -> str:
    if not found:
        return NOTHING
    values = [cell["rps"] for cell in found]
    middle = statistics.median(values)
    return f"{middle:,.0f} ({(max(values) - min(values)) / middle:.0%})"


def _ratios(results: Results, name: str) -> str:
    if name == MOCKSERVER:
        return ""
    return _joined(against(results, name, 16), lambda value: f"{value:.2g}" if value < 10 else f"{value:.0f}")


def _three(results: Results, name: str, connections: int, figure: str) -> str:
    found = [cells(results, name, operation, connections) for operation in NAMES]
    values = [statistics.median(cell[figure] for cell in one) if one else None for one in found]
    return _joined(values, lambda value: f"{value:,.0f}" if value >= 10 else f"{value:.1f}")


def _joined(values: list[float | None], form: Callable[[float], str]) -> str:
    return ", ".join(NOTHING if value is None else form(value) for value in values)


def _memory(results: Results, name: str) -> str:
    return f"{_number(started(results, name, 'idle'), 0)}, {_number(loaded(results, name), 0)}"


def _number(value: float | None, digits: int) -> str:
    return NOTHING if value is None else f"{value:.{digits}f}"


def in_readme(text: str, results: Results) -> str:
    """The README with the table between its marks. ValueError: the marks are not there."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the README has no {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{table(results)}\n{END}{after}"
