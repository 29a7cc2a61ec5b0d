"""Appends to a store in SQLite: written together, in their order, by the event loop or by the thread."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from mockserver.sandbox.log.log import Log, StoreUnavailable, appended
from mockserver.sandbox.log.sqlite import store_file, writer
from mockserver.sandbox.log.stores import open_log
from tests.sandbox.log.conftest import FINGERPRINT
from tests.sandbox.log.entries import FOREVER, ahead, entries_in, entry, grow
from tests.sandbox.log.sqlite_file import locked, rows
from tests.server_process import TIMEOUT


@pytest.fixture
def log(sqlite_log: Log) -> Log:
    return sqlite_log


async def test_waiting_appends_are_written_together_while_the_loop_goes_on(log: Log, path: Path) -> None:
    head = await grow(log, "a")
    entries = [entry() for _ in range(100)]
    with locked(path):
        results = ahead(log, "a", head, entries)
        others = [appended(log, f"b{number}", None, entry(), FOREVER) for number in range(100)]
        for _ in range(100):
            await asyncio.sleep(0)
        assert not any(result.done() for result in (*results, *others))
    assert await asyncio.gather(*results, *others) == [True] * 200
    chains = [count for (count,) in rows(path, "SELECT count FROM chains")]
    assert sum(chains) == 201
    assert len(chains) <= 1 + 2 + 100  # the thread may have taken a few before the others came


async def test_appends_in_turns_of_the_loop_that_follow_each_other_are_one_group(
    log: Log, path: Path
) -> None:
    results, head = [], await grow(log, "a")
    for _ in range(3):
        following = entry()
        results.append(appended(log, "a", head, following, FOREVER))
        head = following.token
        await asyncio.sleep(0)
    assert await asyncio.gather(*results) == [True] * 3
    assert rows(path, "SELECT count FROM chains ORDER BY id") == [(1,), (3,)]


async def test_appends_need_no_thread_while_it_has_nothing_to_do(log: Log) -> None:
    head = await grow(log, "a")

    async def is_written_by_the_loop() -> bool:
        nonlocal head
        made = entry()
        result = appended(log, "a", head, made, FOREVER)
        head = made.token
        for _ in range(3):  # to gather, to write, and to tell
            await asyncio.sleep(0)
        return result.done() or not await result

    async with asyncio.timeout(TIMEOUT):
        while not await is_written_by_the_loop():  # the thread has just finished
            pass


async def test_appends_are_in_their_order_whoever_writes_them(log: Log, path: Path) -> None:
    head, written = await grow(log, "a"), [entry() for _ in range(400)]
    results: list[asyncio.Future[bool]] = []

    async def append(count: int) -> asyncio.Future[Any]:
        """Append some entries, and let them be written or handed over. Return what asks the thread then."""
        nonlocal head
        some = written[len(results) : len(results) + count]
        results.extend(ahead(log, "a", head, some))
        head = some[-1].token
        asked = asyncio.ensure_future(log.heads(["a"]))
        await asyncio.sleep(0)
        return asked

    for _ in range(4):
        await (await append(25))
        with locked(path):  # so the thread waits for the file
            waiting = await append(25)
        also_waiting = await append(25)  # while it still waits, or has just begun
        await asyncio.gather(waiting, also_waiting)
        await (await append(25))
    assert await asyncio.gather(*results) == [True] * 400
    assert (await entries_in(log, "a"))[1:] == written


async def test_append_counts_although_the_listing_after_it_fails(
    log: Log, path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(writer, "MAX_NEW", 3)
    head = await grow(log, "a")
    rows(path, "CREATE TRIGGER full BEFORE INSERT ON lists BEGIN SELECT RAISE(ABORT, 'full'); END")
    written = [entry() for _ in range(20)]
    for made in written:
        assert await appended(log, "a", head, made, FOREVER)
        head = made.token
    assert (await entries_in(log, "a"))[1:] == written
    assert rows(path, "SELECT count(*) FROM lists") == [(0,)]
    assert caplog.messages == [f"the store cannot be tidied up: cannot use {path}: full"]
    rows(path, "DROP TRIGGER full")
    assert await appended(log, "a", head, last := entry(), FOREVER)
    assert (await entries_in(log, "a"))[1:] == [*written, last]
    assert rows(path, "SELECT count(*) FROM lists") == [(1,)]


async def test_log_that_is_closed_lists_no_more(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    log = open_log(f"sqlite:///{path}")
    await log.join(FINGERPRINT)
    await grow(log, "a")
    monkeypatch.setattr(writer, "MAX_NEW", 1)
    await log.close()
    assert caplog.messages == []


async def test_locked_file_is_unavailable_after_a_time(
    log: Log, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_file, "BUSY_TIMEOUT", 0.01)
    made = entry()
    with locked(path):
        with pytest.raises(StoreUnavailable, match=f"^another program has locked {path} for 0.01 seconds$"):
            await appended(log, "a", None, made, FOREVER)
        assert await log.load("a") is None
    assert await appended(log, "a", None, made, FOREVER) is True
