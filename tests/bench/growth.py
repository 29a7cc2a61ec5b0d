"""The cost of a large catalog: a million products compared with 100."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPException
from pathlib import Path
from typing import Any

from tests.bench.client import Client, Response
from tests.bench.measure import Figures, Plan, log_progress, rotated
from tests.bench.operations import IDS, PAGE_OF_20, PAGE_SIZE, PRODUCTS, READ, search
from tests.bench.peers import MOCKSERVER, ours
from tests.bench.process import Server, running

SMALL = 100
CONNECTIONS, SECONDS = 16, 2
MAX_SEARCH_SECONDS = 90.0
COMMON_WORDS = ("jacket", "hoodie", "sandals", "raincoat")  # each is in the name of every twelfth product
COUNTS = {"many": PAGE_SIZE, "one": 1, "none": 0}  # by kind of search: records on its first page
READS = (PAGE_OF_20, READ, IDS)


def measure_growth(plan: Plan, folder: Path) -> Figures:
    """Measure start, reads, searches and memory with 100 products and with a million.

    The large server is read in two ways: over all its keys, so that no record repeats ("large"), and
    over the few keys that the small server has too ("large_same").
    """
    commands = {f"{MOCKSERVER}-{size}": ours(size) for size in (SMALL, PRODUCTS)}
    ready: Figures = {name: [] for name in commands}
    for number in range(plan.starts):
        for name in rotated(list(commands), number):
            with running(name, commands[name], folder) as server:
                ready[name].append(server.seconds)
    with ExitStack() as stack:
        small, large = (
            stack.enter_context(running(name, command, folder)) for name, command in commands.items()
        )
        idle = {"small": small.memory(), "large": large.memory()}
        reads = _reads(small, large, plan)
        memory = {"small": small.memory(), "large": large.memory()}
        searches = {"small": _searches(small, plan), "large": _searches(large, plan)}
        searched = {"small": small.memory(), "large": large.memory()}
    seconds = dict(zip(("small", "large"), ready.values(), strict=True))
    return {"ready": seconds, "idle": idle, "reads": reads, "read": memory, "search": searches,
            "searched": searched}  # fmt: skip


def _reads(small: Server, large: Server, plan: Plan) -> Figures:
    figures: Figures = {"small": {}, "large": {}, "large_same": {}}
    for number in range(plan.rounds):
        for operation in READS:
            few = operation.limited_to(SMALL)
            kinds = [("small", small, few), ("large", large, operation), ("large_same", large, few)]
            for kind, server, calls in rotated(kinds, number):
                cell = plan.load.cell(server, calls, CONNECTIONS, 1 if plan.quick else SECONDS)
                figures[kind].setdefault(operation.name, []).append(cell)
        log_progress(f"growth, round {number + 1} of {plan.rounds}")
    return figures


def _searches(server: Server, plan: Plan) -> list[dict[str, Any]]:
    """Time searches that find many records, one record or no record, for at most `MAX_SEARCH_SECONDS`."""
    done: list[dict[str, Any]] = []
    deadline = time.monotonic() + MAX_SEARCH_SECONDS
    with Client(server.url) as client:
        for kind, text in _texts(client, server, plan):
            operation = search(text, COUNTS[kind])
            if time.monotonic() > deadline:
                break
            started = time.perf_counter()
            try:
                response = operation.send(client, 0)
            except (OSError, HTTPException) as error:
                return [*done, {"kind": kind, "wrong": f"{type(error).__name__}: {error}"}]
            milliseconds = (time.perf_counter() - started) * 1000
            wrong = operation.check(response) or _check_search(kind, text, response)
            done.append({"kind": kind, "milliseconds": milliseconds, "wrong": wrong})
    log_progress(f"searched {server.name} {len(done)} times")
    return done


def _check_search(kind: str, text: str, response: Response) -> str:
    """Return an error if the total is wrong or a record does not contain the text, else an empty string."""
    total = response.body["total"]["total"]
    if not (total > PAGE_SIZE if kind == "many" else total == COUNTS[kind]):
        return f"the total is {total}"
    fields = ("name", "productName", "sku")
    wrong = [item for item in response.body["inventory"] if not any(text in item[f].lower() for f in fields)]
    return f"a record does not contain the text: {wrong[0]}" if wrong else ""


def _texts(client: Client, server: Server, plan: Plan) -> Iterator[tuple[str, str]]:
    """Yield (kind, text) of searches; no text repeats, so that no cache helps."""
    products = int(server.name.rpartition("-")[2])
    for number in range(plan.searches):
        if products > SMALL:  # a small catalog might not fill the page
            yield "many", COMMON_WORDS[number]
        # The last records have the longest numbers, so no other SKU contains one of theirs.
        record = READ.limited_to(products).keys[-1 - number]
        sku = client.send("GET", f"/_mock/sandboxes/demo/records/{READ.record % record}").body["sku"]
        yield "one", sku.lower()
        yield "none", f"no such thing {number}"
