"""A server's copies by name. Those that have not been used for longest are dropped: the log has them."""

import time
from collections.abc import Iterator
from typing import NamedTuple

from mockserver.sandbox.journal.entry import STRAYS
from mockserver.server.copies.copy import Copy
from mockserver.server.copies.registry import LoggedSandboxes
from mockserver.vendor_api.credential import DEFAULT_SANDBOX

MAX_COPIES = 12_000  # in memory
SLACK = 20  # they may be one in so many more, so that dropping is not for each
MAX_DROPPED = 200_000  # names of dropped copies that are remembered
PERMANENT = (STRAYS, DEFAULT_SANDBOX)


class _Dropped(NamedTuple):
    """A dropped copy, as far as it is remembered: the time of its latest turn, and when the sandbox ends."""

    time: int
    expires: int | None


class CopyTable:
    """The copies of one server: `by_name`.

    If there are too many, those are dropped that have not been used for longest. A copy is not dropped while
    a turn of it is under way, somebody listens to its sandbox, or it has something that is not in the log.
    """

    def __init__(self, sandboxes: LoggedSandboxes) -> None:
        self._sandboxes = sandboxes
        self.by_name: dict[str, Copy] = {}
        self.get = self.by_name.get
        self._dropped: dict[str, _Dropped] = {}
        self._lost: dict[str, _Dropped] = {}
        self._most = 0  # copies; then some are dropped

    def __iter__(self) -> Iterator[Copy]:
        """Yield the copies of this moment."""
        return iter([*self.by_name.values()])

    def at(self, name: str) -> Copy:
        """Return the copy of a sandbox, as far as it is known here. It counts as used."""
        copy = self.by_name.get(name)
        if copy is None:
            if len(self.by_name) >= max(self._most, MAX_COPIES + MAX_COPIES // SLACK):
                self._drop_some()
            copy = self.by_name[name] = self._new(name)
        copy.used = time.time_ns() // 1000
        return copy

    def remove(self, copy: Copy) -> None:
        self.by_name.pop(copy.name, None)
        copy.latest = None  # the turn would keep it, until a full garbage collection

    def lose(self) -> dict[str, int | None]:
        """Note that the store has lost the sandboxes of the copies that were dropped.

        Return the names of these sandboxes, the last one first, and when they would have ended, if that is
        still known.
        """
        self._lost, self._dropped = self._lost | self._dropped, {}
        lost = {name: dropped.expires for name, dropped in reversed(self._lost.items())}
        for copy in self:
            if copy.told is not None:  # it was just to be read again
                self.lose_one(copy)
                lost[copy.name] = None
        return lost

    def lose_one(self, copy: Copy) -> None:
        """Mark a sandbox that was in the log as lost, so that it must be made again."""
        sandboxes = self._sandboxes
        copy.sandbox = sandboxes.adopt(copy.name, sandboxes.seed, sandboxes.products, is_new=False)
        copy.lost = True

    def _new(self, name: str) -> Copy:
        copy, now = Copy(name), time.time_ns() // 1000
        if (dropped := self._dropped.pop(name, None)) is not None:
            copy.told = dropped.time
        lost = self._lost.pop(name, None)
        if lost is not None and (lost.expires is None or lost.expires > now):
            self.lose_one(copy)
        return copy

    def _drop_some(self) -> None:
        listened_to = self._sandboxes.feed.names
        surplus = len(self.by_name) - MAX_COPIES
        for copy in sorted(self, key=lambda copy: copy.used):
            if surplus <= 0:
                break
            if copy.name not in listened_to and self._can_go(copy):
                self._drop(copy)
                surplus -= 1
        self._most = len(self.by_name) + MAX_COPIES // SLACK

    @staticmethod
    def _can_go(copy: Copy) -> bool:
        outbox = copy.sandbox.outbox if copy.sandbox is not None else None
        has_more = copy.lost or (outbox is not None and not outbox.is_empty)
        return not (has_more or copy.in_use or copy.name in PERMANENT)

    def _drop(self, copy: Copy) -> None:
        self.remove(copy)
        if copy.sandbox is not None:
            self._sandboxes.let_go(copy.sandbox)
        if copy.kept.head is None:
            return
        self._dropped[copy.name] = _Dropped(copy.kept.time, copy.kept.life.expires)
        if len(self._dropped) > MAX_DROPPED:
            del self._dropped[next(iter(self._dropped))]
