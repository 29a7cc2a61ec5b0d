"""The outbox of a sandbox: its webhooks, the changes that are pending, and the deliveries.

It decides what is due, and does not send anything: it notifies whoever made it when there may be something
to do.
"""

import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from threading import Lock
from typing import Literal, Protocol

from mockserver.data.catalog.catalog import SeededCatalog
from mockserver.data.store.base_records import Record
from mockserver.data.store.state import RecordId, State
from mockserver.sandbox.clock import LAST_MOMENT, Clock
from mockserver.sandbox.journal.journal import Journal
from mockserver.sandbox.webhooks.webhook import (
    NO_DELIVERIES,
    Attempt,
    Changes,
    Deliveries,
    Delivery,
    KeptDelivery,
    Webhook,
)

MAX_WEBHOOKS = 10  # of a sandbox
MAX_CHANGES = 1000  # writes from which no deliveries are made yet; later ones are dropped
MAX_WAITING, MAX_WAITING_BYTES = 1000, 4 * 1024 * 1024  # deliveries of a sandbox; later ones are dropped
MAX_BODY = 1024 * 1024  # of a delivery
MAX_ENDED = 200  # deliveries that have ended and are still listed


class Owner(Protocol):
    """A sandbox, as its outbox sees it."""

    name: str
    catalog: SeededCatalog
    clock: Clock
    journal: Journal


