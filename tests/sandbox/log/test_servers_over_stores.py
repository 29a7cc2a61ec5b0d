"""Two servers over every store answer as one server would, in the order of the store's log."""

import asyncio
import random
from typing import Any

from mockserver import app
from mockserver.sandbox.log.log import MAX_ENTRIES, Entry, Life, Log, Settled
from tests.sandbox.log.conftest import Store
from tests.server.turns.test_turns import CALLS, PRODUCTS, SET_UP
from tests.server.turns.witness import CALLER, History, problems

CLIENTS, CALLS_OF_EACH = 12, 20


class NotingLog:
    """The log of one server, which notes whose call each entry is."""

    def __init__(self, log: Log, callers: dict[bytes, int]) -> None:
        self._log, self._callers = log, callers

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    def append(self, name: str, head: bytes | None, entry: Entry, life: Life, settled: Settled) -> None:
        self._callers[entry.token] = CALLER.get()
        self._log.append(name, head, entry, life, settled)


async def problems_of_two_servers(store: Store, seed: int = 1) -> list[str]:
    callers: dict[bytes, int] = {}
    mocks = [app.build(products=PRODUCTS, log=NotingLog(store(), callers)) for _ in range(2)]
    for mock in mocks:
        assert mock.copies is not None
        await mock.copies.join()
    servers, history = [mock.application for mock in mocks], History()
    for one in SET_UP:
        await history.send(servers[0], one)

    async def client(number: int) -> None:
        chance = random.Random(f"{seed} {number}")
        for _ in range(CALLS_OF_EACH):
            await history.send(servers[chance.randrange(2)], chance.choice(CALLS)(chance))

    async with asyncio.TaskGroup() as group:
        for number in range(CLIENTS):
            group.create_task(client(number))
    log = store()
    await log.join(mocks[0].copies.fingerprint())  # type: ignore[union-attr]
    kept = await log.load("shared")
    assert kept is not None
    assert kept.length == len(kept.entries) < MAX_ENTRIES
    found = await problems(
        history.calls,
        [callers[entry.token] for entry in kept.entries],
        app.build(products=PRODUCTS).application,
    )
    for opened in (log, *(mock.copies.log for mock in mocks if mock.copies)):
        await opened.close()
    return found


def test_two_servers_answer_as_one(store: Store, runner: asyncio.Runner) -> None:
    assert runner.run(problems_of_two_servers(store)) == []
