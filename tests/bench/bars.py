"""What is to be reached, what was measured, and whether it is met; nothing unchecked counts."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.bench import guard
from tests.bench.peers import BARE, MOCKSERVER, PEERS

Results = Mapping[str, Any]
NAMES = ("page", "read", "write")
LEAST = {"prism": 4.0, "prism-dynamic": 8.0, "mockoon": 15.0, "connexion": 12.0}


@dataclass(frozen=True)
class Bar:
    """One line. `measured` holds the worst first; it is empty where something was not measured or wrong."""

    figure: str
    bar: float
    at_least: bool
    measured: tuple[float, ...]

    @property
    def worst(self) -> float | None:
        return self.measured[0] if self.measured else None

    @property
    def met(self) -> bool | None:
        if self.worst is None:
            return None
        return self.worst >= self.bar if self.at_least else self.worst <= self.bar


def bar(figure: str, bound: str, measured: Sequence[float | None]) -> Bar:
    """A line from `>= 4` or `<= 2`; one figure that is missing makes all of them worthless."""
    sign, _, number = bound.partition(" ")
    known = [one for one in measured if one is not None]
    complete = len(known) == len(measured)
    worst_first = sorted(known, reverse=sign == "<=") if complete else []
    return Bar(figure, float(number), sign == ">=", tuple(worst_first))


def cells(results: Results, name: str, operation: str, connections: int) -> list[dict[str, Any]] | None:
    """The rounds of one cell. None: it was not measured, or an answer in it was wrong."""
    found = results.get("load", {}).get("cells", {}).get(name, {}).get(operation, {}).get(str(connections))
    return right(found)


def right(found: list[dict[str, Any]] | None) -> list[dict[str, Any]] | None:
    return found if found and not any(cell["wrong"] for cell in found) else None


def ratio(
    ours: list[dict[str, Any]] | None, theirs: list[dict[str, Any]] | None, figure: str
) -> float | None:
    """The median of the rounds' ratios. None: one of them cannot be had."""
    if not ours or not theirs or any(not cell[figure] for cell in theirs):
        return None
    return statistics.median(float(a[figure] / b[figure]) for a, b in zip(ours, theirs, strict=True))


def against(results: Results, name: str, connections: int, figure: str = "rps") -> list[float | None]:
    """Our ratios to another server in the three operations."""
    return [
        ratio(cells(results, MOCKSERVER, op, connections), cells(results, name, op, connections), figure)
        for op in NAMES
    ]


def bars(results: Results) -> list[Bar]:
    """The lines of all parts that were measured, in the order in which they were set."""
    return [one for part, make in MAKERS if part in results for one in make(results)]


def _speed(results: Results) -> Iterator[Bar]:
    page, read, write = against(results, BARE, 16)
    yield bar("read, write / bare ASGI, 16 connections", ">= 0.5", [read, write])
    yield bar("page of 20 / bare ASGI, 16 connections", ">= 0.35", [page])
    for name, least in LEAST.items():
        yield bar(f"each operation / {PEERS[name].title}", f">= {least:g}", against(results, name, 16))


def _wiremock(results: Results) -> Iterator[Bar]:
    both = [*against(results, "wiremock", 16), *against(results, "wiremock", 64)]
    yield bar("each / WireMock, 16 and 64 connections", ">= 1", both)
    cpu = [*against(results, "wiremock", 16, "cpu"), *against(results, "wiremock", 64, "cpu")]
    yield bar("WireMock / each, by CPU", ">= 2", [one and 1 / one for one in cpu])


def _tail(results: Results) -> Iterator[Bar]:
    yield bar("p99 / bare ASGI's, 64 connections", "<= 2", against(results, BARE, 64, "p99"))
    for name in PEERS:
        if name not in (MOCKSERVER, BARE):
            title = f"p99 / {PEERS[name].title}'s, 64 connections"
            yield bar(title, "<= 1", against(results, name, 64, "p99"))


def median(values: Sequence[float] | None) -> float | None:
    return statistics.median(values) if values else None


