"""One tenant's world: its changes to the records, and its source of identity."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

from immutables import Map

from mockserver.goods import Goods
from mockserver.store import Draft, State

MOST_SANDBOXES = 10_000


class TooManySandboxes(Exception):
    """The server holds as many sandboxes as it will."""


class Sandbox:
    """One world over the shared goods. Its lock makes calls happen one after the other."""

    def __init__(self, name: str, goods: Goods, seed: int) -> None:
        self.name, self.goods = name, goods
        self._key = hashlib.blake2b(f"{seed} {name}".encode(), digest_size=32).digest()
        self._state: State = Map()
        self._calls = 0
        self._lock = Lock()

    def stamp(self) -> Callable[[str], bytes]:
        """Count a call, and give it 32 bytes for each purpose that only it will get."""
        with self._lock:
            self._calls += 1
            number = self._calls
        return lambda purpose: hashlib.blake2b(
            f"{number} {purpose}".encode(), digest_size=32, key=self._key
        ).digest()

    def draft(self) -> Draft:
        """The records as they are, to look at."""
        return Draft(self.goods, self._state)

    @contextmanager
    def transaction(self) -> Iterator[Draft]:
        """The records as they are, to change: all changes count, or, after an exception, none."""
        with self._lock:
            draft = self.draft()
            yield draft
            self._state = draft.state


class Sandboxes:
    """The sandboxes of one server, by name, made when first asked for."""

    def __init__(self, goods: Goods, seed: int, most: int = MOST_SANDBOXES) -> None:
        self._goods, self._seed, self._most = goods, seed, most
        self._named: dict[str, Sandbox] = {}
        self._lock = Lock()

    def named(self, name: str) -> Sandbox:
        """The sandbox of a name. TooManySandboxes: it would be one too many."""
        found = self._named.get(name)
        if found:
            return found
        with self._lock:
            if name not in self._named and len(self._named) >= self._most:
                raise TooManySandboxes(f"there are {self._most} sandboxes already")
            return self._named.setdefault(name, Sandbox(name, self._goods, self._seed))
