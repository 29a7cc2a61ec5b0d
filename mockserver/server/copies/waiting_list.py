"""The list of the sandboxes in a store that may have deliveries to webhooks which wait.

By it, a server finds deliveries in sandboxes of which it has no copy: those that another server has left. It
is a log of its own, so a sandbox is listed before deliveries become a part of it. The list says until when
each sandbox is listed at least, and nobody removes it earlier. So servers need not read the list for each
change, and a server that has an old list still knows that the sandbox is in it.
"""

from mockserver.sandbox.log.log import Log, StoreUnavailable
from mockserver.server.copies.copy import MAX_TRIES
from mockserver.server.copies.joining import WAITING
from mockserver.server.copies.name_list import NameList, microseconds

LISTED = 600_000_000  # microseconds for which a sandbox is listed anew
MARGIN = LISTED // 2  # before that has passed, in which an append must be in the log
LARGE_CALL = 65_536  # bytes: a disk with less room is as good as full


class WaitingList:
    """The list, as one server reads and writes it in a log."""

    def __init__(self, kept_in: Log) -> None:
        self._list = NameList(kept_in, WAITING)
        self.forget = self._list.forget

    def has(self, name: str) -> bool:
        """Return True if a sandbox will be listed for long enough."""
        return self._list.ends.get(name, 0) > microseconds() + MARGIN

    async def names(self) -> list[str]:
        """Return the names of all sandboxes that are listed."""
        async with self._list.lock:
            await self._list.read()
            return [*self._list.ends]

    async def add(self, name: str) -> None:
        """List a sandbox for some time. Raise StoreUnavailable if that is not possible."""
        async with self._list.lock:
            for _ in range(MAX_TRIES):
                await self._list.read()
                now = microseconds()
                if self.has(name) or await self._list.change({name: now + LISTED}, now):
                    return
        raise StoreUnavailable("too many servers change the list of deliveries that wait")

    async def touch(self) -> None:
        """Write as much as a large call, and change nothing. Raise StoreUnavailable if that fails."""
        async with self._list.lock:
            await self._list.read()
            # If it is refused, another server has just written.
            await self._list.change({}, microseconds(), extra=bytes(LARGE_CALL))

    async def remove(self, name: str, seen: int) -> None:
        """Remove a sandbox in which no delivery was waiting at a time or later, unless it is still listed."""
        async with self._list.lock:
            if self._list.ends.get(name, seen) < seen:
                await self._list.change({name: None}, microseconds())