def started(results: Results, name: str, figure: str = "seconds") -> float | None:
    """The median seconds of a start, or MB just after it."""
    return median(results.get("startup", {}).get(name, {}).get(figure))


def loaded(results: Results, name: str) -> float | None:
    """MB after load. None: not measured, or there was nobody left."""
    return results.get("load", {}).get("loaded", {}).get(name) or None


def _over(ours: float | None, theirs: float | None) -> float | None:
    return ours / theirs if ours is not None and theirs else None


def _start(results: Results) -> Iterator[Bar]:
    mine = started(results, MOCKSERVER)
    for name, most in {"prism": 0.45, "wiremock": 0.6}.items():
        figure = f"exec to first answer / {PEERS[name].title}'s"
        yield bar(figure, f"<= {most}", [_over(mine, started(results, name))])
    yield bar("exec to first answer, s", "<= 0.5", [mine])


def _memory(results: Results) -> Iterator[Bar]:
    for name, most in {"prism": 0.5, "wiremock": 0.25}.items():
        figure = f"memory after load / {PEERS[name].title}'s"
        yield bar(figure, f"<= {most}", [_over(loaded(results, MOCKSERVER), loaded(results, name))])


def growth(results: Results) -> Iterator[Bar]:
    grown = results.get("growth", {})
    ready, memory = grown.get("ready", {}), grown.get("searched", {})
    yield bar("a million products: ready later, s", "<= 0.1", [_less(*map(ready.get, ("large", "small")))])
    for kind, words in {"large_same": "the same keys", "large": "keys all over"}.items():
        yield bar(f"a million products: reads slower, {words}", "<= 1.1", _slower(grown, kind))
    found = grown.get("search", {}).get("large", [])
    times = [None if one["wrong"] else one["milliseconds"] for one in found]
    yield bar("a million products: search, ms", "<= 25", times or [None])
    more = [memory["large"] - memory["small"]] if memory else [None]
    yield bar("a million products: more memory, MB", "<= 40", more)


def _less(large: Sequence[float] | None, small: Sequence[float] | None) -> float | None:
    if not large or not small:
        return None
    return statistics.median(a - b for a, b in zip(large, small, strict=True))


def _slower(grown: Mapping[str, Any], kind: str) -> list[float | None]:
    """How many times longer a read takes than with 100 products."""
    reads = grown.get("reads", {})
    names = reads.get("small", {})
    pairs = [(right(names[name]), right(reads[kind][name])) for name in names]
    return [ratio(small, large, "rps") for small, large in pairs] or [None]


def _inside(results: Results) -> Iterator[Bar]:
    found = results.get("inprocess", {})
    cost = {name: median(found.get(name, {}).get("ours")) for name in NAMES}
    yield bar("in process: record, us", "<= 40", [cost["read"]])
    yield bar("in process: page of 20, us", "<= 120", [cost["page"]])
    beyond = guard.ratios(found) if found else {}
    for name in NAMES:
        yield bar(f"in process: {name} / bare ASGI", f"<= {guard.BARS[name]:g}", [beyond.get(name)])


MAKERS = (
    ("load", _speed),
    ("load", _wiremock),
    ("load", _tail),
    ("startup", _start),
    ("load", _memory),
    ("growth", growth),
    ("inprocess", _inside),
)


def lines(results: Results) -> list[str]:
    """One line for each bar: figure, bar, measured, met or not."""
    written = []
    for one in bars(results):
        sign = ">=" if one.at_least else "<="
        values = " ".join(f"{value:.3g}" for value in one.measured) or "not measured, or not right"
        met = {True: "met", False: "NOT MET", None: "-"}[one.met]
        written.append(f"{one.figure:<50} {sign} {one.bar:<6g} {met:<8} {values}")
    return written


def as_json(results: Results) -> list[dict[str, Any]]:
    return [
        {"figure": one.figure, "bar": f"{'>=' if one.at_least else '<='} {one.bar:g}",
         "measured": [round(value, 4) for value in one.measured], "met": one.met}
        for one in bars(results)
    ]  # fmt: skip
