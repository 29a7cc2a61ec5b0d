"""One tenant's world: its records, its clock, its source of identity, and copies of all that."""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from threading import Lock, RLock

from mockserver.catalog.catalog import SeededCatalog
from mockserver.sandbox.clock import Clock, wall_clock
from mockserver.sandbox.faults.kinds import StaleReads
from mockserver.sandbox.faults.rules import FaultContext, Faults, Rule
from mockserver.sandbox.journal.journal import Journal
from mockserver.sandbox.world import OWN, SandboxRefused, World
from mockserver.store.state import Draft
from mockserver.vendor_api.credential import DEFAULT_SANDBOX, Credential
from mockserver.vendor_api.rate_limits import UNLIMITED, Limits, Quota
from mockserver.vendor_api.request import Request
from mockserver.vendor_api.vendor import Vendor

MAX_SNAPSHOTS = 100
IDLE = timedelta(days=1)


class Sandbox:
    """One world over shared goods. Its lock makes calls happen one after the other.

    It goes away when nobody has used it for `ttl` by its own clock. Without one it lives for
    `IDLE` by the wall clock, so that a clock set forward ends nobody by surprise.
    """

    def __init__(self, name: str, catalog: SeededCatalog, world: World, ttl: timedelta | None = None) -> None:
        self.name, self.catalog, self.ttl = name, catalog, ttl
        self.state, self.clock, self.calls = world.state, world.clock, world.calls
        self.limits = world.limits
        self.faults = world.faults
        self.first = world
        self.snapshots: dict[str, World] = {}
        self.journal = Journal()
        self._key = hashlib.blake2b(f"{catalog.seed} {name}".encode(), digest_size=32).digest()
        self._lock, self._counting = RLock(), Lock()
        self.created = self.used = self._now()

    @property
    def products(self) -> int:
        """How many items each vendor's list was made with, the page's own included."""
        return self.catalog.variant_count + OWN

    @property
    def credential(self) -> str:
        """What a client says to be let in here."""
        return self.name if self.name == DEFAULT_SANDBOX else f"sbx_{self.name}"

    @property
    def expires(self) -> datetime | None:
        """When it goes away if nobody uses it; the default sandbox never does."""
        if self.name == DEFAULT_SANDBOX:
            return None
        try:
            return self.used + (self.ttl or IDLE)
        except OverflowError:
            return None

    @property
    def expired(self) -> bool:
        return self.expires is not None and self._now() >= self.expires

    def mark_used(self) -> None:
        """It is being used now."""
        self.used = self._now()

    def _now(self) -> datetime:
        return self.clock.now() if self.ttl else wall_clock()

    def random_bytes(self) -> Callable[[str], bytes]:
        """Count a call, and give it 32 bytes for each purpose that only it will get.

        Calls are stamped on one event loop, one after the other.
        """
        random_bytes = self.next_random_bytes()
        self.count()
        return random_bytes

    def next_random_bytes(self) -> Callable[[str], bytes]:
        """The stamp of the next call, which is not counted yet."""
        return partial(_random_bytes, self.calls + 1, self._key)

    def count(self) -> datetime:
        """Another call has come: now, by the clock of the sandbox."""
        with self._counting:
            self.calls += 1
        if self.clock.is_real:
            self.used = now = wall_clock()
            return now
        self.mark_used()
        return self.clock.now()

    def count_against_limits(self, vendor: Vendor, request: Request, credential: Credential) -> Quota:
        """Count a call against the vendor's rate limits. Who is not let in has nothing to spend.

        Like `random_bytes` it never waits for a call that is being answered.
        """
        if not (self.limits.enabled and vendor.limits):
            return UNLIMITED
        client = {**request.host_variables, "credential": credential.text or ""}
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
        """All that can be copied, as it is now."""
        return World(self.state, self.clock, self.calls, self.limits, self.faults)

    def draft(self) -> Draft:
        """The records as they are, to look at."""
        return Draft(self.catalog, self.state)

    def transaction(self, draft: Draft | None = None, stale: StaleReads | None = None) -> "Transaction":
        """The records as they are, to change: all changes count, or, after an exception, none.

        They are in the draft, if one is given. With `stale` reads do not see the changes for a while.
        """
        return Transaction(self, self._lock, draft or self.draft(), stale)

    def commit(self, draft: Draft, stale: StaleReads | None) -> None:
        """The changes of a draft count from now on; for the transaction that made them."""
        before, self.state = self.state, draft.state
        if stale and draft.state is not before:
            self.set_faults(lambda faults: faults.written(stale, before, self.clock.now()))

    def read_draft(self) -> Draft:
        """The records as one read of a vendor sees them: with stale reads as they were."""
        with self._counting:
            self.faults, state = self.faults.read(self.clock.now())
        return Draft(self.catalog, state or self.state)

    def choose_fault(self, context: FaultContext) -> Rule | None:
        """The rule that decides about a call, counted, or None."""
        with self._counting:
            self.faults, rule = self.faults.draw(context, self.clock.now())
        return rule

    def set_faults(self, change: Callable[[Faults], Faults]) -> None:
        with self._counting:
            self.faults = change(self.faults)

    def set_clock(self, change: Callable[[Clock], Clock]) -> None:
        with self._lock:
            self.clock = change(self.clock)

    def reset(self) -> None:
        """Back to how it was made; snapshots stay."""
        self._return_to(self.first)

    def start_from(self, world: World) -> None:
        """Another world, as if it had been made so."""
        self.first = world
        self._return_to(world)

    def take_snapshot(self, name: str) -> None:
        with self._lock:
            if name not in self.snapshots and len(self.snapshots) >= MAX_SNAPSHOTS:
                raise SandboxRefused("full", f"a sandbox has at most {MAX_SNAPSHOTS} snapshots")
            self.snapshots[name] = self.world

    def restore(self, name: str) -> None:
        self._return_to(self._snapshot(name))

    def _return_to(self, world: World) -> None:
        with self._lock, self._counting:
            self.state, self.clock, self.calls = world.state, world.clock, world.calls
            self.limits = world.limits
            self.faults = world.faults
        self.mark_used()

    def drop_snapshot(self, name: str) -> None:
        with self._lock:
            self._snapshot(name)
            del self.snapshots[name]

    def _snapshot(self, name: str) -> World:
        if name not in self.snapshots:
            raise SandboxRefused("missing", f"sandbox {self.name} has no snapshot {name}")
        return self.snapshots[name]


class Transaction:
    """A draft of a sandbox that nobody else changes meanwhile. A class, as it is in every write."""

    __slots__ = ("_draft", "_lock", "_sandbox", "_stale")

    def __init__(self, sandbox: Sandbox, lock: RLock, draft: Draft, stale: StaleReads | None) -> None:
        self._sandbox, self._lock, self._draft, self._stale = sandbox, lock, draft, stale

    def __enter__(self) -> Draft:
        self._lock.acquire()
        self._draft.begin(self._sandbox.state)
        return self._draft

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._sandbox.commit(self._draft, self._stale)
            else:
                self._draft.begin(self._sandbox.state)  # who refuses sees nothing of it either
        finally:
            self._lock.release()


def _random_bytes(number: int, key: bytes, purpose: str) -> bytes:
    return hashlib.blake2b(f"{number} {purpose}".encode(), digest_size=32, key=key).digest()
