"""The contents of a sandbox: all that a log keeps of it, as one immutable value.

The journal is not in it, because the entries of the log have the calls. Of the deliveries to webhooks, it has
those that wait.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import msgspec

from mockserver.data.store.state import State
from mockserver.sandbox.clock import Clock
from mockserver.sandbox.dialects import Dialects
from mockserver.sandbox.faults.rules import Faults
from mockserver.sandbox.sandbox import Sandbox
from mockserver.sandbox.webhooks.outbox import Outbox
from mockserver.sandbox.webhooks.webhook import NO_DELIVERIES, Deliveries, Webhook
from mockserver.sandbox.world import World
from mockserver.vendor_api.credential import Credential
from mockserver.vendor_api.rate_limits import Limits

Notify = Callable[[Outbox], None]


class About(msgspec.Struct, frozen=True, omit_defaults=True):
    """The properties of a sandbox that belong to none of its worlds.

    `credential` is the one that was issued for it, and `control_digest` the digest of the token for its
    control. Both are None if there is none. `created` and `ends` are real time. `implicit` is True if its
    first use has made it.
    """

    seed: int
    products: int
    ttl: timedelta
    created: datetime
    ends: datetime
    keeps_writes: bool = True
    credential: str | None = None
    control_digest: bytes | None = None
    implicit: bool = False


class Webhooks(msgspec.Struct, frozen=True):
    """The webhooks of a sandbox. `made` counts those that were ever registered, so that ids do not repeat."""

    made: int
    webhooks: tuple[Webhook, ...]


class Contents(msgspec.Struct, frozen=True):
    """Everything of a sandbox that a log keeps.

    The first fields are those of its current world. `origin` and `generation` are those of `Sandbox`.
    `about` is None if there is no sandbox. `webhooks` is None while nobody has registered one.
    `made_deliveries` counts all that were ever made, so that ids do not repeat.
    """

    state: State
    clock: Clock
    calls: int
    limits: Limits
    faults: Faults
    dialects: Dialects
    initial: World
    origin: State
    generation: int = 0
    snapshots: Mapping[str, World] = {}
    about: About | None = None
    webhooks: Webhooks | None = None
    deliveries: Deliveries = NO_DELIVERIES
    made_deliveries: int = 0

    @property
    def world(self) -> World:
        """The current world."""
        return World(self.state, self.clock, self.calls, self.limits, self.faults, self.dialects)


def nothing(common: World) -> Contents:
    """Return the contents of a sandbox of which nothing is known, except that it begins with a world."""
    world = World()
    return Contents(
        common.state, world.clock, 0, world.limits, world.faults, world.dialects, common, common.state
    )


def contents_of(sandbox: Sandbox) -> Contents:
    """Return the contents of a sandbox. This copies nothing."""
    outbox, issued, catalog = sandbox.outbox, sandbox.issued, sandbox.catalog
    return Contents(
        sandbox.state,
        sandbox.clock,
        sandbox.calls,
        sandbox.limits,
        sandbox.faults,
        sandbox.dialects,
        sandbox.initial,
        sandbox.origin,
        sandbox.generation,
        sandbox.snapshots,
        About(
            catalog.seed, sandbox.products, sandbox.ttl, sandbox.created, sandbox.ends, sandbox.keeps_writes,
            issued.text if issued else None, sandbox.control_digest, sandbox.implicit,
        ),
        None if outbox is None else Webhooks(outbox.made["w"], outbox.webhooks),
        NO_DELIVERIES if outbox is None else outbox.kept,
        0 if outbox is None else outbox.made["d"],
    )  # fmt: skip


def restore(sandbox: Sandbox, contents: Contents, notify: Notify) -> None:
    """Give a sandbox these contents. It does not count as used by that, and keeps its journal.

    Its catalog must be that of the contents. If it needs an outbox, `notify` is the outbox's. If the issued
    secrets have changed, tell `Secrets.know`. Deliveries that belong to an earlier world are dropped.
    """
    about = contents.about
    if about is None or (about.seed, about.products) != (sandbox.catalog.seed, sandbox.products):
        raise ValueError("these are the contents of a sandbox with another catalog")
    with sandbox.unchanging():
        clock, generation = sandbox.clock, sandbox.generation
        sandbox.state, sandbox.clock, sandbox.calls = contents.state, contents.clock, contents.calls
        sandbox.limits, sandbox.faults, sandbox.dialects = contents.limits, contents.faults, contents.dialects
        sandbox.initial, sandbox.origin = contents.initial, contents.origin
        sandbox.generation, sandbox.snapshots = contents.generation, contents.snapshots
        sandbox.ttl, sandbox.created, sandbox.ends = about.ttl, about.created, about.ends
        sandbox.keeps_writes, sandbox.control_digest = about.keeps_writes, about.control_digest
        sandbox.implicit = about.implicit
        if (sandbox.issued and sandbox.issued.text) != about.credential:
            issued = about.credential and Credential(about.credential, opens=sandbox.name)
            sandbox.issued = issued or None
        _restore_webhooks(sandbox, contents.webhooks, notify)
    if outbox := sandbox.outbox:
        if generation != contents.generation:
            outbox.forget_deliveries()
        elif clock != contents.clock:
            outbox.wake()
        outbox.take_on_deliveries(contents.deliveries, contents.made_deliveries)


def _restore_webhooks(sandbox: Sandbox, webhooks: Webhooks | None, notify: Notify) -> None:
    outbox = sandbox.outbox
    if webhooks is None:
        if outbox is not None:
            outbox.close()
            sandbox.outbox = None
        return
    if outbox is None:
        outbox = sandbox.outbox = Outbox(sandbox, notify)
    if outbox.webhooks != webhooks.webhooks or outbox.made["w"] != webhooks.made:
        outbox.take_on(webhooks.webhooks, webhooks.made)
