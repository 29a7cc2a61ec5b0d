"""The cost of sandboxes: ten thousand compared with one, measured over HTTP and in process."""

import gc
import statistics
import time
import tracemalloc
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from mockserver.sandbox.registry import Sandboxes
from tests.bench.client import Client, Response
from tests.bench.measure import Figures, Plan, log_progress, rotated
from tests.bench.operations import PRODUCTS, READ, WRITE
from tests.bench.peers import MOCKSERVER, ours
from tests.bench.process import Server, running

CONNECTIONS, SECONDS = 16, 2
IN_PROCESS_CALLS = 1000


def measure_sandboxes(plan: Plan, folder: Path) -> Figures:
    """Measure the cost of many sandboxes.

    The figures are the milliseconds of the first and second call in each sandbox, the MB in use before
    and after all were created, and the speed of reads in one sandbox and in all.
    """
    count = plan.sandboxes
    with running(MOCKSERVER, ours(), folder) as server:
        with Client(server.url) as client:
            for number in range(100):
                _write(client, "demo", number)
            before = server.memory()
            written = list(_timed(count, lambda n: _write(client, f"bench-{n}", n)))
            after = server.memory()
            read = list(_timed(count, lambda n: _read(client, f"bench-{n}")))
        wrong = next((text for text in map(_check, range(count), read) if text), "")
        figures = {
            "count": count,
            "before": before,
            "made": after,
            "wrong": wrong,
            "reads": _reads(server, plan),
        }
    first, second = ([milliseconds for milliseconds, _ in calls] for calls in (written, read))
    log_progress(f"{count} sandboxes")
    tenths = {"first": _medians_of_tenths(first), "second": _medians_of_tenths(second)}
    return {**figures, **tenths, "inside": measure_in_process()}


def _write(client: Client, name: str, number: int) -> Response:
    headers = {**WRITE.headers, "X-Mock-Sandbox": name}
    return client.send("PATCH", WRITE.target(0), headers, WRITE.body % (number / 100))


def _read(client: Client, name: str) -> Response:
    return client.send("GET", READ.target(0), {**READ.headers, "X-Mock-Sandbox": name})


def _timed(count: int, work: Callable[[int], Response]) -> Iterator[tuple[float, Response]]:
    """Yield (milliseconds, response) of `work(0)`, `work(1)` and so on."""
    for number in range(count):
        started = time.perf_counter()
        response = work(number)
        yield (time.perf_counter() - started) * 1000, response


def _check(number: int, read: tuple[float, Response]) -> str:
    """Return an error if a read does not show the price written in its sandbox, else an empty string."""
    response = read[1]
    if wrong := READ.check(response):
        return wrong
    price = response.body["price_net"]
    return "" if price == Decimal(number).scaleb(-2) else f"sandbox {number} has the wrong price {price}"


def _medians_of_tenths(milliseconds: list[float]) -> list[float]:
    """Return the medians of ten equal parts, in order; they show if the cost grows with the count."""
    size = len(milliseconds) // 10
    return [statistics.median(milliseconds[part * size : (part + 1) * size]) for part in range(10)]


def _reads(server: Server, plan: Plan) -> Figures:
    reads: Figures = {"one": [], "all": []}
    for number in range(plan.rounds):
        for kind, count in rotated([("one", 1), ("all", plan.sandboxes)], number):
            seconds = 1 if plan.quick else SECONDS
            reads[kind].append(plan.load.cell(server, READ, CONNECTIONS, seconds, count))
    return reads


def measure_in_process(products: int = PRODUCTS) -> dict[str, Any]:
    """Measure sandboxes in this process: the median milliseconds of operations, and the bytes of each."""
    registry = Sandboxes(seed=42, products=products)
    registry.get_or_create("first").draft().catalog.variant(0)
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    figures = {"make": _median(lambda n: registry.create(f"made-{n}"))}
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    figures["bytes"] = (after - before) / IN_PROCESS_CALLS
    used = registry.get("made-0")
    used.take_snapshot("before")
    figures["reset"] = _median(lambda n: used.reset())
    figures["restore"] = _median(lambda n: used.restore("before"))
    figures["fork"] = _median(lambda n: registry.fork("made-0", f"fork-{n}"))
    return figures


def _median(work: Callable[[int], object]) -> float:
    """Return the median milliseconds of `work(0)`, `work(1)` and so on."""
    times = []
    for number in range(IN_PROCESS_CALLS):
        started = time.perf_counter()
        work(number)
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)
