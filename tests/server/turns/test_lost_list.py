"""The list of lost sandboxes over a log that others change too, that fails, or that loses the list's end."""

import asyncio

import pytest

from mockserver.sandbox.log.log import StoreUnavailable
from mockserver.sandbox.log.memory import MemoryLog
from mockserver.server.copies.joining import LOST
from mockserver.server.copies.lost_list import SECONDS_TO_NOTICE, LostList
from tests.server.turns.late_log import LateLog


def test_servers_that_list_at_the_same_moment_lose_no_name() -> None:
    async def check() -> None:
        log = LateLog()
        one, other = LostList(log), LostList(log)
        one.lose_all({"a": None, "b": None})
        other.lose_all({"b": None, "c": None})
        await asyncio.gather(one.tell(), other.tell())
        third = LostList(log)
        assert [await third.has(name) for name in "abcd"] == [True, True, True, False]
        assert 0 < third.wait() <= SECONDS_TO_NOTICE
        await third.remove("b")
        assert [await one.has("b"), await other.has("b")] == [False, False]

    asyncio.run(check())


def test_names_that_the_store_has_lost_from_the_list_are_listed_again() -> None:
    async def check() -> None:
        log = MemoryLog()
        one, other = LostList(log), LostList(log)
        one.lose({"a": None})
        await one.tell()
        before = await log.load(LOST)
        one.lose({"b": None})
        await one.tell()
        assert before is not None
        kept = log._sandboxes[LOST]
        kept.parts, kept.head = dict(before.parts), before.head
        kept.entries.pop()
        assert not await other.has("b")
        assert await one.has("b")
        assert await other.has("b")

    asyncio.run(check())


class Broken(MemoryLog):
    broken = True

    async def load(self, name: str):  # type: ignore[no-untyped-def]
        if self.broken:
            raise StoreUnavailable("it is broken")
        return await super().load(name)


def test_what_cannot_be_listed_now_is_listed_later() -> None:
    async def check() -> None:
        log = Broken()
        one, other = LostList(log), LostList(log)
        one.lose_all({"a": None})
        with pytest.raises(StoreUnavailable):
            await one.tell()
        log.broken = False
        await one.tell()
        assert await other.has("a")
        assert other.wait() > 0

    asyncio.run(check())
