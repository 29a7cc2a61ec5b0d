"""A pool of mocks. Building a mock is slow, so an interception reuses an idle one with the same vendors."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from mockserver import app
from mockserver.app import VendorFiles
from mockserver.sandbox.registry import Sandboxes

Key = tuple[Path | None, frozenset[str]]  # the folder of the user's vendors, the names
MAX_IDLE = 8


class AppPool:
    """Mocks that are not in use. A mock serves one interception at a time, and has new state for each."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._idle: deque[tuple[Key, app.Mock]] = deque(maxlen=MAX_IDLE)

    @contextmanager
    def mock(
        self, files: VendorFiles, names: Iterable[str], sandboxes: Sandboxes, hosts: Mapping[str, str]
    ) -> Iterator[app.Mock]:
        """Lend a mock of the named vendors, with these sandboxes. No names means all vendors.

        Raise UnknownVendor if a vendor does not exist, and InvalidFile if a spec or fixture
        cannot be used.
        """
        key = files.folder, frozenset(files.choose(names))
        mock = app.reuse(self._take_or_build(key), sandboxes, hosts)
        try:
            yield mock
        finally:
            with self._lock:
                self._idle.append((key, mock))

    def _take_or_build(self, key: Key) -> app.Mock:
        with self._lock:
            for index, (idle_key, mock) in enumerate(self._idle):
                if idle_key == key:
                    del self._idle[index]
                    return mock
        folder, names = key
        return app.build(products=1, names=sorted(names), vendors_from=folder)
