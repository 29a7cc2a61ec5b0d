"""Deliveries to webhooks in the log: exactly one server makes an attempt, and any may make the next one.

A delivery is a part of its sandbox while it waits. A server claims it by an entry before each attempt, and
what has come of that is one more entry. If a server ends during an attempt, its claim ends after `LEASE`, and
another server makes the attempt anew: so it may be made twice. One more log lists the sandboxes that have
deliveries, so that a server finds them which has no copy of these sandboxes.
"""

import asyncio
import logging
import time

from mockserver.sandbox.journal.entry import KeptEntry
from mockserver.sandbox.log.log import Entry, Life, Log, appended, new_token
from mockserver.sandbox.webhooks.outbox import Outbox
from mockserver.sandbox.webhooks.webhook import Delivery
from mockserver.server.copies.copies import Copies
from mockserver.server.copies.copy import MAX_TRIES
from mockserver.server.copies.joining import WAITING
from mockserver.vendor_api.failure import UNEXPECTED

LEASE = 20_000_000  # microseconds; an attempt takes at most half of it
PAUSE = 1_000_000  # microseconds, after a claim that nobody could keep
SECONDS_BETWEEN_ROUNDS = 5.0
log = logging.getLogger("mockserver")


class WaitingList:
    """The names of the sandboxes in a store that may have deliveries which wait."""

    def __init__(self, kept_in: Log) -> None:
        self._log, self._head, self._time = kept_in, b"", 0
        self._names: dict[str, None] = {}
        self._lock = asyncio.Lock()

    async def names(self) -> list[str]:
        async with self._lock:
            return await self._read()

    async def _read(self) -> list[str]:
        entries = await self._log.news(WAITING, self._head) if self._head else None
        if entries is None:
            kept = await self._log.load(WAITING)
            self._names = dict.fromkeys(kept.parts if kept else ())
            self._head, self._time = (kept.head, kept.entries[-1].time) if kept else (b"", 0)
        for entry in entries or ():
            self._apply(entry)
        return [*self._names]

    async def set(self, name: str, *, waits: bool) -> None:
        """Add a name, or remove it."""
        async with self._lock:
            for _ in range(MAX_TRIES):
                if (name in await self._read()) == waits:
                    return
                now = max(self._time + 1, time.time_ns() // 1000)
                entry = Entry(token=new_token(), time=now, parts={name: b"1" if waits else None})
                if await appended(self._log, WAITING, self._head or None, entry, Life()):
                    self._apply(entry)
                    return

    def _apply(self, entry: Entry) -> None:
        for name, part in entry.parts.items():
            if part is None:
                self._names.pop(name, None)
            else:
                self._names[name] = None
        self._head, self._time = entry.token, entry.time


class KeptDeliveries:
    """Lets the deliverer of one server make the deliveries that are in the log.

    `loop` is the event loop of the copies. The deliverer has another one.
    """

    def __init__(self, copies: Copies) -> None:
        self._copies, self._waiting = copies, WaitingList(copies.log)
        self.loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._attending: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Begin to attend to the deliveries in the store, also to those that other servers have left."""
        self.loop = asyncio.get_running_loop()
        self._attending = self.loop.create_task(self._attend())

    async def claim(self, outbox: Outbox, delivery: Delivery) -> bool:
        """Return True if this server is to make the next attempt of a delivery. Otherwise it is put off."""
        assert self.loop is not None
        claim = asyncio.run_coroutine_threadsafe(self._claim(outbox, delivery), self.loop)
        return await asyncio.wrap_future(claim)

    def finish(self, outbox: Outbox, delivery: Delivery, entry: KeptEntry) -> None:
        """Keep what has come of an attempt, in the background."""
        assert self.loop is not None
        self.loop.call_soon_threadsafe(self._begin_to_finish, outbox, delivery, entry)

    async def _claim(self, outbox: Outbox, delivery: Delivery) -> bool:
        try:
            await self._waiting.set(outbox.sandbox.name, waits=True)
            return await self._try_to_claim(outbox, delivery)
        except UNEXPECTED as error:
            log.warning("a delivery to a webhook has to wait: %s", error)
            outbox.put_off(delivery, time.time_ns() // 1000 + PAUSE)
            return False

    async def _try_to_claim(self, outbox: Outbox, delivery: Delivery) -> bool:
        copy = self._copies.at(outbox.sandbox.name)
        for _ in range(MAX_TRIES):
            async with copy.lock:
                await self._copies.fetch(copy, news=True)
                kept, now = outbox.kept.get(delivery.id), time.time_ns() // 1000
                is_here = copy.sandbox is not None and copy.sandbox.outbox is outbox
                if not (is_here and outbox.is_under_way(delivery)) or (delivery.is_kept and kept is None):
                    outbox.leave_to_others(delivery)
                    return False
                is_claimed = kept is not None and now < kept.until != delivery.claimed
                if kept is not None and (is_claimed or kept.tries != delivery.tries):
                    outbox.put_off(delivery, kept.until)
                    return False
                delivery.claimed = now + LEASE
                outbox.keep(delivery, delivery.claimed)
                turn = self._copies.append(copy, copy.sandbox, None)
            if turn is None or await turn.wait():
                delivery.is_kept = True
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
            log.warning("a delivery to a webhook could not be kept: %s", error)

    async def close(self) -> None:
        """Wait until what has come of all attempts is in the log."""
        if self._attending is not None:
            self._attending.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _attend(self) -> None:
        """Look again and again for deliveries that wait in sandboxes of which there is no copy here."""
        told = ""
        while True:
            try:
                for name in await self._waiting.names():
                    await self._attend_to(name)
            except UNEXPECTED as error:
                if told != (told := str(error)):
                    log.warning("the deliveries that wait in the store cannot be read: %s", error)
            await asyncio.sleep(SECONDS_BETWEEN_ROUNDS)

    async def _attend_to(self, name: str) -> None:
        if not await self._has_some(name):
            await self._waiting.set(name, waits=False)
            if await self._has_some(name):  # another server has just claimed one
                await self._waiting.set(name, waits=True)

    async def _has_some(self, name: str) -> bool:
        await self._copies.refresh([name])
        sandbox = self._copies.at(name).sandbox
        outbox = sandbox.outbox if sandbox is not None else None
        if outbox is None or not outbox.kept:
            return False
        outbox.wake()
        return True
