"""The list of sandboxes whose deliveries wait: each stays in it as long as a server relies on that."""

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any
from unittest.mock import patch

import pytest

from mockserver.sandbox.log.memory import MemoryLog
from mockserver.server.copies import waiting_list
from mockserver.server.copies.waiting_list import LISTED, MARGIN, WaitingList
from tests.server.turns.late_log import LateLog


class Clock:
    now = 1_000_000_000_000

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Iterator[Clock]:
    clock = Clock()
    with patch.object(waiting_list, "microseconds", clock):
        yield clock


def run(check: Coroutine[Any, Any, None]) -> None:
    asyncio.run(check)


def test_sandbox_is_in_the_list_of_all_servers(clock: Clock) -> None:
    async def check() -> None:
        log = MemoryLog()
        one, other = WaitingList(log), WaitingList(log)
        assert not one.has("a")
        await asyncio.gather(one.add("a"), other.add("b"), one.add("c"), other.add("a"))
        assert {*await one.names()} == {*await other.names()} == {"a", "b", "c"}
        assert one.has("a") and other.has("a")

    run(check())


def test_sandbox_is_listed_again_before_it_may_be_removed(clock: Clock) -> None:
    async def check() -> None:
        log = MemoryLog()
        one, other = WaitingList(log), WaitingList(log)
        await one.add("a")
        clock.now += LISTED - MARGIN
        assert not one.has("a")
        await other.remove("a", clock.now)
        assert await other.names() == ["a"]
        await one.add("a")
        clock.now += LISTED
        await other.remove("a", clock.now - MARGIN)  # when it was looked at, it was still listed
        assert await other.names() == ["a"]
        clock.now += 1
        await other.remove("a", clock.now)
        assert await other.names() == await one.names() == []
        assert not one.has("a")

    run(check())


def test_sandbox_that_was_just_listed_anew_is_not_removed(clock: Clock) -> None:
    async def check() -> None:
        log = LateLog()
        one, other = WaitingList(log), WaitingList(log)
        await one.add("a")
        assert await other.names() == ["a"]
        clock.now += LISTED + 1
        await asyncio.gather(one.add("a"), other.remove("a", clock.now))
        assert await other.names() == ["a"]

    run(check())


def test_list_that_the_store_has_lost_is_forgotten(clock: Clock) -> None:
    async def check() -> None:
        one = WaitingList(MemoryLog())
        await one.add("a")
        one.forget()
        assert not one.has("a")

    run(check())
