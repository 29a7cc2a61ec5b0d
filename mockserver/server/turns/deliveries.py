"""Deliveries to webhooks in the log: exactly one server makes an attempt, and any may make the next one.

A delivery is a part of its sandbox while it waits: the turn that makes the change adds it. A server claims it
by an entry before each attempt, and appends the outcome as another entry. If a server ends during an attempt,
its claim ends after `LEASE`, and another server makes the attempt again: so it may be made twice.
"""

import asyncio
import logging
import time
from contextlib import suppress

from mockserver.sandbox.journal.entry import KeptEntry
from mockserver.sandbox.log.log import StoreLost, StoreUnavailable
from mockserver.sandbox.webhooks.outbox import Outbox
from mockserver.sandbox.webhooks.webhook import Deliveries, Delivery
from mockserver.server.copies.copies import Copies
from mockserver.server.copies.copy import MAX_TRIES
from mockserver.server.copies.joining import despite_loss
from mockserver.server.turns.store_errors import unforeseen
from mockserver.vendor_api.failure import UNEXPECTED

LEASE = 20_000_000  # microseconds; an attempt takes at most half of it
PAUSE = 1_000_000  # microseconds, after a claim that could not be kept, or that came too early
SECONDS_BETWEEN_ROUNDS = 5.0
log = logging.getLogger("mockserver")


class KeptDeliveries:
    """Lets the deliverer of one server make the deliveries that are in the log.

    `loop` is the event loop of the copies. The deliverer has another one.
    """

    def __init__(self, copies: Copies) -> None:
        self._copies = copies
        self.loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._attending: asyncio.Task[None] | None = None
        self._told: dict[str, str] = {}

    def begin(self) -> None:
        """Start to make the deliveries in the store, also those that other servers have left."""
        self.loop = asyncio.get_running_loop()
        self._attending = self.loop.create_task(self._attend())

    async def claim(self, outbox: Outbox, delivery: Delivery) -> bool:
        """Return True if this server is to make the next attempt of a delivery. Otherwise it is put off."""
        assert self.loop is not None
        claim = asyncio.run_coroutine_threadsafe(self._claim(outbox, delivery), self.loop)
        return await asyncio.wrap_future(claim)

    def finish(self, outbox: Outbox, delivery: Delivery, entry: KeptEntry) -> None:
        """Keep the outcome of an attempt, in the background."""
        assert self.loop is not None
        self.loop.call_soon_threadsafe(self._begin_to_finish, outbox, delivery, entry)

    async def _claim(self, outbox: Outbox, delivery: Delivery) -> bool:
        try:
            return await self._try_to_claim(outbox, delivery)
        except UNEXPECTED as error:
            log.warning("a delivery to a webhook has to wait: %s", error, exc_info=unforeseen(error))
            outbox.put_off(delivery, time.time_ns() // 1000 + PAUSE)
            return False

    async def _try_to_claim(self, outbox: Outbox, delivery: Delivery) -> bool:
        copy = self._copies.at(outbox.sandbox.name)
        for _ in range(MAX_TRIES):
            async with copy.lock:
                await self._copies.fetch(copy, news=True)
                kept, now = outbox.kept.get(delivery.id), time.time_ns() // 1000
                is_here = copy.sandbox is not None and copy.sandbox.outbox is outbox
                if not (is_here and outbox.is_under_way(delivery)) or kept is None:
                    outbox.leave_to_others(delivery)
                    return False
                is_claimed = now < kept.until != delivery.claimed
                if is_claimed or kept.tries != delivery.tries:
                    outbox.put_off(delivery, kept.until)
                    return False
                if not _is_next(delivery.id, outbox.kept, now):
                    # Not until the other's claim ends: its attempt may be over, and just not in the log yet.
                    outbox.put_off(delivery, now + PAUSE)
                    return False
                delivery.claimed = now + LEASE
                outbox.keep(delivery, delivery.claimed)
                turn = self._copies.append(copy, copy.sandbox, None)
            if turn is None or await turn.wait():
                return True
        outbox.put_off(delivery, now + PAUSE)
        return False

    def _begin_to_finish(self, outbox: Outbox, delivery: Delivery, entry: KeptEntry) -> None:
        task = asyncio.get_running_loop().create_task(self._finish(outbox, delivery, entry))
        self._tasks.add(task)  # a loop does not keep its tasks
        task.add_done_callback(self._tasks.discard)

    async def _finish(self, outbox: Outbox, delivery: Delivery, entry: KeptEntry) -> None:
        copy = self._copies.at(entry.sandbox)
        try:
            for number in range(MAX_TRIES):
                async with copy.lock:
                    await self._copies.fetch(copy, news=number > 0)
                    if copy.sandbox is None:
                        return  # it has ended
                    if copy.sandbox.outbox is outbox and delivery.id in outbox.kept:
                        outbox.keep(delivery, 0)
                        delivery.until = 0
                    turn = self._copies.append(copy, copy.sandbox, entry)
                if turn is None or await turn.wait():
                    outbox.wake()
                    return
        except UNEXPECTED as error:
            log.warning("a delivery to a webhook could not be kept: %s", error, exc_info=unforeseen(error))

    async def close(self) -> None:
        """Wait until the outcomes of all attempts are in the log."""
        if self._attending is not None:
            self._attending.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _attend(self) -> None:
        """Look again and again for deliveries that wait in sandboxes of which there is no copy here."""
        while True:
            try:
                with suppress(StoreUnavailable, StoreLost):  # it is in the log already
                    await despite_loss(self._copies, self._attend_to_all)
            except UNEXPECTED as error:
                self._warn("the list of deliveries that wait", error)
            await asyncio.sleep(SECONDS_BETWEEN_ROUNDS)

    async def _attend_to_all(self) -> None:
        waiting = self._copies.waiting
        for name in await waiting.names():
            now = time.time_ns() // 1000
            try:
                if not await self._has_some(name):
                    await waiting.remove(name, now)
            except (StoreUnavailable, StoreLost):
                raise
            except UNEXPECTED as error:
                self._warn(f"sandbox {name}", error)

    def _warn(self, what: str, error: BaseException) -> None:
        """Say in the log what cannot be read, unless that is known."""
        if self._told.get(what) != (told := str(error)):
            self._told[what] = told
            log.warning("%s cannot be read from the store: %s", what, told, exc_info=unforeseen(error))

    async def _has_some(self, name: str) -> bool:
        await self._copies.refresh([name])
        sandbox = self._copies.at(name).sandbox
        outbox = sandbox.outbox if sandbox is not None else None
        if outbox is None or not outbox.kept:
            return False
        outbox.wake()
        return True


def _is_next(id: str, kept: Deliveries, now: int) -> bool:
    """Return False if another delivery to the same webhook has to come first, or is being made."""
    earlier = True
    for other, one in kept.items():
        if other == id:
            earlier = False
        elif one.webhook == kept[id].webhook and (now < one.until or (earlier and not one.tries)):
            return False
    return True
