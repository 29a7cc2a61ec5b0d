"""Room for new sandboxes: their number is limited over all servers that share a store."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection

from mockserver.server.copies.copies import Copies

SECONDS_OF_A_COUNT = 1.0  # after which the sandboxes are counted anew
SHARE = 8  # a server counts anew when it has made one in so many of those that there was room for
MAX_ENDED = 10  # sandboxes at once, if several servers have made more than there was room for


class Room:
    """Makes room in a store. A new sandbox takes the place of one that was created by its first use.

    The sandboxes are not counted for each new one, and other servers make some meanwhile. So there may be a
    few too many for a while. `count` returns how many there are, beside the default one.
    """

    def __init__(self, copies: Copies, count: Callable[[], Awaitable[int]]) -> None:
        self._copies, self._count = copies, count
        self._making = asyncio.Lock()
        self._left, self._counted = 0, float("-inf")

    async def make(self, spared: Collection[str] = ()) -> None:
        """Make room for a new sandbox: end the one that expires first, unless it is among the spared ones.

        If there is none that may be ended, the registry refuses new ones from now on.
        """
        async with self._making:
            now = time.monotonic()
            if self._left > 0 and now - self._counted < SECONDS_OF_A_COUNT:
                self._left -= 1
                return
            sandboxes = self._copies.sandboxes
            free = sandboxes.max_sandboxes - await self._count()
            sandboxes.full = False
            for _ in range(min(1 - free, MAX_ENDED)):
                oldest = await self._copies.log.oldest_implicit()
                if oldest is None:
                    sandboxes.full = True
                elif oldest not in spared:
                    await self._copies.evict(oldest)
            self._left, self._counted = max(free - 1, 0) // SHARE, now
