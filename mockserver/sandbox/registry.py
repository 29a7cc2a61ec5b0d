"""The sandboxes of one server, by name."""

from collections.abc import Iterator
from datetime import timedelta
from threading import RLock
from weakref import WeakValueDictionary

from mockserver.catalog.catalog import SeededCatalog
from mockserver.sandbox.journal.feed import EntryFeed
from mockserver.sandbox.sandbox import Sandbox
from mockserver.sandbox.world import OWN, SandboxRefused, World
from mockserver.vendor_api.credential import DEFAULT_SANDBOX
from mockserver.vendor_api.rate_limits import Limits

MAX_SANDBOXES = 10_000


MAX_CATALOGS = 100


class Sandboxes:
    """The sandboxes of one server, by name, made when first asked for.

    The default one is always there, beside the `most` others. `limits` says whether they begin
    with rate limits.
    """

    def __init__(self, seed: int, products: int, most: int = MAX_SANDBOXES, *, limits: bool = False) -> None:
        self._world = World(limits=Limits(enabled=limits))
        self.seed, self.products, self._most = seed, products, most
        self._named: dict[str, Sandbox] = {}
        self._catalogs: WeakValueDictionary[tuple[int, int], SeededCatalog] = WeakValueDictionary()
        self.feed = EntryFeed()
        self.catalog = self._catalog(seed, products)
        self._lock = RLock()
        self._named[DEFAULT_SANDBOX] = Sandbox(DEFAULT_SANDBOX, self.catalog, self._world)

    def __iter__(self) -> Iterator[Sandbox]:
        with self._lock:
            self._sweep()
            return iter(sorted(self._named.values(), key=lambda sandbox: sandbox.name))

    def __len__(self) -> int:
        return len(self._named)

    def existing(self, name: str) -> list[Sandbox]:
        """The sandbox of a name, if there is one."""
        found = self._named.get(name)
        return [found] if found and not found.expired else []

    def get_or_create(self, name: str) -> Sandbox:
        """The sandbox of a name, made if need be. SandboxRefused: it would be one too many."""
        found = self._named.get(name)
        if found and (name == DEFAULT_SANDBOX or not found.expired):
            return found
        with self._lock:
            if name not in self._named or self._named[name].expired:
                self._keep(Sandbox(name, self.catalog, self._world))
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
            catalog = self._catalog(seed, self.products if products is None else products)
            return self._keep(Sandbox(name, catalog, self._world, ttl))

    def fork(self, source: str, name: str, ttl: timedelta | None = None) -> Sandbox:
        """A new sandbox that begins where another stands. SandboxRefused as for `create`."""
        with self._lock:
            self._refuse_taken(name)
            parent = self.get(source)
            return self._keep(Sandbox(name, parent.catalog, parent.world, ttl))

    def prepare(self, name: str, seed: int, products: int) -> Sandbox:
        """A sandbox that is not kept yet, to take the place of the one of that name.

        The journal goes on, and so do the snapshots if they are of the same goods.
        """
        with self._lock:
            before = self._named.get(name)
            shipped_word_lists = Sandbox(
                name, self._catalog(seed, products), self._world, before.ttl if before else None
            )
            if before:
                shipped_word_lists.journal = before.journal
            if before and before.catalog is shipped_word_lists.catalog:
                shipped_word_lists.snapshots = before.snapshots
            return shipped_word_lists

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
                self._named[name] = Sandbox(name, self.catalog, self._world)

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

    def _catalog(self, seed: int, products: int) -> SeededCatalog:
        known = self._catalogs.get((seed, products))
        if known is None:
            if len(self._catalogs) >= MAX_CATALOGS:
                raise SandboxRefused("full", f"there are {MAX_CATALOGS} catalogues in use already")
            known = self._catalogs[seed, products] = SeededCatalog(seed, products - OWN)
        return known
