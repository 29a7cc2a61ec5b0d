"""Stores in SQLite while servers run: what a killed process leaves, several processes, failures, and size."""

import asyncio
import os
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from mockserver.sandbox.log.log import (
    MAX_ENTRIES,
    Log,
    StoreLost,
    StoreUnavailable,
    appended,
)
from mockserver.sandbox.log.sqlite import store_file, writer
from mockserver.sandbox.log.stores import open_log
from tests.conftest import ROOT
from tests.sandbox.log.conftest import FINGERPRINT
from tests.sandbox.log.entries import FOREVER, ahead, entries_in, entry, grow, life
from tests.sandbox.log.sqlite_file import rows
from tests.server_process import TIMEOUT

Start = Callable[..., subprocess.Popen[str]]
PROCESS = [sys.executable, "-m", "tests.sandbox.log.store_process"]


@pytest.fixture
def log(sqlite_log: Log) -> Log:
    return sqlite_log


async def joined(path: Path) -> Log:
    log = open_log(f"sqlite:///{path}")
    await log.join(FINGERPRINT)
    return log


@pytest.fixture
def start(path: Path) -> Iterator[Start]:
    """Yield what starts a process that appends to the file. What still runs after the test is killed."""
    with ExitStack() as processes:

        def start(*arguments: str) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [*PROCESS, f"sqlite:///{path}", *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=ROOT,
            )
            processes.enter_context(process)
            processes.callback(process.kill)
            return process

        yield start


# --- Processes


@pytest.mark.parametrize("confirmed", [1, 100, 700], ids="after {}".format)
async def test_killed_process_loses_nothing_that_was_confirmed(
    path: Path, start: Start, confirmed: int
) -> None:
    process = start("ahead", "a", str(MAX_ENTRIES))
    assert process.stdout is not None
    tokens = [process.stdout.readline().strip() for _ in range(confirmed)]
    process.kill()
    tokens += process.stdout.read().split()
    log = await joined(path)
    kept = await log.load("a")
    assert kept is not None
    assert [each.token.hex() for each in kept.entries][: len(tokens)] == tokens
    assert (kept.length, kept.head) == (len(kept.entries), kept.entries[-1].token)
    assert kept.length <= len(tokens) + 3
    assert await appended(log, "a", kept.head, entry(), FOREVER) is True
    await log.close()


