"""A log in the memory of this process. Several servers of one process can share it."""

import asyncio
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from heapq import nsmallest
from uuid import uuid4

from mockserver.sandbox.log.log import (
    MAX_BYTES,
    MAX_ENTRIES,
    Entry,
    Joined,
    Kept,
    Life,
    Settled,
    StoreRefused,
    do_nothing,
)


@dataclass
class _Sandbox:
    life: Life
    head: bytes = b""
    length: int = 0
    size: int = 0
    parts: dict[str, bytes] = field(default_factory=dict)
    entries: deque[Entry] = field(default_factory=deque)

    def add(self, entry: Entry, life: Life) -> None:
        if entry.cleared:
            self.parts = {
                name: part for name, part in self.parts.items() if not name.startswith(entry.cleared)
            }
        for name, part in entry.parts.items():
            if part is None:
                self.parts.pop(name, None)
            else:
                self.parts[name] = part
        self.head, self.life, self.length = entry.token, life, self.length + 1
        self.entries.append(entry)
        self.size += entry.size
        while len(self.entries) > MAX_ENTRIES or (self.size > MAX_BYTES and len(self.entries) > 1):
            self.size -= self.entries.popleft().size

    @property
    def expired(self) -> bool:
        return self.life.expires is not None and self.life.expires <= time.time_ns() // 1000


class MemoryLog:
    """Keeps sandboxes in memory: the shortest implementation of `Log`, and the measure for the others."""

    def __init__(self) -> None:
        self.on_connect = do_nothing
        self._generation = uuid4().hex
        self._fingerprint: dict[str, str] | None = None
        self._sandboxes: dict[str, _Sandbox] = {}

    def describe(self) -> str:
        return "memory"

    async def join(self, fingerprint: Mapping[str, str], *, fresh: bool = False) -> Joined:
        if fresh:
            self._sandboxes.clear()
            self._generation, self._fingerprint = uuid4().hex, None
        self._fingerprint = self._fingerprint or dict(fingerprint)
        if self._fingerprint != dict(fingerprint):
            raise StoreRefused("the servers that share a store must have the same data options")
        return Joined(self._generation, len(self._sandboxes))

    async def load(self, name: str) -> Kept | None:
        if (kept := self._find(name)) is None:
            return None
        return Kept(kept.head, kept.length, dict(kept.parts), kept.life, tuple(kept.entries))

    def append(self, name: str, head: bytes | None, entry: Entry, life: Life, settled: Settled) -> None:
        asyncio.get_running_loop().call_soon(settled, self._append(name, head, entry, life))

    def _append(self, name: str, head: bytes | None, entry: Entry, life: Life) -> bool:
        kept = self._find(name)
        if kept is not None and kept.head == entry.token:
            return True
        if head != (kept and kept.head):
            return False
        if kept is None:
            kept = self._sandboxes[name] = _Sandbox(life)
        kept.add(entry, life)
        return True

    async def news(self, name: str, head: bytes) -> Sequence[Entry] | None:
        entries = [*kept.entries] if (kept := self._find(name)) else []
        place = next((place for place, entry in enumerate(entries) if entry.token == head), None)
        return None if place is None else entries[place + 1 :]

    async def heads(self, names: Sequence[str]) -> dict[str, bytes]:
        return {name: kept.head for name in names if (kept := self._find(name)) is not None}

    async def end(self, name: str, head: bytes) -> bool:
        kept = self._find(name)
        if kept is not None and kept.head == head:
            del self._sandboxes[name]
            kept = None
        return kept is None

    async def has_ended(self, name: str, time: int) -> bool:
        return True

    async def name_with(self, key: bytes) -> str | None:
        return next(
            (name for name, kept in self._sandboxes.items() if key in kept.life.keys and not kept.expired),
            None,
        )

    async def names(self, after: str = "", limit: int = 1000) -> tuple[list[str], int]:
        await self.remove_expired()
        return nsmallest(limit, filter(after.__lt__, self._sandboxes)), len(self._sandboxes)

    async def oldest_implicit(self) -> str | None:
        expiring = {
            kept.life.expires: name
            for name, kept in self._sandboxes.items()
            if kept.life.implicit and kept.life.expires is not None
        }
        return expiring[min(expiring)] if expiring else None

    async def remove_expired(self) -> int:
        expired = [name for name, kept in self._sandboxes.items() if kept.expired]
        for name in expired:
            del self._sandboxes[name]
        return len(expired)

    async def close(self) -> None:
        pass

    def _find(self, name: str) -> _Sandbox | None:
        kept = self._sandboxes.get(name)
        return None if kept is None or kept.expired else kept
