"""What a sandbox costs over a large catalogue: `python -m tests.bench.sandboxes`."""

import gc
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable

from mockserver.sandbox import Sandboxes


def milliseconds(work: Callable[[int], object], times: int) -> float:
    """The median time of one call of `work`, which is told its number."""
    taken = []
    for number in range(times):
        started = time.perf_counter()
        work(number)
        taken.append(time.perf_counter() - started)
    return statistics.median(taken) * 1000


def main(products: int = 100_000, sandboxes: int = 1000) -> dict[str, float]:
    """Figures by name: milliseconds (median), and bytes for one sandbox."""
    all_of_them = Sandboxes(seed=42, products=products)
    all_of_them.named("first").draft().goods.variant(0)
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    figures = {"make": milliseconds(lambda n: all_of_them.create(f"made-{n}"), sandboxes)}
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    figures["bytes"] = (after - before) / sandboxes
    used = all_of_them.get("made-0")
    used.take_snapshot("before")
    figures["reset"] = milliseconds(lambda n: used.reset(), sandboxes)
    figures["restore"] = milliseconds(lambda n: used.restore("before"), sandboxes)
    figures["fork"] = milliseconds(lambda n: all_of_them.fork("made-0", f"fork-{n}"), sandboxes)
    return figures


if __name__ == "__main__":
    figures = main()
    print("1,000 sandboxes over 100,000 products, medians", file=sys.stderr)
    for name, value in figures.items():
        print(f"{name:<8} {value:10.4f} {'bytes each' if name == 'bytes' else 'ms'}")