class Outbox:
    """The webhooks of one sandbox, and their deliveries.

    Each webhook gets its deliveries one after the other, in the order of the changes. One that has to be
    tried again does not keep the others waiting.

    `sandbox` is the sandbox that has it now. `notify` is called, in any thread, when something may be due.
    `dropped` counts the changes and deliveries for which there was no room. `generation` is the number of
    worlds so far: what comes of the changes of an earlier one is not delivered.

    Where a log keeps the sandbox, changes are held back until the turn is appended that has made them. Their
    deliveries are a part of it, and are made once it counts. `kept` are those that wait in the log, by id
    and in their order. It is replaced, not changed.
    """

    def __init__(self, sandbox: Owner, notify: Callable[["Outbox"], None]) -> None:
        self.sandbox: Owner = sandbox
        self._notify = notify
        self.webhooks: tuple[Webhook, ...] = ()
        self.dropped = self.generation = 0
        self.made = {"w": 0, "d": 0}  # webhooks and deliveries
        self._lock = Lock()
        self._vendors: frozenset[str] = frozenset()
        self._changes: deque[Changes] = deque()
        self._held: list[Changes] | None = None
        self._waiting: list[Delivery] = []
        self._waiting_bytes = 0
        self._under_way: set[Delivery] = set()
        self._ended: deque[Delivery] = deque(maxlen=MAX_ENDED)
        self.kept: Deliveries = NO_DELIVERIES
        self._coming: set[str] = set()  # those of `kept` that are in turns which may not count

    def wake(self) -> None:
        """Notify that something may be due now, because the clock has changed."""
        if self._changes or self._waiting:
            self._notify(self)

    def next_id(self, kind: Literal["w", "d"]) -> str:
        """Return an id for a new webhook or delivery. The same calls get the same ids in every run."""
        with self._lock:
            self.made[kind] += 1
            return f"{kind}{self.made[kind]}"

    def add(self, webhook: Webhook) -> bool:
        """Add a webhook. Return False if there are too many."""
        with self._lock:
            if len(self.webhooks) >= MAX_WEBHOOKS:
                return False
            self._set_webhooks((*self.webhooks, webhook))
            return True

    def remove(self, id: str) -> bool:
        """Remove a webhook, and drop its deliveries. Return False if there is no such webhook."""
        with self._lock:
            left = tuple(webhook for webhook in self.webhooks if webhook.id != id)
            if len(left) == len(self.webhooks):
                return False
            self._set_webhooks(left)
            self.kept = {each: one for each, one in self.kept.items() if one.webhook != id} or NO_DELIVERIES
            self._drop([one for one in (*self._under_way, *self._waiting) if one.webhook.id == id])
            return True

    def take_on(self, webhooks: tuple[Webhook, ...], made: int) -> None:
        """Replace the webhooks, and drop the deliveries to others. `made` is how many there ever were."""
        with self._lock:
            self.made["w"] = made
            self._set_webhooks(webhooks)
            self._drop([one for one in (*self._under_way, *self._waiting) if one.webhook not in webhooks])

    def _set_webhooks(self, webhooks: tuple[Webhook, ...]) -> None:
        self.webhooks = webhooks
        self._vendors = frozenset(webhook.vendor for webhook in webhooks)

    def add_commit(
        self, sandbox: Owner, state: State, changed: Mapping[RecordId, tuple[Record | None, Record | None]]
    ) -> None:
        """Note that records of a sandbox have changed. Called for every write, so others do the work."""
        if self._vendors.isdisjoint([vendor for vendor, _, _ in changed]):
            return
        with self._lock:
            if sandbox is not self.sandbox:  # another one has taken its place meanwhile
                return
            now, webhooks = sandbox.clock.now(), self.webhooks
            changes = Changes(sandbox.catalog, state, changed, now, webhooks, self.generation)
            if self._held is not None:
                self._held.append(changes)
                return
            self._add_changes(changes)
        self._notify(self)

    @property
    def holds_changes(self) -> bool:
        """Return True if there are changes that no turn has been appended for yet."""
        return bool(self._held)

    def hold(self) -> list[Changes]:
        """Hold back the changes from now on. Return those that have been held back so far."""
        with self._lock:
            held, self._held = self._held, []
            return held or []

    def _add_changes(self, changes: Changes) -> None:
        if len(self._changes) >= MAX_CHANGES:
            self.dropped += 1
        else:
            self._changes.append(changes)

    def take_changes(self) -> list[Changes]:
        """Return the pending changes, which then are the caller's."""
        with self._lock:
            return [self._changes.popleft() for _ in range(len(self._changes))]

    def add_delivery(self, delivery: Delivery, generation: int) -> None:
        """Add a delivery after all others of its webhook. If there is no room, it is dropped.

        It is ignored if it comes of changes of an earlier generation, or if its webhook has been removed.
        """
        with self._lock:
            if generation != self.generation or delivery.webhook not in self.webhooks:
                return
            if _has_room(delivery, len(self._waiting), self._waiting_bytes):
                self._wait(delivery)
            else:
                self._refuse(delivery)

    def add_to_log(self, made: Sequence[Delivery]) -> None:
        """Have new deliveries among those in the log, as far as there is room.

        They are not due before `begin` is called.
        """
        with self._lock:
            kept, size = dict(self.kept), sum(len(one.body) for one in self.kept.values())
            for delivery in made:
                if _has_room(delivery, len(kept), size):
                    kept[delivery.id] = delivery.kept()
                    self._coming.add(delivery.id)
                    size += len(delivery.body)
            self.kept = kept or NO_DELIVERIES

    def begin(self, made: Sequence[Delivery]) -> None:
        """Let new deliveries wait: they are in the log now, except those for which there was no room."""
        with self._lock:
            for delivery in made:
                if delivery.id in self._coming:
                    self._coming.discard(delivery.id)
                    self._wait(delivery)
                else:
                    self._refuse(delivery)
        self._notify(self)

    def _wait(self, delivery: Delivery) -> None:
        self._waiting.append(delivery)
        self._waiting_bytes += len(delivery.body)

    def _refuse(self, delivery: Delivery) -> None:
        """End a delivery for which there is no room."""
        if len(delivery.body) > MAX_BODY:
            self._end(delivery, "failed")
        else:
            self._end(delivery, "dropped")
            self.dropped += 1

    def take_due(self, busy: Collection[str]) -> list[Delivery]:
        """Return the next delivery that is due of each webhook, but of those with a `busy` id none."""
        now = self.sandbox.clock.now()
        due: dict[str, Delivery] = {}
        with self._lock:
            for delivery in self._waiting:
                id = delivery.webhook.id
                is_due = (delivery.due is None or delivery.due <= now) and delivery.until <= _real_time()
                if is_due and id not in busy and id not in due:
                    due[id] = delivery
            for delivery in due.values():
                self._leave(delivery)
                self._under_way.add(delivery)
        return list(due.values())

    def seconds_until_due(self, busy: Collection[str]) -> float | None:
        """Return the seconds until a delivery is due that waits for its time, but not for a `busy` webhook.

        None means that there is none, or that the clock stands still.
        """
        clock, real = self.sandbox.clock, _real_time()
        now = clock.now()
        with self._lock:
            waiting = [one for one in self._waiting if one.webhook.id not in busy]
        seconds = [
            max((one.due - now) / timedelta(seconds=1) if one.due else 0, (one.until - real) / 1e6)
            for one in waiting
            if (one.due or one.until) and not (clock.frozen and one.due and one.due > now)
        ]
        return max(min(seconds), 0.001) if seconds else None

    def answered(self, delivery: Delivery, attempt: Attempt, retry_after: float | None) -> None:
        """Note an attempt. After `retry_after` seconds, there is another one. None means: it was the last.

        If the delivery has been dropped meanwhile, it stays dropped.
        """
        with self._lock:
            delivery.attempts = (*delivery.attempts, attempt)
            if delivery not in self._under_way:
                return
            self._under_way.discard(delivery)
            if retry_after is None:
                self._end(delivery, "delivered" if 200 <= attempt.status < 300 else "failed")
            else:
                delivery.due = _later(attempt.time, retry_after)
                self._wait(delivery)

    def put_back(self, delivery: Delivery) -> None:
        """Let a delivery wait again whose attempt was broken off. It comes before the others."""
        with self._lock:
            if delivery in self._under_way:
                self._under_way.discard(delivery)
                self._waiting.insert(0, delivery)
                self._waiting_bytes += len(delivery.body)

    def give_up(self, delivery: Delivery) -> None:
        """End a delivery whose attempt the mock itself could not make."""
        with self._lock:
            if delivery in self._under_way:
                self._under_way.discard(delivery)
                self._end(delivery, "failed")

    def put_off(self, delivery: Delivery, until: int) -> None:
        """Let a delivery wait again that another server may be making. It is not due before `until`."""
        delivery.until = until
        self.put_back(delivery)

    def leave_to_others(self, delivery: Delivery) -> None:
        """Forget a delivery that another server has made, or that has been dropped."""
        with self._lock:
            self._under_way.discard(delivery)

    def is_under_way(self, delivery: Delivery) -> bool:
        with self._lock:
            return delivery in self._under_way

    def keep(self, delivery: Delivery, until: int) -> None:
        """Add a delivery to those in the log if it waits; otherwise remove it."""
        with self._lock:
            kept = {**self.kept, delivery.id: delivery.kept(until)}
            if delivery.state != "waiting":
                del kept[delivery.id]
            self.kept = kept or NO_DELIVERIES

    def take_on_deliveries(self, kept: Deliveries, made: int) -> None:
        """Have these deliveries in the log: new ones wait, and those that are gone do not.

        `made` counts all that were ever made.
        """
        with self._lock:
            self.made["d"] = made
            self._coming &= kept.keys()
            if kept is self.kept:
                return
            self.kept = kept
            for gone in [one for one in self._waiting if one.id not in kept]:
                self._leave(gone)
            under_way = {one.id for one in self._under_way}
            for id, one in kept.items():
                if id not in under_way and id not in self._coming:
                    self._take_on(id, one)
        self.wake()

    def _take_on(self, id: str, kept: KeptDelivery) -> None:
        """Let a delivery wait as the log has it."""
        waiting = next((one for one in self._waiting if one.id == id), None)
        webhook = next((webhook for webhook in self.webhooks if webhook.id == kept.webhook), None)
        if waiting is not None:
            if kept.tries > waiting.tries:  # another server has made an attempt
                waiting.earlier, waiting.due = kept.tries - len(waiting.attempts), kept.due
            waiting.until = 0 if kept.until == waiting.claimed else kept.until
        elif webhook is not None:
            self._wait(_delivery(id, kept, webhook))

    def deliveries(self) -> list[Delivery]:
        """Return all deliveries that are still known: those that have ended, then the others."""
        with self._lock:
            return [*self._ended, *self._under_way, *self._waiting]

    @property
    def is_empty(self) -> bool:
        """Return True if there are no deliveries, and none to come of changes so far."""
        with self._lock:
            changes = self._changes or self._held or self._coming
            return not (changes or self._ended or self._under_way or self._waiting)

    def forget_deliveries(self) -> None:
        """Drop all that is not delivered yet: the world in which it happened is no more."""
        with self._lock:
            self._forget()

    def move_to(self, sandbox: Owner) -> None:
        """Serve the sandbox that replaces the present one."""
        with self._lock:
            self._forget()
            self.sandbox = sandbox
        sandbox.outbox = self  # type: ignore[attr-defined]

    def close(self) -> None:
        """Drop everything: the sandbox has ended."""
        with self._lock:
            self._set_webhooks(())
            self._forget()

    def _forget(self) -> None:
        self.generation += 1
        self.kept = NO_DELIVERIES
        self._changes.clear()
        self._coming.clear()
        if self._held:
            self._held = []
        self._drop([*self._under_way, *self._waiting])

    def _drop(self, deliveries: list[Delivery]) -> None:
        for delivery in deliveries:
            if delivery in self._under_way:
                self._under_way.discard(delivery)
            else:
                self._leave(delivery)
            self._end(delivery, "dropped")

    def _leave(self, delivery: Delivery) -> None:
        self._waiting.remove(delivery)
        self._waiting_bytes -= len(delivery.body)

    def _end(self, delivery: Delivery, state: str) -> None:
        delivery.state, delivery.due = state, None  # type: ignore[assignment]
        self._ended.append(delivery)


def _has_room(delivery: Delivery, count: int, size: int) -> bool:
    """Return True if a delivery may wait beside `count` others, with `size` bytes in all."""
    length = len(delivery.body)
    return length <= MAX_BODY and count < MAX_WAITING and size + length <= MAX_WAITING_BYTES


def _delivery(id: str, kept: KeptDelivery, webhook: Webhook) -> Delivery:
    return Delivery(
        id, webhook, kept.topic, kept.time, kept.headers, kept.body, due=kept.due, earlier=kept.tries,
        until=kept.until,
    )  # fmt: skip


def _real_time() -> int:
    return time.time_ns() // 1000


def _later(time: datetime, seconds: float) -> datetime:
    try:
        return time + timedelta(seconds=seconds)
    except OverflowError:
        return LAST_MOMENT
