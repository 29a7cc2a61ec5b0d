"""A list of names in a log of its own, each with an end: a real time in microseconds."""

import asyncio
import time
from collections.abc import Mapping

from mockserver.sandbox.log.log import Entry, Life, Log, appended, new_token


class NameList:
    """The list, as one server reads and writes it in a log. `ends` has what was read last.

    Hold `lock` to read it and then to change it.
    """

    def __init__(self, kept_in: Log, name: str) -> None:
        self._log, self._name, self._head, self._time = kept_in, name, b"", 0
        self.ends: dict[str, int] = {}
        self.lock = asyncio.Lock()

    def forget(self) -> None:
        """Forget the list: the store has lost it."""
        self._head, self.ends = b"", {}

    async def read(self) -> None:
        """Bring the list up to date, with one question to the log if its head is known."""
        entries = await self._log.news(self._name, self._head) if self._head else None
        if entries is None:
            kept = await self._log.load(self._name)
            self.ends = {name: int(part) for name, part in kept.parts.items()} if kept else {}
            self._head, self._time = (kept.head, kept.entries[-1].time) if kept else (b"", 0)
        for entry in entries or ():
            self._apply(entry)

    async def change(self, ends: Mapping[str, int | None], now: int, *, extra: bytes = b"") -> bool:
        """Set ends, or remove names. Return False if another server has just changed the list.

        `extra` bytes are written too, and read by nobody.
        """
        parts = {name: None if end is None else b"%d" % end for name, end in ends.items()}
        entry = Entry(token=new_token(), time=max(self._time + 1, now), parts=parts, call=extra)
        kept = await appended(self._log, self._name, self._head or None, entry, Life())
        if kept:
            self._apply(entry)
        return kept

    def _apply(self, entry: Entry) -> None:
        for name, part in entry.parts.items():
            if part is None:
                self.ends.pop(name, None)
            else:
                self.ends[name] = int(part)
        self._head, self._time = entry.token, entry.time


def microseconds() -> int:
    """Return the real time in microseconds."""
    return time.time_ns() // 1000
