"""The upkeep of a server's copies: what has expired, what the store has lost, and whether it can be used."""

import asyncio
import logging
from contextlib import suppress
from heapq import nlargest

from mockserver.sandbox.log.log import StoreLost, StoreUnavailable
from mockserver.server.copies.copies import Copies
from mockserver.server.turns.store_errors import unforeseen
from mockserver.vendor_api.failure import UNEXPECTED

MAX_LOOKED_AT = 1000  # copies, those with the latest turns first
SECONDS_BETWEEN_LOOKS = 1.0  # at them, however often connections break
PATIENCE = 1.0  # seconds, after which a store counts as one that cannot be used
log = logging.getLogger("mockserver")


class Upkeep:
    """Keeps the copies of one server in order, beside the turns of calls.

    A store may lose its latest turns while nobody is connected to it: it was killed, or a replica that lagged
    behind has taken over. So after each new connection, this looks at the heads of the copies.
    """

    def __init__(self, copies: Copies) -> None:
        self._copies = copies
        self._looking: asyncio.Task[None] | None = None
        self._is_wanted = False
        copies.log.on_connect = self._look_for_losses

    async def check(self) -> None:
        """Raise StoreUnavailable or StoreLost if the store cannot be used now.

        A store on a full disk can still be read. So once it could not be used, this writes to it, until that
        succeeds: calls may not tell, as a proxy sends none to a server that is not ready.
        """
        copies = self._copies
        await copies.log.names(limit=0)
        if copies.counts.failing:
            await copies.waiting.touch()
            if copies.counts.failing:  # else a call has told meanwhile
                copies.counts.recover()

    async def look(self) -> None:
        """Note whether the store can be used now."""
        generation, reachable = self._copies.generation, False
        with suppress(StoreUnavailable, TimeoutError):
            async with asyncio.timeout(PATIENCE):
                try:
                    await self.check()
                except StoreLost:
                    await self._copies.lose(generation)
            reachable = True
        self._copies.counts.reachable = reachable

    async def remove_expired(self) -> None:
        """Remove the sandboxes that have expired from the store, and forget copies that are not needed.

        If the store cannot be reached, the next time will do.
        """
        generation = self._copies.generation
        with suppress(StoreUnavailable):
            try:
                await self._copies.log.remove_expired()
                await self._forget_unneeded()
            except StoreLost:
                await self._copies.lose(generation)

    async def _forget_unneeded(self) -> None:
        copies = self._copies
        for copy in copies.table:
            if copy.kept.head is not None and not copies.is_alive(copy):
                await copies.refresh([copy.name])  # perhaps another server has used it
            alive = copy.lost or (copies.is_alive(copy) and copy.kept.head is not None)
            if not (alive or copy.in_use):
                copies.table.remove(copy)

    def _look_for_losses(self) -> None:
        self._is_wanted = True
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._keep_looking())

    async def _keep_looking(self) -> None:
        while self._is_wanted:
            self._is_wanted = False
            await self._look_at_heads()
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)

    async def _look_at_heads(self) -> None:
        copies, generation = self._copies, self._copies.generation
        known = (copy for copy in copies.table if copy.kept.head is not None)
        latest = nlargest(MAX_LOOKED_AT, known, key=lambda copy: copy.known.latest)
        with suppress(StoreUnavailable):  # after the next connection, this begins anew
            try:
                await copies.lost.tell()
                for name in await copies.behind([copy.name for copy in latest]):
                    await self._look_at(name)
            except StoreLost:
                await copies.lose(generation)

    async def _look_at(self, name: str) -> None:
        try:
            await self._copies.refresh([name])
        except (StoreLost, StoreUnavailable):
            raise
        except UNEXPECTED as error:
            message = "sandbox %s cannot be read from the store: %s"
            log.warning(message, name, error, exc_info=unforeseen(error))
