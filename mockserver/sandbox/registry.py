"""The registry of one server's sandboxes."""

import logging
from collections.abc import Awaitable, Callable, Collection, Iterator
from datetime import UTC, datetime, timedelta
from heapq import nsmallest
from threading import RLock
from typing import Literal
from weakref import WeakValueDictionary

from mockserver.data.catalog.catalog import MAX_VARIANTS, SeededCatalog
from mockserver.sandbox.clock import wall_clock
from mockserver.sandbox.idle_queue import IdleQueue
from mockserver.sandbox.journal.feed import EntryFeed
from mockserver.sandbox.journal.journal import Journal, Journals
from mockserver.sandbox.policy import SandboxPolicy
from mockserver.sandbox.sandbox import IDLE, Sandbox
from mockserver.sandbox.secrets import Secrets
from mockserver.sandbox.world import FIXTURE_ITEMS, SandboxRefused, World
from mockserver.vendor_api.credential import DEFAULT_SANDBOX, NAME_RULE, Credential, is_sandbox_name
from mockserver.vendor_api.rate_limits import Limits

MAX_SANDBOXES = 10_000
MAX_DERIVED_CATALOGS = 30  # up to 5 MB each
MAX_ENDED = 1000  # ended sandboxes that are remembered
BURST = timedelta(minutes=1)
DEFAULT_POLICY = SandboxPolicy()
log = logging.getLogger("mockserver")


