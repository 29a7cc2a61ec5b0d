"""A log in a SQLite file, for the servers of one machine."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

from mockserver.sandbox.log.log import (
    Entry,
    Joined,
    Kept,
    Life,
    Outcome,
    Settled,
    StoreLost,
    StoreUnavailable,
    do_nothing,
    latest,
    settle,
)
from mockserver.sandbox.log.sqlite import entries, sandboxes
from mockserver.sandbox.log.sqlite.store_file import Busy, StoreFile
from mockserver.sandbox.log.sqlite.writer import Append, Writer
from mockserver.vendor_api.failure import UNEXPECTED

MAX_GROUP = 512  # jobs
MAX_REMOVED = 100  # expired sandboxes in one transaction, so that appends get their turn
T = TypeVar("T")
log = logging.getLogger("mockserver")


@dataclass(frozen=True)
class _Job:
    """Work for the thread other than an append."""

    future: asyncio.Future[Any]
    work: Callable[[], object]


class SqliteLog:
    """Keeps sandboxes in a file. Several processes of one machine may use it at once.

    Appends that come together are written in one transaction. An append is confirmed once that is in the
    file's write-ahead log. So if the process is killed, nothing is lost that was confirmed. SQLite forces the
    write-ahead log to the disk only at a checkpoint, after each 4 MB or so. So if the machine loses its power
    or its kernel stops, the appends since the latest checkpoint may be lost, the last ones first. The file
    stays sound.

    A thread does what may take long: it reads, lists, makes checkpoints, and waits for other processes. While
    it has nothing to do, the event loop writes the appends itself, which costs less than to hand them over.

    The file grows to what it has held at most. Pages that become free are used again.
    """

    def __init__(self, path: Path) -> None:
        self._path, self.on_connect = path.absolute(), do_nothing
        self._file = StoreFile(self._path)
        self._writer = Writer(self._file)
        self._jobs: SimpleQueue[list[Append] | _Job | None] = SimpleQueue()
        self._turn: list[Append] = []
        self._handed_over = 0  # jobs of the thread: until it has finished them, only it uses the file
        self._told = ""  # why chains cannot be listed now
        self._thread: Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def describe(self) -> str:
        return f"sqlite:///{self._path}"

    async def join(self, fingerprint: Mapping[str, str], *, fresh: bool = False) -> Joined:
        if self._thread is None:
            self._loop = asyncio.get_running_loop()
            self._thread = Thread(target=self._work, name="mockserver-store", daemon=True)
            self._thread.start()
        return await self._do(lambda: self._join(fingerprint, fresh))

    async def load(self, name: str) -> Kept | None:
        return await self._do(lambda: self._load(name))

    def append(self, name: str, head: bytes | None, entry: Entry, life: Life, settled: Settled) -> None:
        if not self._turn:
            asyncio.get_running_loop().call_soon(self._gather, 0)
        self._turn.append((settled, name, head, entry.token, entries.encode(entry), entry.call, life))

    def _gather(self, known: int) -> None:
        """Write the appends as soon as a turn of the event loop brings no more of them.

        The loop does not wait in between. A busy one gets larger groups, so that it needs fewer of them.
        """
        if known < len(self._turn) < MAX_GROUP:
            asyncio.get_running_loop().call_soon(self._gather, len(self._turn))
        else:
            self._flush()

    def _flush(self) -> None:
        """Write the appends that wait as one group, or let the thread do it."""
        if not self._turn:
            return
        group, self._turn = self._turn, []
        if self._thread is None:
            _settle_group(group, self._not_joined())
        elif self._handed_over or not self._file.is_open:
            self._hand_over(group)
        else:
            self._write(group)

    def _write(self, group: list[Append]) -> None:
        try:
            outcomes = _outcomes(self._writer, group, waits=False)
        except Busy:
            return self._hand_over(group)
        asyncio.get_running_loop().call_soon(_settle_group, group, outcomes)
        if self._writer.listing_is_due or self._file.checkpoint_is_due:
            self._hand_over([])

    def _hand_over(self, job: list[Append] | _Job | None) -> None:
        self._handed_over += 1
        self._jobs.put(job)

    def _take_back(self, jobs: int) -> None:
        self._handed_over -= jobs

    async def news(self, name: str, head: bytes) -> Sequence[Entry] | None:
        return await self._do(lambda: self._news(name, head))

    async def heads(self, names: Sequence[str]) -> dict[str, bytes]:
        return await self._do(lambda: self._read(sandboxes.heads, names, _now()))

    async def end(self, name: str, head: bytes) -> bool:
        return await self._do(lambda: self._writer.end(name, head, _now()))

    async def has_ended(self, name: str, time: int) -> bool:
        return True  # while a server runs, its file loses nothing

    async def name_with(self, key: bytes) -> str | None:
        return await self._do(lambda: self._read(sandboxes.name_with, key, _now()))

    async def names(self, after: str = "", limit: int = 1000) -> tuple[list[str], int]:
        return await self._do(lambda: self._read(sandboxes.names, after, limit, _now()))

    async def oldest_implicit(self) -> str | None:
        return await self._do(lambda: self._read(sandboxes.oldest_implicit))

    async def remove_expired(self) -> int:
        count, some = 0, MAX_REMOVED
        while some == MAX_REMOVED:
            some = await self._do(lambda: self._writer.remove_expired(_now(), MAX_REMOVED))
            count += some
        return count

    async def close(self) -> None:
        if self._thread is not None:
            await self._do(self._file.finish)
            self._hand_over(None)
            self._thread.join()
            self._thread = None

    def _future(self) -> "asyncio.Future[Any]":
        if self._thread is None or self._loop is None:
            raise self._not_joined()
        return self._loop.create_future()

    def _not_joined(self) -> StoreUnavailable:
        return StoreUnavailable(f"{self._path} has not been joined")

    async def _do(self, work: Callable[[], T]) -> T:
        """Let the thread do some work after all that was asked for before, and return its result."""
        job = _Job(self._future(), work)
        self._flush()
        self._hand_over(job)
        return await job.future  # type: ignore[no-any-return]

    # --- In the thread

    def _work(self) -> None:
        jobs, is_closed = self._jobs, False
        while not is_closed:
            waiting = [jobs.get()]
            while len(waiting) < MAX_GROUP and not jobs.empty():
                waiting.append(jobs.get())
            group: list[Append] = []
            for job in waiting:
                if isinstance(job, list):
                    group.extend(job)
                    continue
                self._append(group)
                group = []
                if job is None:
                    is_closed = True
                else:
                    self._run(job)
            self._append(group)
            self._tidy()
            self._call_soon(self._take_back, len(waiting))

    def _append(self, group: Sequence[Append]) -> None:
        if group:
            self._call_soon(_settle_group, group, _outcomes(self._writer, group))

    def _tidy(self) -> None:
        try:
            if self._file.is_open and self._writer.listing_is_due:
                self._writer.list_all()
                self._told = ""
        except UNEXPECTED as error:  # appends count all the same, so the file grows until it succeeds
            if self._told != (told := str(error)):
                self._told = told
                foreseen = isinstance(error, StoreUnavailable | StoreLost)
                log.warning("the store cannot be tidied up: %s", told, exc_info=None if foreseen else error)
        self._file.checkpoint()

    def _run(self, job: _Job) -> None:
        try:
            outcome: object = job.work()
        except Exception as error:
            self._call_soon(_fail, job.future, error)
        else:
            self._call_soon(_succeed, job.future, outcome)

    def _call_soon(self, function: Callable[..., None], *arguments: object) -> None:
        assert self._loop is not None
        with suppress(RuntimeError):  # the loop is closed, so nobody waits
            self._loop.call_soon_threadsafe(function, *arguments)

    def _read(self, query: Callable[..., T], *arguments: object) -> T:
        with self._file.transaction("BEGIN") as db:
            return query(db, *arguments)

    def _join(self, fingerprint: Mapping[str, str], fresh: bool) -> Joined:
        generation, self._writer = self._file.join(fingerprint, fresh=fresh), Writer(self._file)
        return Joined(generation, self._read(sandboxes.count, _now()))

    def _load(self, name: str) -> Kept | None:
        with self._file.transaction("BEGIN") as db:
            found = sandboxes.find_living(db, name, _now())
            if found is None:
                return None
            parts, new = entries.read_parts(db, found.id), entries.unlisted(db, found.id)
            entries.apply(parts, new)
            kept = latest([*entries.listed(db, found.id), *new])
            length = entries.listed_length(db, found.id) + len(new)
            return Kept(found.head, length, parts, found.life, tuple(kept))

    def _news(self, name: str, head: bytes) -> Sequence[Entry] | None:
        with self._file.transaction("BEGIN") as db:
            found = sandboxes.find_living(db, name, _now())
            return entries.after(db, found.id, head) if found else None


def _outcomes(writer: Writer, group: Sequence[Append], *, waits: bool = True) -> Sequence[bool] | Exception:
    """Append a group, and return the outcomes, or the exception that all of them have met. Raise Busy."""
    try:
        return writer.append(group, waits=waits)
    except Busy:
        raise
    except Exception as error:  # whatever it is, those who wait are told
        return error


def _settle_group(group: Sequence[Append], outcomes: Sequence[Outcome] | Exception) -> None:
    """Tell those who wait for the appends of a group their outcomes, or each an exception of its own."""
    if isinstance(outcomes, StoreUnavailable | StoreLost):
        outcomes = [type(outcomes)(*outcomes.args) for _ in group]
    elif isinstance(outcomes, Exception):
        outcomes = [outcomes] * len(group)
    settle([append[0] for append in group], outcomes)


def _succeed(future: asyncio.Future[Any], result: object) -> None:
    if not future.done():  # its caller may have stopped waiting
        future.set_result(result)


def _fail(future: asyncio.Future[Any], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)


def _now() -> int:
    return time.time_ns() // 1000
