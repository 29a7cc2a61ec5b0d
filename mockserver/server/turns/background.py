"""The tasks of a server beside the turns of calls: they keep other entries, and follow other servers."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from mockserver.sandbox.journal.entry import STRAYS, KeptEntry
from mockserver.sandbox.journal.journal import Journal
from mockserver.sandbox.log.log import StoreLost
from mockserver.server.copies.copies import Copies
from mockserver.server.copies.copy import MAX_TRIES, Awaited
from mockserver.server.copies.joining import despite_loss
from mockserver.server.turns.shared_log import SharedLog
from mockserver.server.turns.store_errors import unforeseen
from mockserver.vendor_api.failure import UNEXPECTED

SECONDS_BETWEEN_NEWS = 0.1
FOLLOWED_AT_ONCE = 500  # sandboxes, for those who listen to all of them
log = logging.getLogger("mockserver")


class Background:
    """The tasks of one server that nobody waits for. `loop` is the event loop of the copies.

    While somebody listens to the feed, one task reads the news of the sandboxes that are listened to. If it
    is all of them, `refresh_next` reads those of the next ones, at most so many.
    """

    def __init__(
        self, copies: Copies, tables: SharedLog, refresh_next: Callable[[int], Awaitable[None]]
    ) -> None:
        self._copies, self._tables, self._feed = copies, tables, copies.sandboxes.feed
        self._refresh_next = refresh_next
        self.loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._follower: asyncio.Task[None] | None = None
        self._feed.keep, self._feed.on_listen = self.record, self._follow

    async def close(self) -> None:
        """Wait until all entries are in the log, and follow no longer."""
        if self._follower is not None:
            self._follower.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def record(self, entry: KeptEntry, journal: Journal) -> None:
        """Append a journal entry outside a turn, from any thread."""
        if self.loop is not None:
            with suppress(RuntimeError):  # the event loop has ended
                self.loop.call_soon_threadsafe(self.keep, entry)

    def keep(self, entry: KeptEntry) -> Awaited:
        """Append a journal entry outside a turn. What is returned counts once the entry is in the log."""
        kept = Awaited()
        task = asyncio.get_running_loop().create_task(self._append(entry, kept))
        self._tasks.add(task)  # a loop does not keep its tasks
        task.add_done_callback(self._tasks.discard)
        return kept

    async def _append(self, entry: KeptEntry, kept: Awaited) -> None:
        try:
            await despite_loss(self._copies, lambda: self.append_call(entry))
        except UNEXPECTED as error:
            message = "an entry of the journal of %s could not be kept: %s"
            log.warning(message, entry.sandbox, error, exc_info=unforeseen(error))
            kept.counts, kept.error = False, error
        else:
            kept.counts = True
        kept.tell()

    async def append_call(self, entry: KeptEntry) -> None:
        """Put a call into the log that changes nothing in its sandbox, or that belongs to none.

        Raise StoreLost if the store has lost the sandbox: an entry does not make it anew.
        """
        copies, copy = self._copies, self._copies.at(entry.sandbox)
        for number in range(MAX_TRIES):
            async with copy.lock:
                await copies.fetch(copy, news=number > 0)
                if copy.kept.head is None and copy.name != STRAYS:
                    await copies.look_for_loss(copy)
                if copy.lost or (copy.kept.head is None and copy.name != STRAYS and copies.lost.wait()):
                    raise StoreLost("the store has lost the sandbox")
                if copy.sandbox is None and copy.name != STRAYS:
                    return  # it has ended
                kept = copies.append(copy, copy.sandbox, entry)
            if kept is None or await kept.wait():
                return

    def _follow(self) -> None:
        if self._follower is None or self._follower.done():
            self._follower = asyncio.get_running_loop().create_task(self._follow_others())

    async def _follow_others(self) -> None:
        """Read the news of the sandboxes that are listened to, until nobody listens any more.

        For those who listen to all of them, some are read each time, one after the other.
        """
        told = ""
        while names := self._feed.names:
            try:
                await self._tables.refresh()  # a stream ends with its session
                await self._copies.refresh([name for name in names if name is not None])
                if None in names:
                    await self._copies.refresh([STRAYS])
                    await self._refresh_next(FOLLOWED_AT_ONCE)
            except UNEXPECTED as error:
                if told != (told := str(error)):
                    message = "the calls to other servers cannot be read: %s"
                    log.warning(message, error, exc_info=unforeseen(error))
            await asyncio.sleep(SECONDS_BETWEEN_NEWS)
