"""The tables that all servers share, as a log keeps them (see `access.shared`)."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TypeVar

import msgspec

from mockserver.sandbox.log.log import SHARED, Entry, Life, Log, StoreUnavailable, appended, new_token
from mockserver.server.access.shared import Shared
from mockserver.server.copies.copy import MAX_TRIES

SECONDS_TO_WAIT = 60.0  # in a thread
MAX_STARTS, START_BYTES = 1000, 8
T = TypeVar("T")


class Start(msgspec.Struct, frozen=True):
    """The start of a command whose first changes are in the log. `time` is when, in seconds."""

    time: float


class Moved(Exception):
    """Raised if another server has changed the tables meanwhile."""


class SharedLog:
    """The tables of one server in the log. They are brought up to date before they are read or changed.

    Changes that were made before the log was first read are appended then. All processes that were forked in
    the meantime have these changes: the first one appends them, and records that under the command's start.
    """

    def __init__(self, log: Log, shared: Shared) -> None:
        self._log, self._shared, self._lock = log, shared, asyncio.Lock()
        self._head: bytes | None = None
        self._time = 0
        self._own: Mapping[str, bytes | None] | None = None  # what is still to be put into the log
        self._starts, self._start = shared.table("start", Start), secrets.token_hex(START_BYTES)
        self._loop: asyncio.AbstractEventLoop | None = None
        shared.keeper = self

    def close(self) -> None:
        """Change the tables of this process alone from now on."""
        self._loop = None

    def change(self, operation: Callable[[], T]) -> T:
        """Run an operation as `Shared.change` does, from any thread but the event loop's.

        Before the server runs, its tables change alone. Raise StoreUnavailable or StoreLost.
        """
        if self._loop is None:
            with self._shared.lock:
                return operation()
        return asyncio.run_coroutine_threadsafe(self.step(operation), self._loop).result(SECONDS_TO_WAIT)

    async def step(self, operation: Callable[[], T]) -> T:
        """Run an operation as `Shared.change` does, on the event loop."""
        for _ in range(MAX_TRIES):
            try:
                async with self.changing():
                    return operation()
            except Moved:
                continue
        raise StoreUnavailable("too many other servers were faster")

    @asynccontextmanager
    async def changing(self) -> AsyncIterator[None]:
        """Bring the tables up to date; at the end of the block, append its changes to the log.

        Raise Moved if another server was faster: the changes have been undone, as after any exception.
        """
        async with self._lock:
            await self._refresh()
            with self._shared.noting() as changed:
                yield
                await self._append(changed())

    async def refresh(self) -> None:
        """Take on what other servers have changed."""
        async with self._lock:
            await self._refresh()

    async def _refresh(self) -> None:
        self._loop = asyncio.get_running_loop()
        if self._head is not None and not self._own:
            entries = await self._log.news(SHARED, self._head)
            if entries is not None:
                for entry in entries:
                    self._shared.take_on(entry.parts)
                    self._head, self._time = entry.token, entry.time
                return
        if self._own is None:
            self._own = self._own_parts()
        while not await self._load(self._own):
            pass
        self._own = {}

    def _own_parts(self) -> Mapping[str, bytes | None]:
        if self._shared.parts():
            self._starts.put(self._start, Start(time.time()))
        return self._shared.parts()

    def tidy(self) -> None:
        """Forget the earliest starts, in a change of the tables."""
        starts = sorted(self._starts.items(), key=lambda row: row[1].time)
        for start, _ in starts[:-MAX_STARTS]:
            self._starts.remove(start)

    async def _load(self, own: Mapping[str, bytes | None]) -> bool:
        """Take on the tables in the log, and add rows of our own. Return True if that counts."""
        kept = await self._log.load(SHARED)
        self._shared.clear()
        self._head = None if kept is None else kept.head
        if kept is not None:
            self._shared.take_on(kept.parts)
            self._time = kept.entries[-1].time
            own = {} if self._starts.get(self._start) else own
        try:
            await self._append(own)
        except Moved:
            return False
        self._shared.take_on(own)
        return True

    async def _append(self, parts: Mapping[str, bytes | None]) -> None:
        if not parts:
            return
        self._time = max(self._time + 1, time.time_ns() // 1000)
        entry = Entry(token=new_token(), time=self._time, parts=parts)
        if not await appended(self._log, SHARED, self._head, entry, Life()):
            raise Moved
        self._head = entry.token
