"""One tenant's world: its records, its clock, its source of identity, and copies of all that."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from threading import Lock, RLock
from typing import Literal
from weakref import WeakValueDictionary

from mockserver.catalogue import Catalogue
from mockserver.clock import Clock, wall_clock
from mockserver.faults import Faults, Occasion, Rule, StaleReads
from mockserver.journal import Bell, Journal
from mockserver.limits import UNLIMITED, Limits, Quota
from mockserver.store import Draft, State
from mockserver.vendor import DEFAULT_SANDBOX, Credential, Request, Vendor

MOST_SANDBOXES = 10_000
MOST_SNAPSHOTS = 100
MOST_CATALOGUES = 100
IDLE = timedelta(days=1)
OWN = 1  # the page's own record, which is not made by the catalogue

Why = Literal["missing", "exists", "full"]


class SandboxRefused(Exception):
    """A sandbox or snapshot is missing, exists already, or is one too many."""

    def __init__(self, why: Why, message: str) -> None:
        super().__init__(message)
        self.why = why


@dataclass(frozen=True)
class World:
    """All that can be copied, reset and restored: an immutable value."""

    state: State = field(default_factory=State)
    clock: Clock = field(default_factory=Clock)
    calls: int = 0
    limits: Limits = field(default_factory=Limits)
    faults: Faults = field(default_factory=Faults)


class Sandbox:
    """One world over shared goods. Its lock makes calls happen one after the other.

    It goes away when nobody has used it for `ttl` by its own clock. Without one it lives for
    `IDLE` by the wall clock, so that a clock set forward ends nobody by surprise.
    """

    def __init__(self, name: str, goods: Catalogue, world: World, ttl: timedelta | None = None) -> None:
        self.name, self.goods, self.ttl = name, goods, ttl
        self.state, self.clock, self.calls = world.state, world.clock, world.calls
        self.limits = world.limits
        self.faults = world.faults
        self.first = world
        self.snapshots: dict[str, World] = {}
        self.journal = Journal()
        self._key = hashlib.blake2b(f"{goods.seed} {name}".encode(), digest_size=32).digest()
        self._lock, self._counting = RLock(), Lock()
        self.created = self.used = self._now()

    @property
    def products(self) -> int:
        """How many items each vendor's list was made with, the page's own included."""
        return self.goods.variants + OWN

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

    def touch(self) -> None:
        """It is being used now."""
        self.used = self._now()

    def _now(self) -> datetime:
        return self.clock.now() if self.ttl else wall_clock()

    def stamp(self) -> Callable[[str], bytes]:
        """Count a call, and give it 32 bytes for each purpose that only it will get.

        Calls are stamped on one event loop, one after the other.
        """
        stamp = self.next_stamp()
        self.count()
        return stamp

    def next_stamp(self) -> Callable[[str], bytes]:
        """The stamp of the next call, which is not counted yet."""
        return partial(_stamp, self.calls + 1, self._key)

    def count(self) -> datetime:
        """Another call has come: now, by the clock of the sandbox."""
        with self._counting:
            self.calls += 1
        if self.clock.is_real:
            self.used = now = wall_clock()
            return now
        self.touch()
        return self.clock.now()

    def spend(self, vendor: Vendor, request: Request, credential: Credential) -> Quota:
        """Count a call against the vendor's rate limits. Who is not let in has nothing to spend.

        Like `stamp` it never waits for a call that is being answered.
        """
        if not (self.limits.enabled and vendor.limits):
            return UNLIMITED
        client = {**request.host, "credential": credential.text or ""}
        with self._counting:
            limits, now = self.limits, self.clock.now()
            if credential.standing != "accepted":
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
        return Draft(self.goods, self.state)

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

    def reading(self) -> Draft:
        """The records as one read of a vendor sees them: with stale reads as they were."""
        with self._counting:
            self.faults, state = self.faults.read(self.clock.now())
        return Draft(self.goods, state or self.state)

    def draw_fault(self, occasion: Occasion) -> Rule | None:
        """The rule that decides about a call, counted, or None."""
        with self._counting:
            self.faults, rule = self.faults.draw(occasion, self.clock.now())
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

    def become(self, world: World) -> None:
        """Another world, as if it had been made so."""
        self.first = world
        self._return_to(world)

    def take_snapshot(self, name: str) -> None:
        with self._lock:
            if name not in self.snapshots and len(self.snapshots) >= MOST_SNAPSHOTS:
                raise SandboxRefused("full", f"a sandbox has at most {MOST_SNAPSHOTS} snapshots")
            self.snapshots[name] = self.world

    def restore(self, name: str) -> None:
        self._return_to(self._snapshot(name))

    def _return_to(self, world: World) -> None:
        with self._lock, self._counting:
            self.state, self.clock, self.calls = world.state, world.clock, world.calls
            self.limits = world.limits
            self.faults = world.faults
        self.touch()

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


def _stamp(number: int, key: bytes, purpose: str) -> bytes:
    return hashlib.blake2b(f"{number} {purpose}".encode(), digest_size=32, key=key).digest()


class Sandboxes:
    """The sandboxes of one server, by name, made when first asked for.

    The default one is always there, beside the `most` others. `limits` says whether they begin
    with rate limits.
    """

    def __init__(self, seed: int, products: int, most: int = MOST_SANDBOXES, *, limits: bool = False) -> None:
        self._world = World(limits=Limits(enabled=limits))
        self.seed, self.products, self._most = seed, products, most
        self._named: dict[str, Sandbox] = {}
        self._catalogues: WeakValueDictionary[tuple[int, int], Catalogue] = WeakValueDictionary()
        self.bell = Bell()
        self.goods = self._catalogue(seed, products)
        self._lock = RLock()
        self._named[DEFAULT_SANDBOX] = Sandbox(DEFAULT_SANDBOX, self.goods, self._world)

    def __iter__(self) -> Iterator[Sandbox]:
        with self._lock:
            self._sweep()
            return iter(sorted(self._named.values(), key=lambda sandbox: sandbox.name))

    def __len__(self) -> int:
        return len(self._named)

    def there(self, name: str) -> list[Sandbox]:
        """The sandbox of a name, if there is one."""
        found = self._named.get(name)
        return [found] if found and not found.expired else []

    def named(self, name: str) -> Sandbox:
        """The sandbox of a name, made if need be. SandboxRefused: it would be one too many."""
        found = self._named.get(name)
        if found and (name == DEFAULT_SANDBOX or not found.expired):
            return found
        with self._lock:
            if name not in self._named or self._named[name].expired:
                self._keep(Sandbox(name, self.goods, self._world))
            return self._named[name]

    def get(self, name: str) -> Sandbox:
        """The sandbox of a name. SandboxRefused: there is none."""
        found = self._named.get(name)
        if found is None or found.expired:
            raise SandboxRefused("missing", f"there is no sandbox {name}")
        return found

    def create(
        self, name: str, seed: int | None = None, products: int | None = None, ttl: timedelta | None = None
    ) -> Sandbox:
        """A new sandbox. SandboxRefused: the name is taken, or it is one too many."""
        with self._lock:
            self._refuse_taken(name)
            seed = self.seed if seed is None else seed
            goods = self._catalogue(seed, self.products if products is None else products)
            return self._keep(Sandbox(name, goods, self._world, ttl))

    def fork(self, source: str, name: str, ttl: timedelta | None = None) -> Sandbox:
        """A new sandbox that begins where another stands. SandboxRefused as for `create`."""
        with self._lock:
            self._refuse_taken(name)
            parent = self.get(source)
            return self._keep(Sandbox(name, parent.goods, parent.world, ttl))

    def draw_up(self, name: str, seed: int, products: int) -> Sandbox:
        """A sandbox that is not kept yet, to take the place of the one of that name.

        The journal goes on, and so do the snapshots if they are of the same goods.
        """
        with self._lock:
            before = self._named.get(name)
            drawn = Sandbox(
                name, self._catalogue(seed, products), self._world, before.ttl if before else None
            )
            if before:
                drawn.journal = before.journal
            if before and before.goods is drawn.goods:
                drawn.snapshots = before.snapshots
            return drawn

    def keep(self, sandbox: Sandbox) -> Sandbox:
        """Put a sandbox in the place of the one of its name. SandboxRefused: it is one too many."""
        with self._lock:
            return self._keep(sandbox)

    def delete(self, name: str) -> None:
        """Forget a sandbox; the default one begins anew. SandboxRefused: there is none."""
        with self._lock:
            self.get(name)
            del self._named[name]
            if name == DEFAULT_SANDBOX:
                self._named[name] = Sandbox(name, self.goods, self._world)

    def _keep(self, sandbox: Sandbox) -> Sandbox:
        if len(self._named) > self._most and sandbox.name not in self._named:
            self._sweep()
            if len(self._named) > self._most:
                raise SandboxRefused("full", f"there are {self._most} sandboxes already; delete some")
        self._named[sandbox.name] = sandbox
        return sandbox

    def _refuse_taken(self, name: str) -> None:
        if name in self._named and not self._named[name].expired:
            raise SandboxRefused("exists", f"there is a sandbox {name} already")

    def _sweep(self) -> None:
        self._named = {name: sandbox for name, sandbox in self._named.items() if not sandbox.expired}

    def _catalogue(self, seed: int, products: int) -> Catalogue:
        known = self._catalogues.get((seed, products))
        if known is None:
            if len(self._catalogues) >= MOST_CATALOGUES:
                raise SandboxRefused("full", f"there are {MOST_CATALOGUES} catalogues in use already")
            known = self._catalogues[seed, products] = Catalogue(seed, products - OWN)
        return known
