"""The list of the sandboxes that a store has lost, for those servers that had no copy of them.

Each server lists those that it knew. Before a server makes a sandbox that is not in the store, it looks here:
a lost one is refused until somebody makes it anew by the control API. The others need a moment to notice what
is lost. So for some time after the store has lost everything, no server makes a sandbox by a mere call.
"""

from collections.abc import Mapping
from itertools import islice

from mockserver.sandbox.log.log import Log, StoreUnavailable
from mockserver.server.copies.copy import MAX_TRIES
from mockserver.server.copies.joining import LOST
from mockserver.server.copies.name_list import NameList, microseconds

MAX_LISTED = 20_001  # names, with `BEGUN`
PIECE = 1000  # names that are listed at once
SECONDS_TO_NOTICE = 10.0  # each server uses the store every 5 seconds, and then notices that it has lost all
BEGUN = "-"  # listed beside the names, with the end of this time
NEVER = 1 << 62  # the end of a sandbox that never expires


class LostList:
    """The list, as one server reads and writes it.

    `_own` has the names that this server has still to list, or that there was no room for. `_all` is True if
    the store has lost everything, and the others are still to be told.
    """

    def __init__(self, kept_in: Log) -> None:
        self._log, self._list = kept_in, NameList(kept_in, LOST)
        self._own: dict[str, int] = {}
        self._all = False

    def lose_all(self, ends: Mapping[str, int | None]) -> None:
        """Note the sandboxes that the store has lost with everything else, also this list."""
        before = {name: end for name, end in self._list.ends.items() if name != BEGUN}
        self._list.forget()
        self._own, self._all = before | self._own, True
        self.lose(ends)

    def lose(self, ends: Mapping[str, int | None]) -> None:
        """Note sandboxes that the store has lost, and their ends. `tell` lists them."""
        self._own |= {name: NEVER if end is None else end for name, end in ends.items()}

    async def tell(self) -> None:
        """List what is noted, as far as there is room."""
        if self._own or self._all:
            async with self._list.lock:
                await self._tell()

    async def has(self, name: str) -> bool:
        """Return True if the store has lost a sandbox that is not in it."""
        async with self._list.lock:
            await self._tell()
            return max(self._list.ends.get(name, 0), self._own.get(name, 0)) > microseconds()

    def wait(self) -> float:
        """Return the seconds for which no sandbox may be made by a mere call, as far as was read."""
        left = (self._list.ends.get(BEGUN, 0) - microseconds()) / 1e6
        return min(max(left, 0), SECONDS_TO_NOTICE)  # the clock of another server may be wrong

    async def remove(self, name: str) -> None:
        """Remove a sandbox that was made anew or deleted, if it is known to be listed."""
        self._own.pop(name, None)
        async with self._list.lock:
            for _ in range(MAX_TRIES):
                if name not in self._list.ends or await self._list.change({name: None}, microseconds()):
                    return
                await self._list.read()
        raise _contended()

    async def _tell(self) -> None:
        """Read the list, and add what is noted in pieces. Names of sandboxes that exist are dropped."""
        for _ in range(MAX_TRIES):
            before = self._list.ends
            await self._list.read()
            if (ends := self._list.ends) is not before:  # the store may have lost the end of the list
                self._own = {
                    name: end for name, end in before.items() if name not in {BEGUN, *ends}
                } | self._own
            if await self._add():
                return
        raise _contended()

    async def _add(self) -> bool:
        """Add what is noted. Return False if another server has just changed the list."""
        now, ends = microseconds(), self._list.ends
        if self._all:
            if BEGUN not in ends and not await self._list.change(
                {BEGUN: now + int(SECONDS_TO_NOTICE * 1e6)}, now
            ):
                return False
            self._all = False
        while self._own and (room := MAX_LISTED - len(ends)) > 0:
            piece = dict(islice(self._own.items(), min(PIECE, room)))
            made = await self._log.heads([*piece])
            new = {
                name: end
                for name, end in piece.items()
                if name not in made and end > max(now, ends.get(name, 0))
            }
            if new and not await self._list.change(new, now):
                return False
            for name in piece:
                self._own.pop(name, None)
        return True


def _contended() -> StoreUnavailable:
    return StoreUnavailable("too many servers change the list of lost sandboxes")
