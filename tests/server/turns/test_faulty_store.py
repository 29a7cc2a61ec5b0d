"""Two servers over a store that is late, loses acknowledgements and entries, and has other writers."""

import asyncio
import random
from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from mockserver import app
from mockserver.sandbox.log.log import Entry
from mockserver.server.copies import copies
from tests.server.turns.faulty_log import FaultyLog
from tests.server.turns.test_turns import BASIC, CALLS, SET_UP
from tests.server.turns.witness import History, journal_of, misplaced, request, unlike, unlisted

PRODUCTS = 5
STOCK = "/merchantpro/api/v2/inventory/id/10001"
READ, WRITE = 2, 6  # of CALLS: of Shoplazza, and of HighLevel
WEBHOOK = b'{"vendor":"highlevel","topics":["PriceUpdate"],"url":"http://127.0.0.1:9/"}'


class Servers:
    """Two servers over one faulty log, and the calls to them."""

    def __init__(self) -> None:
        self.log, self.history = FaultyLog(), History()
        self.mocks = [self.new() for _ in range(2)]
        self._tasks: list[asyncio.Task[Any]] = []
        self.forgotten: set[int] = set()

    def new(self) -> app.Mock:
        """Return a new server."""
        return app.build(products=PRODUCTS, log=self.log)

    async def begin(self, server: int, call: int, *seeds: int) -> None:
        """Begin calls to a server at once."""
        for seed in seeds:
            raw = CALLS[call](random.Random(seed))
            self._start(self.history.send(self.mocks[server].application, raw))
        await self.go_on()

    def _start(self, call: Coroutine[Any, Any, Any]) -> None:
        self._tasks.append(asyncio.get_running_loop().create_task(call))

    async def go_on(self) -> None:
        """Let everybody go on who waits for nothing but the event loop."""
        for _ in range(20):
            await asyncio.sleep(0)

    async def finish(self) -> None:
        """Keep all entries until each call has its answer."""
        while not all(task.done() for task in self._tasks):
            self.log.keep(self.log.waiting)
            await self.go_on()
        for task in self._tasks:
            task.result()

    async def call(self, server: int, method: str, path: str, body: bytes = b"") -> None:
        """Make a call to a server, and wait for its answer."""
        raw = request(method, path, BASIC, body)
        self._start(self.history.send(self.mocks[server].application, raw))
        await self.finish()

    async def begin_request(self, server: int, method: str, path: str) -> None:
        """Begin a call to a server that waits until its entry is kept."""
        self._start(self.history.send(self.mocks[server].application, request(method, path, BASIC)))
        await self.wait_for(1)

    async def wait_for(self, entries: int) -> None:
        """Wait until so many entries wait to be kept."""
        while self.log.waiting < entries:
            await self.go_on()

    async def set_up(self) -> None:
        for raw in SET_UP:
            self._start(self.history.send(self.mocks[0].application, raw))
            await self.finish()

    def forget(self) -> None:
        before = set(self.log.calls("shared"))
        self.log.forget()
        self.forgotten |= before - set(self.log.calls("shared"))

    async def problems(self) -> list[str]:
        """Return what is wrong with the answers, and with the journals of both servers."""
        await self.finish()
        kept, calls = self.log.calls("shared"), self.history.calls
        expected = [sent for sent in calls if sent.number not in self.forgotten or sent.number in kept]
        found = [*misplaced(calls, kept, among=expected)]
        found += [one async for one in unlike(calls, kept, app.build(products=PRODUCTS).application)]
        for mock in self.mocks:
            journal = await self.journal(mock)
            found += unlisted(journal, [calls[number] for number in kept], "shared")
        return found

    async def journal(self, mock: app.Mock) -> list[tuple[str, str, int]]:
        """Return the id, target and status of each call that a server lists."""
        listed = asyncio.create_task(journal_of(mock.application, "shared"))
        self._tasks = [listed]
        await self.finish()
        return listed.result()


