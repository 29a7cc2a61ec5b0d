"""Tables in a log: changes of two servers, and logs that lose, refuse or damage them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from copy import deepcopy
from typing import Any

import msgspec
import pytest

from mockserver.sandbox.log.log import SHARED, Entry, Life, Settled, StoreUnavailable, appended, new_token
from mockserver.sandbox.log.memory import MemoryLog
from mockserver.server.access.shared import Shared, Table
from mockserver.server.turns import shared_log
from mockserver.server.turns.shared_log import SharedLog
from tests.server.turns.late_log import LateLog
from tests.server.turns.two_servers import STOCK, Server


class Count(msgspec.Struct, frozen=True):
    """A number."""

    value: int


class Counter:
    """A server that counts in a table."""

    def __init__(self, log: MemoryLog) -> None:
        self.shared = Shared()
        self.rows: Table[Count] = self.shared.table("count", Count)
        self.tables = SharedLog(log, self.shared)

    def more(self) -> int:
        before = self.rows.get("all")
        self.rows.put("all", after := Count(1 + (0 if before is None else before.value)))
        return after.value

    async def read(self) -> int | None:
        await self.tables.refresh()
        found = self.rows.get("all")
        return found and found.value


class Unreachable(MemoryLog):
    """A log that keeps an entry or not, and then says that it cannot be reached."""

    keeps, reachable = True, True

    def append(self, name: str, head: bytes | None, entry: Entry, life: Life, settled: Settled) -> None:
        if self.reachable:
            super().append(name, head, entry, life, settled)
            return
        if self.keeps:
            self._append(name, head, entry, life)
        asyncio.get_running_loop().call_soon(settled, StoreUnavailable("gone"))


def run(check: Callable[..., Awaitable[Any]], *arguments: Any) -> Any:
    return asyncio.run(check(*arguments))  # type: ignore[arg-type]


@pytest.mark.parametrize("log", [MemoryLog, LateLog])
def test_changes_of_servers_at_once_all_count(log: type[MemoryLog]) -> None:
    async def check(kept_in: MemoryLog) -> None:
        servers = [Counter(kept_in) for _ in range(3)]
        results = await asyncio.gather(*(one.tables.step(one.more) for _ in range(20) for one in servers))
        assert sorted(results) == [*range(1, 61)]
        assert [await one.read() for one in (*servers, Counter(kept_in))] == [60] * 4

    run(check, log())


def test_append_that_ignores_the_head_loses_changes() -> None:
    """The test above can fail: a log without the check of heads is found out."""

    class Careless(LateLog):
        def _append(self, name: str, head: bytes | None, entry: Entry, life: Life) -> bool:
            kept = self._find(name)
            return super()._append(name, kept and kept.head, entry, life)

    with pytest.raises(AssertionError):
        test_changes_of_servers_at_once_all_count(Careless)


def test_changes_from_threads_and_on_the_loop_all_count() -> None:
    async def check(log: MemoryLog) -> None:
        servers = [Counter(log) for _ in range(2)]
        for one in servers:
            await one.tables.refresh()
        in_threads = [asyncio.to_thread(one.shared.change, one.more) for _ in range(8) for one in servers]
        await asyncio.gather(*in_threads, *(one.tables.step(one.more) for _ in range(8) for one in servers))
        assert [await one.read() for one in servers] == [32, 32]

    run(check, MemoryLog())


@pytest.mark.parametrize(("keeps", "expected"), [(True, 2), (False, 1)])
def test_change_whose_answer_does_not_come_is_undone_unless_the_log_has_it(
    keeps: bool, expected: int
) -> None:
    async def check(log: Unreachable) -> None:
        one, other = Counter(log), Counter(log)
        await one.tables.step(one.more)
        log.reachable, log.keeps = False, keeps
        with pytest.raises(StoreUnavailable):
            await one.tables.step(one.more)
        assert one.rows.get("all") == Count(1)
        log.reachable = True
        assert [await server.read() for server in (one, other)] == [expected] * 2
        assert await one.tables.step(one.more) == expected + 1

    run(check, Unreachable())


def test_what_an_operation_has_changed_before_it_fails_is_undone() -> None:
    async def check(log: MemoryLog) -> None:
        one = Counter(log)
        await one.tables.step(one.more)

        def fail() -> None:
            one.more()
            one.rows.put("other", Count(1))
            raise KeyError

        with pytest.raises(KeyError):
            await one.tables.step(fail)
        assert one.rows.items() == [("all", Count(1))]

    run(check, MemoryLog())


def test_log_that_loses_its_latest_entries_takes_the_tables_back() -> None:
    async def check(log: MemoryLog) -> None:
        one, other = Counter(log), Counter(log)
        assert await one.tables.step(one.more) == 1
        saved = deepcopy(log._sandboxes)
        assert [await server.tables.step(server.more) for server in (other, one)] == [2, 3]
        log._sandboxes = saved
        assert [await server.read() for server in (one, other)] == [1, 1]
        assert await other.tables.step(other.more) == 2
        log._sandboxes = {}
        assert [await server.read() for server in (one, other)] == [None, None]

    run(check, MemoryLog())


def test_rows_from_before_the_start_are_put_into_the_log() -> None:
    async def check(log: MemoryLog) -> None:
        one, other = Counter(log), Counter(log)
        assert one.shared.change(one.more) == 1, "the server does not run yet"
        other.rows.put("other", Count(9))
        assert [await server.read() for server in (one, other)] == [1, 1]
        await one.read()
        assert one.rows.get("other") == Count(9)

    run(check, MemoryLog())


def test_processes_of_one_start_put_their_rows_into_the_log_once() -> None:
    """Otherwise a worker that takes the place of another would bring back what is over."""

    async def check(log: MemoryLog) -> None:
        first = Counter(log)
        first.more()
        parts = first.shared.parts()
        assert await first.tables.step(first.more) == 2
        await first.tables.step(lambda: first.rows.remove("all"))
        forked = Counter(log)
        forked.shared.take_on(parts)
        forked.tables._start = first.tables._start
        assert await forked.read() is None
        assert await forked.tables.step(forked.more) == 1
        another = Counter(log)
        another.shared.take_on(parts)
        assert await another.read() == 1, "another start has rows of its own"

    run(check, MemoryLog())


def test_number_of_starts_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    async def check(log: MemoryLog) -> None:
        for _ in range(5):
            one = Counter(log)
            one.more()
            await one.read()
            await one.tables.step(one.tables.tidy)
        assert [name for name in one.shared.parts() if name.startswith("start/")][-1].endswith(
            one.tables._start
        )
        assert len(one.shared.parts()) == 1 + 3

    monkeypatch.setattr(shared_log, "MAX_STARTS", 3)
    run(check, MemoryLog())


def test_damaged_row_counts_for_none_and_is_told(caplog: pytest.LogCaptureFixture) -> None:
    async def check(log: MemoryLog) -> None:
        parts = {"count/all": b"\xc1", "count/other": b"\x81\xa5value\x07", "later/version": b""}
        await appended(log, SHARED, None, Entry(token=new_token(), time=1, parts=parts), Life())
        one = Counter(log)
        assert await one.read() is None
        assert one.rows.get("other") == Count(7)
        assert await one.tables.step(one.more) == 1

    with caplog.at_level(logging.WARNING):
        run(check, MemoryLog())
    assert "the store has a damaged count" in caplog.text


def test_nobody_lets_the_store_look_for_many_tokens() -> None:
    class Noting(MemoryLog):
        looked = 0

        async def name_with(self, key: bytes) -> str | None:
            self.looked += 1
            return await super().name_with(key)

    async def check(log: Noting) -> None:
        server, tokens = Server(log), [f"ctl_{number:026}".replace("0", "a") for number in range(100)]
        headers = {"cookie": "mockserver-80=x"}
        await server.send("POST", "/_mock/sandboxes", {"name": "one", "faults": tokens}, headers)
        assert log.looked == 0
        server.mock.stop_threads()

    run(check, Noting())


def test_calls_to_vendors_ask_nothing_of_the_tables() -> None:
    asked: list[str] = []

    class Noting(MemoryLog):
        async def news(self, name: str, head: bytes) -> Any:
            asked.append(name)
            return await super().news(name, head)

        async def load(self, name: str) -> Any:
            asked.append(name)
            return await super().load(name)

        def append(self, name: str, head: bytes | None, entry: Entry, life: Life, settled: Settled) -> None:
            asked.append(name)
            super().append(name, head, entry, life, settled)

    async def check(log: MemoryLog) -> None:
        server = Server(log)
        await server.read()
        await server.send("GET", STOCK)
        await server.send("PATCH", STOCK, {"stock": 3}, headers={"authorization": "Basic c2J4X3NoYXJlZDp4"})
        assert {"shared", "-"} <= {*asked}
        assert SHARED not in asked
        await server.send("GET", "/_mock/sandboxes", headers={"cookie": "mockserver-80=x"})
        assert SHARED in asked, "the test can fail"
        server.mock.stop_threads()

    run(check, Noting())
