"""A sandbox: one tenant's records, clock, faults, limits, dialects, journal and snapshots."""

import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Lock, RLock

import msgspec

from mockserver.data.catalog.catalog import SeededCatalog
from mockserver.data.store.state import (
    DEFAULT_CHANGE_LIMITS,
    AliasId,
    ChangeLimits,
    Draft,
    RecordId,
    State,
)
from mockserver.sandbox.clock import LAST_MOMENT, REAL_TIME, Clock, wall_clock
from mockserver.sandbox.dialects import Dialects
from mockserver.sandbox.faults.rules import Faults, MatchedCall, Rule, StaleView
from mockserver.sandbox.journal.journal import Journal, Journals
from mockserver.sandbox.webhooks.outbox import Outbox
from mockserver.sandbox.world import FIXTURE_ITEMS, SandboxRefused, World
from mockserver.vendor_api.credential import DEFAULT_SANDBOX, Credential
from mockserver.vendor_api.rate_limits import UNLIMITED, Limits, Quota
from mockserver.vendor_api.request import Request
from mockserver.vendor_api.vendor import Vendor

MAX_SNAPSHOTS = 100
IDLE = timedelta(days=1)
OnCommit = Callable[[State], None]


class Sandbox:
    """One tenant's world, on top of a shared catalog. A lock makes writes happen one after the other.

    `issued` is the credential that was issued for it; then its name does not open it. `control_digest` is the
    digest of the token for its control. Both are None if there is none.

    A sandbox expires when it has not been used for the time `ttl`, and at the latest at the time `ends`. This
    is real time, whatever the sandbox's own clock shows.

    `implicit` is True if its first use has made it, or a visitor of a public demo: it may have to make room.

    `change_limits` says how much of its records may be changed. If `keeps_writes` is False, the writes of
    clients are answered as usual, but not kept.

    `origin` is the state that the sandbox was last set to, or last took a snapshot of: a store has to keep
    only what has changed since. `generation` counts how often the sandbox was set to a world. `touched` is a
    set while somebody wants to know which records and aliases commits change. It becomes None when the
    sandbox is set to a world: then compare the states.

    `outbox` holds the webhooks. It is None while nobody has registered one, and again when another sandbox
    has taken the place of this one, which any thread may do. So read it once.
    """

    def __init__(
        self,
        name: str,
        catalog: SeededCatalog,
        world: World,
        ttl: timedelta = IDLE,
        journal: Journal | None = None,
        change_limits: ChangeLimits = DEFAULT_CHANGE_LIMITS,
    ) -> None:
        self.name, self.catalog, self.ttl = name, catalog, ttl
        self.change_limits, self.keeps_writes = change_limits, True
        self.state, self.clock, self.calls = world.state, world.clock, world.calls
        self.limits = world.limits
        self.faults, self.dialects = world.faults, world.dialects
        self.initial, self.origin, self.generation = world, world.state, 0
        self.touched: set[RecordId | AliasId] | None = None
        self.snapshots: Mapping[str, World] = {}
        self.journal = Journals().new(name) if journal is None else journal
        self.issued: Credential | None = None
        self.control_digest: bytes | None = None
        self.token_secret, self.implicit = "", False
        self.outbox: Outbox | None = None
        self._key = hashlib.blake2b(f"{catalog.seed} {name}".encode(), digest_size=32).digest()
        self._lock, self._counting = RLock(), Lock()
        self.created = self.used = wall_clock()
        self.ends = LAST_MOMENT

    @property
    def products(self) -> int:
        """The number of items in every vendor's list at first.

        They are the variants of the catalog, and one record from the vendor's docs.
        """
        return self.catalog.variant_count + FIXTURE_ITEMS

    @property
    def credential(self) -> str:
        """The credential for this sandbox: the issued one, or the one with its name."""
        return (self.issued and self.issued.text) or credential_for(self.name)

    @property
    def token_key(self) -> bytes:
        """The key with which vendors' tokens for this sandbox are signed.

        It ends with the issued credential, so a later sandbox of the same name has another one. A sandbox
        that its name opens has the same key in every process with the same `token_secret`.
        """
        return token_key(self.token_secret, self.name, (self.issued and self.issued.text) or "")

    @property
    def idle_until(self) -> datetime:
        """The real time until which the sandbox may stay unused."""
        return min(self.used + self.ttl, self.ends)

    @property
    def expires(self) -> datetime | None:
        """The real time at which the sandbox expires if it is not used again. None means never."""
        return None if self.name == DEFAULT_SANDBOX else self.idle_until

    @property
    def expired(self) -> bool:
        # Asked for every call, so it does without the properties above.
        now = wall_clock()
        return (now >= self.used + self.ttl or now >= self.ends) and self.name != DEFAULT_SANDBOX

    @property
    def is_visitors(self) -> bool:
        """Return True if a visitor of a public demo has made it: no other sandbox has an end in any case."""
        return self.ends != LAST_MOMENT

    @property
    def untouched(self) -> bool:
        """Return True if nobody has changed the sandbox, so that a new one would be the same."""
        initial = self.initial
        return (
            self.state is initial.state
            and self.clock == initial.clock
            and self.faults.rules == initial.faults.rules
            and self.limits.enabled == initial.limits.enabled
            and self.dialects == initial.dialects
            and not self.snapshots
            and self.outbox is None
        )

    def mark_used(self) -> None:
        """Restart the time until the sandbox expires."""
        self.used = wall_clock()

    def begin_call(self) -> tuple[Callable[[str], bytes], datetime]:
        """Count a call. Return a tuple: the source of the call's random bytes, and the sandbox's time.

        The source is a function that takes a purpose and returns 32 bytes. The bytes depend only on the
        sandbox's name and seed, the number of the call and the purpose. Calls begin one after the other, on
        one event loop. So the same sequence of calls gets the same bytes in every run.
        """
        self._counting.acquire()  # not by `with`, which takes twice as long: every call does this
        try:
            self.calls = number = self.calls + 1
        finally:
            self._counting.release()
        self.used = now = wall_clock()
        if self.clock is not REAL_TIME:
            now = self.clock.now()
        return RandomBytes(number, self._key), now

    def count_against_limits(self, vendor: Vendor, request: Request, credential: Credential) -> Quota:
        """Return a call's quota. If its credential is accepted, first count it against the vendor's limits.

        Like `begin_call`, this does not wait while another call is being answered.
        """
        if not (self.limits.enabled and vendor.limits):
            return UNLIMITED
        client = {**request.host_variables, "credential": credential.counts_as}
        with self._counting:
            limits, now = self.limits, self.clock.now()
            if credential.status != "accepted":
                return limits.quota(vendor.name, vendor.limits, client, now)
            self.limits, quota = limits.count(vendor.name, vendor.limits, client, now)
        return quota

    def set_limits(self, limits: Limits) -> None:
        with self._counting:
            self.limits = limits

    @property
    def world(self) -> World:
        """The current world, which contains everything in the sandbox that can be copied."""
        return World(self.state, self.clock, self.calls, self.limits, self.faults, self.dialects)

    def draft(self) -> Draft:
        """Return the current records, for reading."""
        return Draft(self.catalog, self.state)

    def draft_for_read(self) -> Draft:
        """Return the records that a read by a client sees.

        While the fault `stale_reads` lasts, they are the records from before the write.
        """
        with self._counting:
            self.faults, state = self.faults.read(self.clock.now())
        return Draft(self.catalog, state or self.state)

    def transaction(self, draft: Draft | None = None, on_commit: OnCommit | None = None) -> "Transaction":
        """Return a context manager that yields a draft in which records can be changed.

        At the end of the block, all changes are committed. If the block raises an exception, they are
        discarded. If `draft` is supplied, it is used instead of a new draft. After a commit that changed
        something, `on_commit` is called with the previous state, while the lock is still held.
        """
        return Transaction(self, self._lock, draft or self.draft(), on_commit)

    def client_transaction(self, draft: Draft, on_commit: OnCommit | None) -> "Transaction":
        """Return the transaction of a client's write, which does not count if the sandbox keeps none."""
        return (Transaction if self.keeps_writes else DryRun)(self, self._lock, draft, on_commit)

    def show_stale(self, state: State, reads: int | None, seconds: float | None) -> None:
        """Make reads see an earlier state for a number of reads or seconds, whichever ends first."""
        stale = StaleView(state, self.clock.now(), reads, seconds)
        self.set_faults(lambda faults: Faults(faults.rules, stale))

    def choose_rule(self, exchange: MatchedCall) -> Rule | None:
        """Count a call against the fault rules. Return the rule that applies to it, or None."""
        with self._counting:
            self.faults, rule = self.faults.choose(exchange, self.clock.now())
        return rule

    def set_faults(self, change: Callable[[Faults], Faults]) -> None:
        with self._counting:
            self.faults = change(self.faults)

    def set_dialects(self, dialects: Dialects) -> None:
        with self._counting:
            self.dialects = dialects

    def set_clock(self, change: Callable[[Clock], Clock]) -> None:
        with self._lock:
            self.clock = change(self.clock)
        if outbox := self.outbox:
            outbox.wake()

    def reset(self) -> None:
        """Return to the initial world; snapshots, journal and webhooks are kept."""
        self._return_to(self.initial)

    def start_from(self, world: World) -> None:
        """Make `world` both the current and the initial world."""
        self.initial = world
        self._return_to(world)

    def take_snapshot(self, name: str) -> None:
        """Save the current world as a snapshot, replacing any snapshot with that name.

        Raise SandboxRefused if there are too many snapshots.
        """
        with self._lock:
            if name not in self.snapshots and len(self.snapshots) >= MAX_SNAPSHOTS:
                raise SandboxRefused("full", f"a sandbox has at most {MAX_SNAPSHOTS} snapshots")
            self.snapshots = {**self.snapshots, name: self.world}
            self.origin = self.state

    def restore(self, name: str) -> None:
        """Return to the world of a snapshot. Raise SandboxRefused if there is no such snapshot."""
        self._return_to(self.snapshot(name))

    def _return_to(self, world: World) -> None:
        with self._lock, self._counting:
            self.state, self.clock, self.calls = world.state, world.clock, world.calls
            self.limits = world.limits
            self.faults, self.dialects = world.faults, world.dialects
            self.origin, self.touched = world.state, None
            self.generation += 1
            if outbox := self.outbox:
                outbox.forget_deliveries()
        self.mark_used()

    @contextmanager
    def unchanging(self) -> Iterator[None]:
        """Let nobody else change the sandbox while the block runs."""
        with self._lock, self._counting:
            yield

    def drop_snapshot(self, name: str) -> None:
        """Delete a snapshot. Raise SandboxRefused if there is no such snapshot."""
        with self._lock:
            self.snapshot(name)
            self.snapshots = {one: world for one, world in self.snapshots.items() if one != name}

    def snapshot(self, name: str) -> World:
        """Return the world of a snapshot. Raise SandboxRefused if there is no such snapshot."""
        if name not in self.snapshots:
            raise SandboxRefused("missing", f"sandbox {self.name} has no snapshot {name}")
        return self.snapshots[name]