class FaultyStore(RuleBasedStateMachine):
    """Calls to two servers, and what can happen to their store meanwhile."""

    @initialize()
    def begin(self) -> None:
        self.runner = asyncio.Runner()
        self.servers = self._run(_new())

    def _run(self, one: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(one)

    @rule(server=st.integers(0, 1), call=st.integers(0, len(CALLS) - 1), seed=st.integers(0, 50))
    def begin_call(self, server: int, call: int, seed: int) -> None:
        self._run(self.servers.begin(server, call, seed))

    @rule(count=st.integers(1, 5), loses=st.sampled_from([False, False, True]))
    def keep(self, count: int, loses: bool) -> None:
        self.servers.log.keep(count, lose_acknowledgements=loses)
        self._run(self.servers.go_on())

    @rule(kind=st.sampled_from(["save", "forget", "move", "restart"]), server=st.integers(0, 1))
    def accident(self, kind: str, server: int) -> None:
        match kind:
            case "save":
                self.servers.log.save()
            case "forget":
                self.servers.forget()
            case "move":
                self.servers.log.move_head("shared")
            case "restart":
                self.servers.mocks[server] = self.servers.new()

    def teardown(self) -> None:
        assert self._run(self.servers.problems()) == []
        self.runner.close()


async def _new() -> Servers:
    servers = Servers()
    await servers.set_up()
    return servers


FaultyStore.TestCase.settings = settings(max_examples=8, stateful_step_count=25, deadline=None)
test_servers_over_a_faulty_store = FaultyStore.TestCase


@pytest.mark.parametrize("heads", ["tokens", "numbers"])
def test_head_must_not_be_a_number(heads: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if heads == "numbers":
        monkeypatch.setattr(copies, "Entry", lambda *fields: Entry(b"%08d" % fields[-1], *fields[1:]))

    async def run() -> list[str]:
        servers = Servers()
        for number in (1, 2):
            await servers.call(0, "PATCH", STOCK, b'{"stock":%d}' % number)
        servers.log.save()
        await servers.call(1, "PATCH", STOCK, b'{"stock":7}')  # call 3, which the store forgets
        servers.forget()
        await servers.call(0, "PATCH", STOCK, b'{"stock":9}')  # another call 3
        await servers.call(1, "GET", STOCK)
        return await servers.problems()

    assert (asyncio.run(run()) != []) == (heads == "numbers")


@pytest.mark.parametrize("lost", ["the acknowledgement", "nothing", "the race"])
def test_clearing_counts_once_it_is_in_the_log(lost: str) -> None:
    async def run() -> list[list[str]]:
        servers = Servers()
        for _ in range(2):
            await servers.call(0, "GET", STOCK)
        await servers.begin_request(0, "DELETE", "/_mock/requests?sandbox=shared")
        if lost == "the race":
            servers.log.move_head("shared")
        servers.log.keep(1, lose_acknowledgements=lost == "the acknowledgement")
        await servers.finish()
        await servers.call(1, "GET", STOCK)
        return [[id for id, _, _ in await servers.journal(mock)] for mock in servers.mocks]

    assert asyncio.run(run()) == [["shared.3"], ["shared.3"]]


def test_calls_that_were_not_kept_leave_no_gap_in_the_journal() -> None:
    async def run() -> list[str]:
        servers = Servers()
        await servers.call(0, "GET", STOCK)
        await servers.begin_request(0, "GET", STOCK)
        servers.log.fail()
        await servers.call(0, "GET", STOCK)
        return await servers.problems()

    assert asyncio.run(run()) == []


def test_a_call_that_was_kept_after_an_uncertain_one_is_not_run_again() -> None:
    async def run() -> list[str]:
        servers = Servers()
        await servers.call(0, "GET", STOCK)
        for _ in range(2):
            await servers.begin(0, 0, 1)
        assert servers.log.waiting == 2
        servers.log.keep(1, lose_acknowledgements=True)
        servers.log.keep(1)
        return await servers.problems()

    assert asyncio.run(run()) == []


def test_calls_that_wait_for_a_copy_do_not_wait_for_each_other() -> None:
    """Otherwise each call that comes meanwhile has to wait as well, for as long as there are many."""

    async def run() -> list[str]:
        servers = Servers()
        await servers.call(0, "GET", STOCK)
        await servers.begin(1, 0, 1, 2, 3)  # this server has no copy yet
        assert servers.log.waiting == 3
        return await servers.problems()

    assert asyncio.run(run()) == []


def test_call_is_run_again_if_an_earlier_one_fails_while_it_waits() -> None:
    async def run() -> list[str]:
        servers = Servers()
        await servers.call(0, "POST", "/_mock/sandboxes", b'{"name":"shared"}')
        await servers.call(0, "POST", "/_mock/sandboxes/shared/webhooks", WEBHOOK)
        await servers.begin(0, READ, 1)
        await servers.wait_for(1)
        await servers.begin(0, WRITE, 2)  # before it is appended, its sandbox has to be listed
        await servers.wait_for(2)
        servers.log.fail(1)
        await servers.finish()
        await servers.begin(0, READ, 3)  # the number of the call is in its answer
        await servers.finish()
        kept, alone = servers.log.calls("shared"), app.build(products=PRODUCTS)
        found = [one async for one in unlike(servers.history.calls, kept, alone.application)]
        for mock in (*servers.mocks, alone):
            mock.stop_threads()
        return found

    assert asyncio.run(run()) == []
