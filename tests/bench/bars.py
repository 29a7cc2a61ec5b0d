"""Bars: the target of each figure, its measured values, and the verdict on them.

A bar with a wrong or missing value is neither met nor missed.
"""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.bench import guard
from tests.bench.peers import BARE, MOCKSERVER, PEERS

Results = Mapping[str, Any]
OPERATION_NAMES = ("page", "read", "write")
MIN_RATIOS = {"prism": 4.0, "prism-dynamic": 8.0, "mockoon": 15.0, "connexion": 12.0}


@dataclass(frozen=True)
class Bar:
    """The target of one figure: at least `bar` if `at_least` is True, otherwise at most `bar`.

    `measured` holds the measured values, the worst first. It is empty if a value is missing or wrong.
    """

    figure: str
    bar: float
    at_least: bool
    measured: tuple[float, ...]

    @property
    def worst(self) -> float | None:
        return self.measured[0] if self.measured else None

    @property
    def met(self) -> bool | None:
        """Return True if the worst value is good enough, or None if there is no value."""
        if self.worst is None:
            return None
        return self.worst >= self.bar if self.at_least else self.worst <= self.bar


def make_bar(figure: str, bound: str, measured: Sequence[float | None]) -> Bar:
    """Return a bar for a bound such as `>= 4` or `<= 2`. If one value is None, all are dropped."""
    sign, _, number = bound.partition(" ")
    known = [value for value in measured if value is not None]
    complete = len(known) == len(measured)
    worst_first = sorted(known, reverse=sign == "<=") if complete else []
    return Bar(figure, float(number), sign == ">=", tuple(worst_first))


def cells(results: Results, name: str, operation: str, connections: int) -> list[dict[str, Any]] | None:
    """Return a cell's results, one for each round, or None if a result is wrong or there are no results."""
    found = results.get("load", {}).get("cells", {}).get(name, {}).get(operation, {}).get(str(connections))
    return valid(found)


def valid(found: list[dict[str, Any]] | None) -> list[dict[str, Any]] | None:
    """Return `found`, or None if a result is wrong or there are no results."""
    return found if found and not any(cell["wrong"] for cell in found) else None


def ratio(
    ours: list[dict[str, Any]] | None, theirs: list[dict[str, Any]] | None, figure: str
) -> float | None:
    """Return the median over all rounds of our value divided by theirs, or None if a value is unknown."""
    if not ours or not theirs or any(not cell[figure] for cell in theirs):
        return None
    return statistics.median(float(a[figure] / b[figure]) for a, b in zip(ours, theirs, strict=True))


def ratios_to(results: Results, name: str, connections: int, figure: str = "rps") -> list[float | None]:
    """Return, for each of the three operations, our figure as a multiple of another server's."""
    return [
        ratio(cells(results, MOCKSERVER, op, connections), cells(results, name, op, connections), figure)
        for op in OPERATION_NAMES
    ]


def bars(results: Results) -> list[Bar]:
    """Return the bars of all measured parts, in a fixed order."""
    return [bar for part, make in MAKERS if part in results for bar in make(results)]


def _speed_bars(results: Results) -> Iterator[Bar]:
    page, read, write = ratios_to(results, BARE, 16)
    yield make_bar("read, write / bare ASGI, 16 connections", ">= 0.5", [read, write])
    yield make_bar("page of 20 / bare ASGI, 16 connections", ">= 0.35", [page])
    for name, minimum in MIN_RATIOS.items():
        yield make_bar(
            f"each operation / {PEERS[name].title}", f">= {minimum:g}", ratios_to(results, name, 16)
        )


def _wiremock_bars(results: Results) -> Iterator[Bar]:
    both = [*ratios_to(results, "wiremock", 16), *ratios_to(results, "wiremock", 64)]
    yield make_bar("each / WireMock, 16 and 64 connections", ">= 1", both)
    cpu = [*ratios_to(results, "wiremock", 16, "cpu"), *ratios_to(results, "wiremock", 64, "cpu")]
    yield make_bar("WireMock / each, by CPU", ">= 2", [value and 1 / value for value in cpu])


def _latency_bars(results: Results) -> Iterator[Bar]:
    yield make_bar("p99 / bare ASGI's, 64 connections", "<= 2", ratios_to(results, BARE, 64, "p99"))
    for name in PEERS:
        if name not in (MOCKSERVER, BARE):
            title = f"p99 / {PEERS[name].title}'s, 64 connections"
            yield make_bar(title, "<= 1", ratios_to(results, name, 64, "p99"))


def median(values: Sequence[float] | None) -> float | None:
    return statistics.median(values) if values else None