class Sandboxes:
    """The sandboxes of one server by name. A sandbox is created when it is first used.

    The default sandbox always exists, and does not count towards `max_sandboxes`. A new sandbox expires when
    it has not been used for the time `ttl`, unless it gets a `ttl` of its own. If `limits` is True, rate
    limits are on in new sandboxes. They begin with the world `initial`. Iterating yields the existing
    sandboxes, sorted by name.

    If there are too many, a new sandbox takes the place of one that was created by its first use: of those
    that nobody has changed, the one that has not been used for longest, otherwise of the changed ones. A
    sandbox that `create`, `fork` or `put` has added never has to go.

    `policy` says what they may hold, and what opens them. `feed` tells what happens to sandboxes and
    journals.

    `removed` counts the sandboxes that expired or had to go. `ended` says of the latest sandboxes that ended
    in which way and when. `knows_all` is True if there are no sandboxes but these. Otherwise a log keeps
    them, and `read_page` does the same as `page` for all of them. Raise TypeError or ValueError if the seed
    or number of products is invalid (see `check_data_options`).
    """

    knows_all = True
    read_page: "Callable[[str, int, str], Awaitable[tuple[list[Sandbox], int]]] | None" = None

    def __init__(
        self,
        seed: int,
        products: int,
        max_sandboxes: int = MAX_SANDBOXES,
        *,
        limits: bool = False,
        ttl: timedelta = IDLE,
        policy: SandboxPolicy = DEFAULT_POLICY,
    ) -> None:
        check_data_options(seed, products)
        self.initial = World(limits=Limits(enabled=limits))
        self.seed, self.products, self.max_sandboxes, self.ttl = seed, products, max_sandboxes, ttl
        self._lock = RLock()
        self._by_name: dict[str, Sandbox] = {}
        self._implicit, self._changed, self._explicit = (IdleQueue[Sandbox]() for _ in range(3))
        self.removed = {"expired": 0, "evicted": 0}
        self.ended: dict[str, tuple[str, datetime]] = {}
        self._last_eviction = datetime.min.replace(tzinfo=UTC)
        self.secrets = Secrets(self.find)
        self._catalogs: WeakValueDictionary[tuple[int, int], SeededCatalog] = WeakValueDictionary()
        self.policy, self.feed = policy, EntryFeed()
        self.journals = Journals(policy.journal_memory, policy.journal_calls, policy.journal_bytes)
        self.catalog = self._catalog(seed, products)
        self._by_name[DEFAULT_SANDBOX] = self._default_sandbox()

    def __iter__(self) -> Iterator[Sandbox]:
        with self._lock:
            self.remove_expired()
            return iter(sorted(self._by_name.values(), key=lambda sandbox: sandbox.name))

    def __len__(self) -> int:
        self.remove_expired()
        return len(self._by_name)

    def begin_with(self, world: World) -> None:
        """Make the default sandbox and all later sandboxes begin with a world, as `initial`."""
        with self._lock:
            self.initial = world
            self._by_name[DEFAULT_SANDBOX].start_from(world)

    def page(self, after: str, limit: int, text: str = "") -> tuple[list[Sandbox], int]:
        """Return sandboxes sorted by name, and how many there are in all.

        Only those with `text` in their name count, in any case. Of these, return up to `limit` whose names
        come after `after`.
        """
        with self._lock:
            self.remove_expired()
            names: Collection[str] = self._by_name
            if text:
                names = [name for name in names if text.lower() in name.lower()]
            page = nsmallest(limit, filter(after.__lt__, names))
            return [self._by_name[name] for name in page], len(names)

    def every_journal(self) -> list[Journal]:
        """Return the journals of all sandboxes, and the one of the calls that belong to no sandbox."""
        with self._lock:
            self.remove_expired()
            return [self.journals.strays, *(sandbox.journal for sandbox in self._by_name.values())]

    def find(self, name: str) -> Sandbox | None:
        """Return the sandbox called `name`, or None if there is no such sandbox."""
        found = self._by_name.get(name)
        return found if found and not found.expired else None

    def issued_for(self, name: str) -> Credential | None:
        """Return the credential that was issued for a sandbox. None if there is no such sandbox, or none.

        Calls ask this more than once, so it does not look at the time unless it must.
        """
        found = self._by_name.get(name)
        return None if found is None or found.issued is None or found.expired else found.issued

    def get(self, name: str) -> Sandbox:
        """Return the sandbox called `name`. Raise SandboxRefused if there is no such sandbox."""
        if (found := self.find(name)) is None:
            raise SandboxRefused("missing", f"there is no sandbox {name}")
        return found

    def get_or_create(self, name: str) -> Sandbox:
        """Return the sandbox called `name`, and create it if necessary.

        Raise SandboxRefused if there are too many sandboxes.
        """
        found = self._by_name.get(name)
        if found and (name == DEFAULT_SANDBOX or not found.expired):
            return found
        with self._lock:
            if name not in self._by_name or self._by_name[name].expired:
                self._add(self._new(name, self.catalog, self.initial), self._implicit)
            return self._by_name[name]

    def create(
        self, name: str, seed: int | None = None, products: int | None = None, ttl: timedelta | None = None
    ) -> Sandbox:
        """Return a new sandbox. Raise SandboxRefused if the name is taken or there are too many sandboxes."""
        with self._lock:
            self._refuse_taken(name)
            seed = self.seed if seed is None else seed
            catalog = self._catalog(seed, self.products if products is None else products)
            return self._add(self._new(name, catalog, self.initial, ttl), self._explicit)

    def fork(self, source: str, name: str, ttl: timedelta | None = None) -> Sandbox:
        """Return a new sandbox with a copy of the current world of `source`.

        If a credential was issued for `source`, one is issued for the copy too, whose name could be guessed.
        Raise SandboxRefused if `source` does not exist, the name is taken or there are too many sandboxes.
        """
        with self._lock:
            self._refuse_taken(name)
            parent = self.get(source)
            parent.mark_used()
            child = self._new(name, parent.catalog, parent.world, ttl)
            self._add(child, self._explicit, spared=parent)
            if parent.issued and not child.issued:
                self.secrets.issue_credential(child)
            return child

    def prepare(self, name: str, seed: int, products: int) -> Sandbox:
        """Return a new sandbox that is not added yet. To add it, pass it to `put`.

        If a sandbox called `name` exists, the new one shares its journal, and counts as created when it was.
        `put` also gives it the snapshots, if both have the same catalog.
        """
        with self._lock:
            _check_name(name)
            before, catalog = self.find(name), self._catalog(seed, products)
            if before is None:
                return self._new(name, catalog, self.initial)
            sandbox = Sandbox(name, catalog, self.initial, before.ttl, before.journal, before.change_limits)
            sandbox.created, sandbox.ends = before.created, before.ends
            sandbox.keeps_writes = before.keeps_writes
            sandbox.token_secret = before.token_secret
            sandbox.generation = before.generation
            return sandbox

    def put(self, sandbox: Sandbox) -> Sandbox:
        """Add a sandbox, replacing any with the same name. Raise SandboxRefused if there are too many."""
        with self._lock:
            if before := self.find(sandbox.name):
                self.secrets.move(before, sandbox)
                if before.catalog is sandbox.catalog:
                    sandbox.snapshots = before.snapshots
                if outbox := before.outbox:
                    before.outbox = None
                    outbox.move_to(sandbox)
            return self._add(sandbox, self._explicit)

    def evict(self, name: str) -> None:
        """End a sandbox to make room for another. Raise SandboxRefused if there is no such sandbox."""
        with self._lock:
            self._remove(self.get(name), "evicted")

    def delete(self, name: str) -> None:
        """Delete a sandbox. If it is the default sandbox, create it again.

        Raise SandboxRefused if there is no such sandbox.
        """
        with self._lock:
            self._forget(self.get(name), "deleted")
            if name == DEFAULT_SANDBOX:
                self._by_name[name] = self._default_sandbox()

    def remove_expired(self) -> None:
        """Remove the sandboxes that have expired. This takes time only for those, not for all sandboxes."""
        with self._lock:
            for queue in (self._implicit, self._changed, self._explicit):
                while (first := self._first(queue)) and first.expired:
                    self._remove(first, "expired")

    def _new(self, name: str, catalog: SeededCatalog, world: World, ttl: timedelta | None = None) -> Sandbox:
        journal, changes = self.journals.new(name), self.policy.changes
        sandbox = Sandbox(name, catalog, world, ttl or self.ttl, journal, changes)
        sandbox.token_secret = self.policy.token_secret
        return sandbox

    def _default_sandbox(self) -> Sandbox:
        sandbox = self._new(DEFAULT_SANDBOX, self.catalog, self.initial)
        sandbox.keeps_writes = self.policy.keeps_default_writes
        return sandbox

    def _add(self, sandbox: Sandbox, queue: IdleQueue[Sandbox], *, spared: Sandbox | None = None) -> Sandbox:
        """Add a sandbox. If another one has to make room, it is not `spared`. Raise SandboxRefused."""
        before = self._by_name.get(sandbox.name)
        if before and before.expired:
            self._remove(before, "expired")
        if sandbox.name not in self._by_name:
            self.remove_expired()
            self._make_room(spared)
            self.feed.announce("created", sandbox.name)
        if sandbox.journal.closed:  # it belonged to a sandbox that has ended since `prepare`
            sandbox.journal = self.journals.new(sandbox.name)
        self._by_name[sandbox.name] = sandbox
        if sandbox.name != DEFAULT_SANDBOX:
            queue.add(sandbox)
            if self.policy.issues_credentials and not sandbox.issued:
                self.secrets.issue_credential(sandbox)
        return sandbox

    def _make_room(self, spared: Sandbox | None) -> None:
        """Remove a sandbox that was created by its first use, but not `spared`, if there are too many.

        Raise SandboxRefused if there is none.
        """
        if len(self._by_name) <= self.max_sandboxes:
            return
        while (oldest := self._first(self._implicit)) and (oldest is spared or not oldest.untouched):
            self._implicit.pop()
            self._changed.add(oldest)
        oldest = oldest or self._first(self._changed)
        if oldest is None or oldest is spared:
            raise self._refusal_of_more()
        self._remove(oldest, "evicted")
        self._warn_of_eviction()

    def _refusal_of_more(self) -> SandboxRefused:
        return SandboxRefused(
            "full",
            f"there are already {self.max_sandboxes} sandboxes, all made by the control API: delete some",
        )

    def _warn_of_eviction(self) -> None:
        before, self._last_eviction = self._last_eviction, wall_clock()
        if self._last_eviction - before > BURST:
            log.warning(
                "there are %d sandboxes, as many as --max-sandboxes allows: a new one takes the place of the"
                " one that has not been used for longest", self.max_sandboxes,
            )  # fmt: skip

    def _first(self, queue: IdleQueue[Sandbox]) -> Sandbox | None:
        """Return the first sandbox of a queue that has not been deleted or replaced, or None."""
        while (first := queue.first()) and self._by_name.get(first.name) is not first:
            queue.pop()
        return first

    def _remove(self, sandbox: Sandbox, reason: Literal["expired", "evicted"]) -> None:
        self._forget(sandbox, reason)
        self.removed[reason] += 1

    def _forget(self, sandbox: Sandbox, what: str) -> None:
        del self._by_name[sandbox.name]
        if outbox := sandbox.outbox:
            outbox.close()
        sandbox.journal.close()
        self._note_end(sandbox.name, what)

    def _note_end(self, name: str, what: str) -> None:
        self.ended.pop(name, None)  # so that the latest one comes last
        self.ended[name] = what, wall_clock()
        if len(self.ended) > MAX_ENDED:
            del self.ended[next(iter(self.ended))]
        self.feed.announce(what, name)

    def _refuse_taken(self, name: str) -> None:
        _check_name(name)
        if name in self._by_name and not self._by_name[name].expired:
            raise SandboxRefused("exists", f"there is already a sandbox {name}")

    def _catalog(self, seed: int, products: int) -> SeededCatalog:
        known = self._catalogs.get((seed, products))
        if known is None:
            known = SeededCatalog(seed, products - FIXTURE_ITEMS, self._limit_derived_catalogs)
            self._catalogs[seed, products] = known
        return known

    def _limit_derived_catalogs(self) -> None:
        """Let the catalogs that have not been used for longest forget what they have derived.

        The server's own catalog never does, because all sandboxes without a seed of their own use it.
        """
        with self._lock:
            used: dict[SeededCatalog, datetime] = {}
            for sandbox in self._by_name.values():
                catalog = sandbox.catalog
                if catalog.derived and catalog is not self.catalog:
                    used[catalog] = max(sandbox.used, used.get(catalog, sandbox.used))
            latest_first = sorted(used, key=used.__getitem__, reverse=True)
            for catalog in latest_first[MAX_DERIVED_CATALOGS - 1 :]:
                catalog.forget()


def _check_name(name: str) -> None:
    if not is_sandbox_name(name):
        raise SandboxRefused("invalid", NAME_RULE)


def check_data_options(seed: int, products: int) -> None:
    """Raise TypeError if an option is not an int, or ValueError if one is out of range."""
    for name, value in (("seed", seed), ("products", products)):
        if not isinstance(value, int):
            raise TypeError(f"{name} must be a whole number, not {value!r}")
    if seed < 0:
        raise ValueError(f"seed must be 0 or more, not {seed}")
    if not FIXTURE_ITEMS <= products <= MAX_VARIANTS:
        raise ValueError(f"products must be from {FIXTURE_ITEMS} to {MAX_VARIANTS:,}, not {products}")
