"""The registry of one server's sandboxes."""

from collections.abc import Iterator
from datetime import timedelta
from threading import RLock
from weakref import WeakValueDictionary

from mockserver.catalog.catalog import MAX_VARIANTS, SeededCatalog
from mockserver.sandbox.journal.feed import EntryFeed
from mockserver.sandbox.sandbox import Sandbox
from mockserver.sandbox.world import FIXTURE_ITEMS, SandboxRefused, World
from mockserver.vendor_api.credential import DEFAULT_SANDBOX
from mockserver.vendor_api.rate_limits import Limits

MAX_SANDBOXES = 10_000
MAX_CATALOGS = 100


class Sandboxes:
    """The sandboxes of one server by name. A sandbox is created when it is first used.

    The default sandbox always exists, and does not count towards `max_sandboxes`. If `limits` is True, rate
    limits are on in new sandboxes. Iterating yields the existing sandboxes, sorted by name.

    Raise TypeError or ValueError if the seed or number of products is invalid (see `check_data_options`).
    """

    def __init__(
        self, seed: int, products: int, max_sandboxes: int = MAX_SANDBOXES, *, limits: bool = False
    ) -> None:
        check_data_options(seed, products)
        self._initial = World(limits=Limits(enabled=limits))
        self.seed, self.products, self._max = seed, products, max_sandboxes
        self._by_name: dict[str, Sandbox] = {}
        self._catalogs: WeakValueDictionary[tuple[int, int], SeededCatalog] = WeakValueDictionary()
        self.feed = EntryFeed()
        self.catalog = self._catalog(seed, products)
        self._lock = RLock()
        self._by_name[DEFAULT_SANDBOX] = Sandbox(DEFAULT_SANDBOX, self.catalog, self._initial)

    def __iter__(self) -> Iterator[Sandbox]:
        with self._lock:
            self._remove_expired()
            return iter(sorted(self._by_name.values(), key=lambda sandbox: sandbox.name))

    def __len__(self) -> int:
        return len(self._by_name)

    def find(self, name: str) -> Sandbox | None:
        """Return the sandbox called `name`, or None if there is no such sandbox."""
        found = self._by_name.get(name)
        return found if found and not found.expired else None

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
                self._add(Sandbox(name, self.catalog, self._initial))
            return self._by_name[name]

    def create(
        self, name: str, seed: int | None = None, products: int | None = None, ttl: timedelta | None = None
    ) -> Sandbox:
        """Return a new sandbox. Raise SandboxRefused if the name is taken or there are too many sandboxes."""
        with self._lock:
            self._refuse_taken(name)
            seed = self.seed if seed is None else seed
            catalog = self._catalog(seed, self.products if products is None else products)
            return self._add(Sandbox(name, catalog, self._initial, ttl))

    def fork(self, source: str, name: str, ttl: timedelta | None = None) -> Sandbox:
        """Return a new sandbox with a copy of the current world of `source`.

        Raise SandboxRefused if `source` does not exist, the name is taken or there are too many sandboxes.
        """
        with self._lock:
            self._refuse_taken(name)
            parent = self.get(source)
            return self._add(Sandbox(name, parent.catalog, parent.world, ttl))

    def prepare(self, name: str, seed: int, products: int) -> Sandbox:
        """Return a new sandbox that is not added yet. To add it, pass it to `put`.

        If a sandbox called `name` exists, the new one shares its journal. It also shares its snapshots, if
        both have the same catalog.
        """
        with self._lock:
            before = self._by_name.get(name)
            ttl = before.ttl if before else None
            sandbox = Sandbox(name, self._catalog(seed, products), self._initial, ttl)
            if before:
                sandbox.journal = before.journal
            if before and before.catalog is sandbox.catalog:
                sandbox.snapshots = before.snapshots
            return sandbox

    def put(self, sandbox: Sandbox) -> Sandbox:
        """Add a sandbox, replacing any with the same name. Raise SandboxRefused if there are too many."""
        with self._lock:
            return self._add(sandbox)

    def delete(self, name: str) -> None:
        """Delete a sandbox. If it is the default sandbox, create it again.

        Raise SandboxRefused if there is no such sandbox.
        """
        with self._lock:
            self.get(name)
            del self._by_name[name]
            if name == DEFAULT_SANDBOX:
                self._by_name[name] = Sandbox(name, self.catalog, self._initial)

    def _add(self, sandbox: Sandbox) -> Sandbox:
        if len(self._by_name) > self._max and sandbox.name not in self._by_name:
            self._remove_expired()
            if len(self._by_name) > self._max:
                raise SandboxRefused("full", f"there are already {self._max} sandboxes: delete some")
        self._by_name[sandbox.name] = sandbox
        return sandbox

    def _refuse_taken(self, name: str) -> None:
        if name in self._by_name and not self._by_name[name].expired:
            raise SandboxRefused("exists", f"there is already a sandbox {name}")

    def _remove_expired(self) -> None:
        self._by_name = {name: sandbox for name, sandbox in self._by_name.items() if not sandbox.expired}

    def _catalog(self, seed: int, products: int) -> SeededCatalog:
        known = self._catalogs.get((seed, products))
        if known is None:
            if len(self._catalogs) >= MAX_CATALOGS:
                raise SandboxRefused("full", f"there are already {MAX_CATALOGS} catalogs in use")
            known = self._catalogs[seed, products] = SeededCatalog(seed, products - FIXTURE_ITEMS)
        return known


def check_data_options(seed: int, products: int) -> None:
    """Raise TypeError if an option is not an int, or ValueError if one is out of range."""
    for name, value in (("seed", seed), ("products", products)):
        if not isinstance(value, int):
            raise TypeError(f"{name} must be a whole number, not {value!r}")
    if seed < 0:
        raise ValueError(f"seed must be 0 or more, not {seed}")
    if not FIXTURE_ITEMS <= products <= MAX_VARIANTS:
        raise ValueError(f"products must be from {FIXTURE_ITEMS} to {MAX_VARIANTS:,}, not {products}")
