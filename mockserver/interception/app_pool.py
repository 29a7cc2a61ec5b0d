"""A pool of mocks: a mock takes long to build, so an interception reuses an idle one of the same vendors."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock

from mockserver import app
from mockserver.sandbox.registry import Sandboxes

MAX_IDLE = 8


class AppPool:
    """The mocks that are not in use. A mock serves one interception at a time, each with new state."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._idle: deque[tuple[frozenset[str], app.Mock]] = deque(maxlen=MAX_IDLE)

    @contextmanager
    def mock(
        self, names: Iterable[str], sandboxes: Sandboxes, hosts: Mapping[str, str]
    ) -> Iterator[app.Mock]:
        """Lend a mock of the named vendors, or of all if there are no names, with these sandboxes.

        Raise UnknownVendor if there is no vendor of a name, and InvalidFile if a spec or fixture
        cannot be used.
        """
        chosen = frozenset(app.chosen(names))
        mock = app.reuse(self._take_or_build(chosen), sandboxes, hosts)
        try:
            yield mock
        finally:
            with self._lock:
                self._idle.append((chosen, mock))

    def _take_or_build(self, chosen: frozenset[str]) -> app.Mock:
        with self._lock:
            for index, (names, mock) in enumerate(self._idle):
                if names == chosen:
                    del self._idle[index]
                    return mock
        return app.build(products=1, names=sorted(chosen))
