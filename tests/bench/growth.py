"""What a large catalogue costs: 100 products against a million."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPException
from pathlib import Path
from typing import Any

from tests.bench.client import Answer, Client
from tests.bench.measure import Figures, Plan, rotated, say
from tests.bench.operations import IDS, PAGE, PAGE_OF_20, PRODUCTS, READ, search
from tests.bench.peers import MOCKSERVER, ours
from tests.bench.process import Server, running

SMALL = 100
CONNECTIONS, SECONDS = 16, 2
SEARCH_BUDGET = 90.0
KINDS = ("jacket", "hoodie", "sandals", "raincoat")  # words of one product in twelve, each
COUNTS = {"many": PAGE, "one": 1, "none": 0}  # records on the first page
READS = (PAGE_OF_20, READ, IDS)


def growth(plan: Plan, folder: Path) -> Figures:
    """Ready, reads, search and memory with 100 products and with a million, side by side.

    The large one is read all over, where no record comes twice, and in the same few that the
    small one has.
    """
    commands = {f"{MOCKSERVER}-{size}": ours(size) for size in (SMALL, PRODUCTS)}
    ready: Figures = {name: [] for name in commands}
    for number in range(plan.starts):
        for name in rotated(list(commands), number):
            with running(name, commands[name], folder) as server:
                ready[name].append(server.seconds)
    with ExitStack() as stack:
        small, large = (stack.enter_context(running(name, one, folder)) for name, one in commands.items())
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
            few = operation.over(SMALL)
            kinds = [("small", small, few), ("large", large, operation), ("large_same", large, few)]
            for kind, server, asked in rotated(kinds, number):
                cell = plan.load.cell(server, asked, CONNECTIONS, 1 if plan.quick else SECONDS)
                figures[kind].setdefault(operation.name, []).append(cell)
        say(f"growth, round {number + 1} of {plan.rounds}")
    return figures


def _searches(server: Server, plan: Plan) -> list[dict[str, Any]]:
    """Milliseconds of searches for many, one and none, until the time for them is used up."""
    done: list[dict[str, Any]] = []
    until = time.monotonic() + SEARCH_BUDGET
    with Client(server.url) as client:
        for kind, text in _texts(client, server, plan):
            operation = search(text, COUNTS[kind])
            if time.monotonic() > until:
                break
            started = time.perf_counter()
            try:
                answer = operation.ask(client, 0)
            except (OSError, HTTPException) as error:
                return [*done, {"kind": kind, "wrong": f"{type(error).__name__}: {error}"}]
            milliseconds = (time.perf_counter() - started) * 1000
            wrong = operation.wrong(answer) or _astray(kind, text, answer)
            done.append({"kind": kind, "milliseconds": milliseconds, "wrong": wrong})
    say(f"searched {server.name} {len(done)} times")
    return done


def _astray(kind: str, text: str, answer: Answer) -> str:
    """What was found although it does not mention the text, or a total that cannot be."""
    total = answer.body["total"]["total"]
    if not (total > PAGE if kind == "many" else total == COUNTS[kind]):
        return f"a total of {total}"
    fields = ("name", "productName", "sku")
    stray = [item for item in answer.body["inventory"] if not any(text in item[f].lower() for f in fields)]
    return f"found {stray[0]}" if stray else ""


def _texts(client: Client, server: Server, plan: Plan) -> Iterator[tuple[str, str]]:
    """Texts that each come once, so that no memory of an earlier search helps."""
    products = int(server.name.rpartition("-")[2])
    for number in range(plan.searches):
        if products > SMALL:  # where a full page is sure
            yield "many", KINDS[number]
        record = READ.over(products).keys[-1 - number]  # its SKU is part of no other: none has more digits
        sku = client.ask("GET", f"/_mock/sandboxes/demo/records/{READ.record % record}").body["sku"]
        yield "one", sku.lower()
        yield "none", f"no such thing {number}"
