"""The list of the sandboxes in a store that may have deliveries to webhooks which wait.

By it, a server finds deliveries in sandboxes of which it has no copy: those that another server has left. It
is a log of its own, so a sandbox is listed before deliveries become a part of it. The list says until when
each sandbox is listed at least, and nobody removes it earlier. So servers need not read the list for each
change, and a server that has an old list still knows that the sandbox is in it.
"""

import asyncio
import time

from mockserver.sandbox.log.log import Entry, Life, Log, StoreUnavailable, appended, new_token
from mockserver.server.copies.copy import MAX_TRIES
from mockserver.server.copies.joining import WAITING

LISTED = 600_000_000  # microseconds for which a sandbox is listed anew
MARGIN = LISTED // 2  # before that has passed, in which an append must be in the log


class WaitingList:
    """The list, as one server reads and writes it in a log."""

    def __init__(self, kept_in: Log) -> None:
        self._log, self._head, self._time = kept_in, b"", 0
        self._ends: dict[str, int] = {}  # by name
        self._lock = asyncio.Lock()

    def has(self, name: str) -> bool:
        """Return True if a sandbox will be listed for long enough."""
        return self._ends.get(name, 0) > _now() + MARGIN

    async def names(self) -> list[str]:
        """Return the names of all sandboxes that are listed."""
        async with self._lock:
            await self._read()
            return [*self._ends]

    async def add(self, name: str) -> None:
        """List a sandbox for some time. Raise StoreUnavailable if that is not possible."""
        async with self._lock:
            for _ in range(MAX_TRIES):
                await self._read()
                if self.has(name) or await self._append(name, _now() + LISTED):
                    return
        raise StoreUnavailable("too many servers change the list of deliveries that wait")

    def forget(self) -> None:
        """Forget the list: the store has lost it."""
        self._head, self._ends = b"", {}

    async def remove(self, name: str, seen: int) -> None:
        """Remove a sandbox in which no delivery was waiting at a time or later, unless it is still listed."""
        async with self._lock:
            if self._ends.get(name, seen) < seen:
                await self._append(name, None)

    async def _read(self) -> None:
        entries = await self._log.news(WAITING, self._head) if self._head else None
        if entries is None:
            kept = await self._log.load(WAITING)
            self._ends = {name: int(part) for name, part in kept.parts.items()} if kept else {}
            self._head, self._time = (kept.head, kept.entries[-1].time) if kept else (b"", 0)
        for entry in entries or ():
            self._apply(entry)

    async def _append(self, name: str, end: int | None) -> bool:
        """Change the end of a sandbox. Return False if another server has just changed the list."""
        part = None if end is None else b"%d" % end
        entry = Entry(token=new_token(), time=max(self._time + 1, _now()), parts={name: part})
        kept = await appended(self._log, WAITING, self._head or None, entry, Life())
        if kept:
            self._apply(entry)
        return kept

    def _apply(self, entry: Entry) -> None:
        for name, part in entry.parts.items():
            if part is None:
                self._ends.pop(name, None)
            else:
                self._ends[name] = int(part)
        self._head, self._time = entry.token, entry.time


def _now() -> int:
    return time.time_ns() // 1000
