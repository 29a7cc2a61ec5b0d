"""Engines: vendors that took time to build, kept for the next interception of the same ones."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock

from mockserver import app
from mockserver.sandbox.registry import Sandboxes

MAX_IDLE = 8


class AppPool:
    """Mocks that nobody uses at the moment. Each is used by one interception at a time, in a new state."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._idle: deque[tuple[frozenset[str], app.Mock]] = deque(maxlen=MAX_IDLE)

    @contextmanager
    def running(
        self, names: Iterable[str], sandboxes: Sandboxes, hosts: Mapping[str, str]
    ) -> Iterator[app.Mock]:
        """A mock of the named vendors, or of all, over these sandboxes. UnknownVendor, FileBroken."""
        chosen = frozenset(app.VendorFiles().choose(names))
        mock = app.reuse(self._taken(chosen), sandboxes, hosts)
        try:
            yield mock
        finally:
            with self._lock:
                self._idle.append((chosen, mock))

    def _taken(self, chosen: frozenset[str]) -> app.Mock:
        with self._lock:
            for number, (names, mock) in enumerate(self._idle):
                if names == chosen:
                    del self._idle[number]
                    return mock
        return app.build(products=1, names=sorted(chosen))
