"""Webhooks and their deliveries, as data."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec

from mockserver.data.catalog.products import Catalog
from mockserver.data.store.base_records import Record
from mockserver.data.store.state import RecordId, State
from mockserver.sandbox.journal.entry import KeptEntry

DeliveryState = Literal["waiting", "delivered", "failed", "dropped"]


class Webhook(msgspec.Struct, frozen=True):
    """An address that a vendor calls when records of a sandbox change.

    `topics` are the subscribed ones. `client_id` and `client_secret` are those of the app. `created` is real
    time.
    """

    id: str
    vendor: str
    topics: tuple[str, ...]
    url: str
    client_id: str
    client_secret: str
    created: datetime


class Changes(msgspec.Struct, frozen=True):
    """Records that were changed at once, and the state after that. `time` is that of the sandbox's clock.

    `webhooks` and `generation` are those of the outbox when it got them.
    """

    catalog: Catalog
    state: State
    changed: Mapping[RecordId, tuple[Record | None, Record | None]]
    time: datetime
    webhooks: tuple[Webhook, ...]
    generation: int


class Attempt(msgspec.Struct, frozen=True):
    """One attempt to deliver. `status` is 0 if there was no answer; `error` then says why.

    `time` is the time of the sandbox's clock, `entry` what the journal has of it.
    """

    time: datetime
    status: int
    error: str
    seconds: float
    entry: KeptEntry


class Delivery(msgspec.Struct, eq=False):
    """One call to a webhook, with all its attempts.

    `due` is the time by the sandbox's clock at which the next attempt is made. None means at once. `earlier`
    is the number of attempts that other servers have made, and `until` the real time in microseconds before
    which there is none here. `claimed` is the `until` of the claim that this server has in the log of the
    sandbox, or had.
    """

    id: str
    webhook: Webhook
    topic: str
    time: datetime
    headers: Mapping[str, str]
    body: bytes
    attempts: tuple[Attempt, ...] = ()
    state: DeliveryState = "waiting"
    due: datetime | None = None
    earlier: int = 0
    until: int = 0
    claimed: int = 0

    @property
    def tries(self) -> int:
        """The number of attempts so far."""
        return self.earlier + len(self.attempts)

    def kept(self, until: int = 0) -> "KeptDelivery":
        """Return what a log keeps of it while it waits."""
        return KeptDelivery(
            self.webhook.id, self.topic, self.time, self.headers, self.body, self.tries, self.due, until
        )


class KeptDelivery(msgspec.Struct, frozen=True):
    """A delivery that waits, as the log of its sandbox keeps it. `webhook` is the id.

    If `until` has not passed yet, in microseconds of real time, a server is just making an attempt.
    """

    webhook: str
    topic: str
    time: datetime
    headers: Mapping[str, str]
    body: bytes
    tries: int
    due: datetime | None
    until: int


Deliveries = Mapping[str, KeptDelivery]
NO_DELIVERIES: Deliveries = {}