async def test_processes_that_begin_at_once_share_a_sandbox_in_one_order(path: Path, start: Start) -> None:
    processes = [start("turns", "a", "40") for _ in range(3)]
    outputs = [process.communicate(timeout=TIMEOUT)[0].split() for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    log = await joined(path)
    entries = await entries_in(log, "a")
    await log.close()
    tokens = [each.token.hex() for each in entries]
    assert sorted(tokens) == sorted(token for output in outputs for token in output)
    assert [[token for token in tokens if token in output] for output in outputs] == outputs
    assert [each.call for each in entries] == [b"%d" % number for number in range(120)]
    assert os.listdir(path.parent) == ["store.db"]


async def test_processes_that_join_at_once_make_one_store(tmp_path: Path, start: Start) -> None:
    processes = [start("join", "a", "60") for _ in range(4)]
    outputs = {process.communicate(timeout=TIMEOUT)[0] for process in processes}
    assert [process.returncode for process in processes] == [0, 0, 0, 0]
    assert len(outputs) == 1


# --- Failures


@contextmanager
def failing_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let no file of this process become longer than the file's write-ahead log and some more bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = max(file.stat().st_size for file in path.parent.iterdir())
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 50_000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def full_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the file have only some more pages, for connections that are made in the block."""
    connect = sqlite3.connect

    def connect_to_full_disk(*arguments: Any, **options: Any) -> sqlite3.Connection:
        db = connect(*arguments, **options)
        (pages,) = db.execute("PRAGMA page_count").fetchone()
        db.execute(f"PRAGMA max_page_count = {pages + 12}")
        return db

    with monkeypatch.context() as patch:
        patch.setattr(sqlite3, "connect", connect_to_full_disk)
        yield


Trouble = Callable[[Path, pytest.MonkeyPatch], AbstractContextManager[None]]


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [(failing_disk, "disk I/O error"), (full_disk, "database or disk is full")],
    ids=["an I/O error", "a full disk"],
)
async def test_disk_in_trouble_is_unavailable_until_it_is_over(
    path: Path, monkeypatch: pytest.MonkeyPatch, trouble: Trouble, reason: str
) -> None:
    log = await joined(path)
    kept = [entry({"a": b"1"}, call=bytes(9000))]
    await grow(log, "a", *kept)
    await log.close()
    with trouble(path, monkeypatch):
        await log.join(FINGERPRINT)
        with pytest.raises(StoreUnavailable, match=f"^cannot use {path}: {reason}$"):
            for _ in range(100):
                following = entry(call=bytes(9000))
                await appended(log, "a", kept[-1].token, following, FOREVER)
                kept.append(following)
    assert await entries_in(log, "a") == kept
    assert await appended(log, "a", kept[-1].token, following, FOREVER) is True
    await log.close()
    again = await joined(path)
    assert await entries_in(again, "a") == [*kept, following]
    await again.close()


@pytest.mark.parametrize("replaced", [False, True], ids=["removed", "replaced"])
async def test_another_file_is_a_lost_store(log: Log, path: Path, replaced: bool) -> None:
    before = await log.join(FINGERPRINT)
    head = await grow(log, "a")
    other = path.with_name("other.db")
    if replaced:
        another = await joined(other)
        await grow(another, "b")
        await another.close()
        other.replace(path)
        for suffix in ("-wal", "-shm"):  # SQLite would add the old file's latest changes to the new file
            path.with_name(path.name + suffix).unlink()
        sentence = f"another file was put in the place of {path}"
    else:
        path.unlink()
        sentence = f"{path} was removed"
    for _ in range(2):
        with pytest.raises(StoreLost, match=f"^{sentence}$"):
            await appended(log, "a", head, entry(), FOREVER)
    assert path.exists() is replaced
    after = await log.join(FINGERPRINT)
    assert after.generation != before.generation
    assert await log.names() == ((["b"], 1) if replaced else ([], 0))


async def test_store_is_unavailable_before_it_is_joined_and_after_it_is_left(path: Path) -> None:
    log = open_log(f"sqlite:///{path}")
    await log.close()
    for _ in range(2):
        for use in (log.load("a"), log.names(), log.remove_expired()):
            with pytest.raises(StoreUnavailable, match=f"^{path} has not been joined$"):
                await use
        with pytest.raises(StoreUnavailable):
            await appended(log, "a", None, entry(), FOREVER)
        await log.join(FINGERPRINT)
        await log.close()
        await log.close()


# --- Size


def size(path: Path) -> int:
    """Return the bytes of the file, and those of its write-ahead log, in all."""
    return sum(file.stat().st_size for file in path.parent.iterdir())


async def test_file_does_not_grow_with_the_number_of_entries(log: Log, path: Path) -> None:
    head, sizes = await grow(log, "a"), []
    for _ in range(5):
        for _ in range(40):
            entries = [entry({"world": os.urandom(60)}, call=os.urandom(700)) for _ in range(100)]
            assert all(await asyncio.gather(*ahead(log, "a", head, entries)))
            head = entries[-1].token
        sizes.append(size(path))
    kept = await log.load("a")
    assert kept is not None
    assert (kept.length, len(kept.entries)) == (20_001, MAX_ENTRIES)
    assert sizes[-1] < 16_000_000
    assert sizes[-1] <= sizes[3] * 1.1, sizes


async def test_write_ahead_log_is_shortened_once_others_let_it(
    log: Log, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_file, "WAL_BYTES", 1_000_000)
    monkeypatch.setattr(store_file, "MAX_WAL_BYTES", 2_000_000)
    wal, head = path.with_name("store.db-wal"), await grow(log, "a")

    async def more(count: int) -> None:
        nonlocal head
        for _ in range(count):
            following = entry(call=os.urandom(50_000))
            assert await appended(log, "a", head, following, FOREVER)
            head = following.token

    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM chains").fetchall()
    await more(100)
    assert wal.stat().st_size > 5_000_000
    reader.close()
    await more(100)
    assert wal.stat().st_size < 4_000_000


async def test_file_does_not_grow_with_the_number_of_sandboxes_ended(log: Log, path: Path) -> None:
    sizes = []
    for number in range(1200):
        entries = [entry({f"part {place}": os.urandom(60)}, call=os.urandom(700)) for place in range(10)]
        head = await grow(log, f"a{number}", *entries, life=life(1, b"%d" % number))
        if number % 2:
            assert await log.end(f"a{number}", head)
        else:
            assert await appended(log, f"a{number}", head, entry(), life(-1, b"key"))
        if number % 300 == 299:
            assert await log.remove_expired() == 150  # more than are removed in one transaction
            sizes.append(size(path))
    assert sizes[-1] <= sizes[1] * 1.1, sizes
    for number in range(writer.MAX_NEW):  # that lists what is left of the others
        await grow(log, f"b{number}")
    tables = {"keys": "sandbox", "parts": "sandbox", "chains": "sandbox", "lists": "id >> 32"}
    for table, sandbox in tables.items():
        left = f"SELECT count(*) FROM {table} WHERE {sandbox} NOT IN (SELECT id FROM sandboxes)"
        assert rows(path, left) == [(0,)]


async def test_sandbox_that_expires_within_a_turn_leaves_nothing(log: Log, path: Path) -> None:
    made = entry({"new": b"1"})
    results = [
        appended(log, "a", None, entry({"old": b"1"}), life(-1, b"old")),
        appended(log, "a", None, entry({"old": b"2"}), life(-1, b"old")),
        appended(log, "a", None, made, life(1, b"new")),
    ]
    assert await asyncio.gather(*results) == [True] * 3
    assert await entries_in(log, "a") == [made]
    assert rows(path, "SELECT count(*) FROM sandboxes") == [(1,)]
    assert rows(path, "SELECT key FROM keys") == [(b"new",)]


async def test_file_begun_anew_gives_its_space_back(log: Log, path: Path) -> None:
    await grow(log, "a", *(entry(call=bytes(100_000)) for _ in range(50)))
    await log.join(FINGERPRINT, fresh=True)
    await log.close()
    assert size(path) < 250_000
