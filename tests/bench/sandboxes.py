"""What sandboxes cost: one of them against ten thousand, by HTTP and, beneath it, in process."""

import gc
import statistics
import time
import tracemalloc
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from mockserver.sandbox.registry import Sandboxes
from tests.bench.client import Answer, Client
from tests.bench.measure import Figures, Plan, rotated, say
from tests.bench.operations import PRODUCTS, READ, WRITE
from tests.bench.peers import MOCKSERVER, ours
from tests.bench.process import Server, running

CONNECTIONS, SECONDS = 16, 2
INSIDE = 1000


def sandboxes(plan: Plan, folder: Path) -> Figures:
    """Milliseconds of the first and second call of each, MB before and after, and reads in one or all."""
    count = plan.sandboxes
    with running(MOCKSERVER, ours(), folder) as server:
        with Client(server.url) as client:
            for number in range(100):
                _write(client, "demo", number)
            before = server.memory()
            written = list(_timed(count, lambda n: _write(client, f"bench-{n}", n)))
            made = server.memory()
            read = list(_timed(count, lambda n: _read(client, f"bench-{n}")))
        wrong = next((text for text in map(_wrong, range(count), read) if text), "")
        figures = {
            "count": count,
            "before": before,
            "made": made,
            "wrong": wrong,
            "reads": _reads(server, plan),
        }
    first, second = ([milliseconds for milliseconds, _ in calls] for calls in (written, read))
    say(f"{count} sandboxes")
    return {**figures, "first": _tenths(first), "second": _tenths(second), "inside": inside()}


def _write(client: Client, name: str, number: int) -> Answer:
    headers = {**WRITE.headers, "X-Mock-Sandbox": name}
    return client.ask("PATCH", WRITE.target(0), headers, WRITE.body % (number / 100))


def _read(client: Client, name: str) -> Answer:
    return client.ask("GET", READ.target(0), {**READ.headers, "X-Mock-Sandbox": name})


def _timed(count: int, work: Callable[[int], Answer]) -> Iterator[tuple[float, Answer]]:
    for number in range(count):
        started = time.perf_counter()
        answer = work(number)
        yield (time.perf_counter() - started) * 1000, answer


def _wrong(number: int, read: tuple[float, Answer]) -> str:
    """Each sandbox must show the price that was written in it, and no other's."""
    answer = read[1]
    if wrong := READ.wrong(answer):
        return wrong
    price = answer.body["price_net"]
    return "" if price == Decimal(number).scaleb(-2) else f"sandbox {number} has the price {price}"


def _tenths(milliseconds: list[float]) -> list[float]:
    """Medians of ten equal parts, in the order of the calls: they show whether cost grows with the count."""
    size = len(milliseconds) // 10
    return [statistics.median(milliseconds[part * size : (part + 1) * size]) for part in range(10)]


def _reads(server: Server, plan: Plan) -> Figures:
    reads: Figures = {"one": [], "all": []}
    for number in range(plan.rounds):
        for kind, spread in rotated([("one", 1), ("all", plan.sandboxes)], number):
            seconds = 1 if plan.quick else SECONDS
            reads[kind].append(plan.load.cell(server, READ, CONNECTIONS, seconds, spread))
    return reads


def inside(products: int = PRODUCTS) -> dict[str, Any]:
    """Milliseconds of the control's verbs (medians), and bytes of a sandbox, in this process."""
    all_of_them = Sandboxes(seed=42, products=products)
    all_of_them.get_or_create("first").draft().catalog.variant(0)
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    figures = {"make": _median(lambda n: all_of_them.create(f"made-{n}"))}
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    figures["bytes"] = (after - before) / INSIDE
    used = all_of_them.get("made-0")
    used.take_snapshot("before")
    figures["reset"] = _median(lambda n: used.reset())
    figures["restore"] = _median(lambda n: used.restore("before"))
    figures["fork"] = _median(lambda n: all_of_them.fork("made-0", f"fork-{n}"))
    return figures


def _median(work: Callable[[int], object]) -> float:
    """The median milliseconds of one call of `work`, which is told its number."""
    taken = []
    for number in range(INSIDE):
        started = time.perf_counter()
        work(number)
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken)