def startup(results: Results, name: str, figure: str = "seconds") -> float | None:
    """Return the median of the seconds until the first response or, with `idle`, of the MB in use then."""
    return median(results.get("startup", {}).get(name, {}).get(figure))


def memory_after_load(results: Results, name: str) -> float | None:
    """Return the MB in use after load, or None if they were not measured or the server had ended."""
    return results.get("load", {}).get("loaded", {}).get(name) or None


def _quotient(ours: float | None, theirs: float | None) -> float | None:
    return ours / theirs if ours is not None and theirs else None


def _startup_bars(results: Results) -> Iterator[Bar]:
    ours = startup(results, MOCKSERVER)
    for name, most in {"prism": 0.45, "wiremock": 0.6}.items():
        figure = f"exec to first answer / {PEERS[name].title}'s"
        yield make_bar(figure, f"<= {most}", [_quotient(ours, startup(results, name))])
    yield make_bar("exec to first answer, s", "<= 0.5", [ours])


def _memory_bars(results: Results) -> Iterator[Bar]:
    for name, most in {"prism": 0.5, "wiremock": 0.25}.items():
        figure = f"memory after load / {PEERS[name].title}'s"
        yield make_bar(
            figure,
            f"<= {most}",
            [_quotient(memory_after_load(results, MOCKSERVER), memory_after_load(results, name))],
        )


def growth_bars(results: Results) -> Iterator[Bar]:
    """Yield five bars for a million products compared with 100: start, reads (two), search and memory."""
    grown = results.get("growth", {})
    ready, memory = grown.get("ready", {}), grown.get("searched", {})
    yield make_bar(
        "a million products: ready later, s",
        "<= 0.1",
        [_median_difference(*map(ready.get, ("large", "small")))],
    )
    for kind, label in {"large_same": "the same keys", "large": "keys all over"}.items():
        yield make_bar(f"a million products: reads slower, {label}", "<= 1.1", _slowdowns(grown, kind))
    found = grown.get("search", {}).get("large", [])
    times = [None if search["wrong"] else search["milliseconds"] for search in found]
    yield make_bar("a million products: search, ms", "<= 25", times or [None])
    more = [memory["large"] - memory["small"]] if memory else [None]
    yield make_bar("a million products: more memory, MB", "<= 40", more)


def _median_difference(large: Sequence[float] | None, small: Sequence[float] | None) -> float | None:
    if not large or not small:
        return None
    return statistics.median(a - b for a, b in zip(large, small, strict=True))


def _slowdowns(grown: Mapping[str, Any], kind: str) -> list[float | None]:
    """Return, for each operation, its time as a multiple of the time with 100 products."""
    reads = grown.get("reads", {})
    names = reads.get("small", {})
    pairs = [(valid(names[name]), valid(reads[kind][name])) for name in names]
    return [ratio(small, large, "rps") for small, large in pairs] or [None]


def _in_process_bars(results: Results) -> Iterator[Bar]:
    found = results.get("inprocess", {})
    cost = {name: median(found.get(name, {}).get("ours")) for name in OPERATION_NAMES}
    yield make_bar("in process: record, us", "<= 40", [cost["read"]])
    yield make_bar("in process: page of 20, us", "<= 120", [cost["page"]])
    ratios = guard.ratios(found) if found else {}
    for name in OPERATION_NAMES:
        yield make_bar(f"in process: {name} / bare ASGI", f"<= {guard.BARS[name]:g}", [ratios.get(name)])


MAKERS = (
    ("load", _speed_bars),
    ("load", _wiremock_bars),
    ("load", _latency_bars),
    ("startup", _startup_bars),
    ("load", _memory_bars),
    ("growth", growth_bars),
    ("inprocess", _in_process_bars),
)


def lines(results: Results) -> list[str]:
    """Return a line of text for each bar: its figure, target, verdict and measured values."""
    texts = []
    for bar in bars(results):
        sign = ">=" if bar.at_least else "<="
        values = " ".join(f"{value:.3g}" for value in bar.measured) or "not measured, or wrong"
        met = {True: "met", False: "NOT MET", None: "-"}[bar.met]
        texts.append(f"{bar.figure:<50} {sign} {bar.bar:<6g} {met:<8} {values}")
    return texts


def as_json(results: Results) -> list[dict[str, Any]]:
    """Return the bars in the format in which they are stored with the results."""
    return [
        {"figure": bar.figure, "bar": f"{'>=' if bar.at_least else '<='} {bar.bar:g}",
         "measured": [round(value, 4) for value in bar.measured], "met": bar.met}
        for bar in bars(results)
    ]  # fmt: skip