class RandomBytes(msgspec.Struct, frozen=True, gc=False):
    """The source of a call's random bytes: see `Sandbox.begin_call`."""

    number: int
    key: bytes

    def __call__(self, purpose: str) -> bytes:
        text = f"{self.number} {purpose}"
        return hashlib.blake2b(text.encode(), digest_size=32, key=self.key).digest()


class Transaction:
    """Exclusive write access to a sandbox's records.

    Every write runs this code. So it is a class: @contextmanager would be slower.
    """

    __slots__ = ("_draft", "_lock", "_on_commit", "_sandbox")

    def __init__(self, sandbox: Sandbox, lock: RLock, draft: Draft, on_commit: OnCommit | None) -> None:
        self._sandbox, self._lock, self._draft, self._on_commit = sandbox, lock, draft, on_commit

    def __enter__(self) -> Draft:
        self._lock.acquire()
        self._draft.limits = self._sandbox.change_limits
        self._draft.begin(self._sandbox.state)
        return self._draft

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        sandbox, draft = self._sandbox, self._draft
        try:
            before = sandbox.state
            if kind is not None:
                draft.begin(before)  # undo the changes in the draft too: `Vendor.render` may read it
                return
            sandbox.state = draft.state
            if self._on_commit and draft.state is not before:
                self._on_commit(before)
            if sandbox.touched is not None:
                sandbox.touched.update(draft.changed, draft.aliases)
            if (outbox := sandbox.outbox) and draft.state is not before:
                outbox.add_commit(sandbox, draft.state, draft.changed)
        finally:
            self._lock.release()


class DryRun(Transaction):
    """A transaction whose changes are seen by the call that makes them, and then discarded."""

    __slots__ = ()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._draft.begin(self._sandbox.state)
        self._lock.release()


def credential_for(sandbox: str) -> str:
    """Return the credential for the sandbox called `sandbox`."""
    return sandbox if sandbox == DEFAULT_SANDBOX else f"sbx_{sandbox}"


def token_key(secret: str, name: str, issued: str = "") -> bytes:
    """Return the key for the tokens of a sandbox. `issued` is the credential that was issued for it."""
    return hmac.digest(secret.encode(), f"{name} {issued}".encode(), "sha256")
