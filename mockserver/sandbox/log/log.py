"""The log of a sandbox, as servers see it: an engine that keeps it implements `Log`.

A *turn* is one call to a sandbox, or one operation of the control API. A server runs it on its own copy of
the sandbox, then appends an `Entry` to the sandbox's log, and only then answers. An entry is appended only if
the log's head is the one that the server knows. Otherwise another server was faster: read its entries, apply
them to the copy, and run the turn again. So the answers are those that one server would have given, in the
order of the log.

A head is named by a token, 8 random bytes that the writer chooses. A number could return after a store has
lost its latest entries, and then stand for another entry. As the writer chooses the token, it can append the
next entry before the first one is confirmed. If the first is refused, so are those that follow it.

A log knows nothing of what it keeps: a sandbox is a set of named parts, each some bytes.
"""

import asyncio
import logging
import os
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from struct import Struct
from typing import Protocol

import msgspec

from mockserver.vendor_api.failure import UNEXPECTED

TOKEN_BYTES = 8
TOKENS_AT_ONCE = 512  # of the system, as each request to it takes as long as to make an entry
MAX_ENTRIES, MAX_BYTES = 1000, 4 * 1024 * 1024  # of each sandbox's latest entries
SHARED = "--"  # the name of what servers share beside sandboxes: no sandbox can have it
Parts = Mapping[str, bytes | None]
Outcome = bool | Exception  # of an append: is the entry kept, or why does nobody know?
Settled = Callable[[Outcome], None]
log = logging.getLogger("mockserver")


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One turn in a log.

    `token` names the head that it makes. `time` is the real time in microseconds, later than that of the
    entry before. `cleared` is empty, or a prefix: all parts whose names begin with it are removed first. Then
    `parts` are set; None removes a part. `call` is the call for the journal, empty if the turn leaves none
    there, and `serial` the number of calls in the log up to this entry.
    """

    token: bytes
    time: int
    parts: Parts
    cleared: str = ""
    call: bytes = b""
    serial: int = 0

    @property
    def size(self) -> int:
        """The approximate size in bytes."""
        size = len(self.call)
        for name, part in self.parts.items():  # asked for each append, so without a generator
            size += len(name) + (len(part) if part else 0)
        return size


class Life(msgspec.Struct, frozen=True, gc=False):
    """The end of a sandbox, and the keys that find it. Each append replaces this.

    `expires` is the real time in microseconds at which it ends, or None for never. `implicit` is True if it
    was made by its first use: such a sandbox may be ended to make room. `keys` are digests of the
    secrets that open it.
    """

    expires: int | None = None
    implicit: bool = False
    keys: tuple[bytes, ...] = ()


class Kept(msgspec.Struct, frozen=True):
    """A whole sandbox as a log keeps it.

    `entries` are the latest ones, oldest first. The last one made the head. There are at most `MAX_ENTRIES`,
    with a `size` of `MAX_BYTES` in all, but always one. `length` is the number of entries so far.
    """

    head: bytes
    length: int
    parts: Mapping[str, bytes]
    life: Life
    entries: Sequence[Entry]


class Joined(msgspec.Struct, frozen=True):
    """Told to a server that joins: the store's `generation`, and the number of sandboxes in it.

    A store has another generation after it has lost what it kept.
    """

    generation: str
    sandboxes: int


class StoreRefused(Exception):
    """Raised if a server cannot use a store: it has other data options, or the store cannot be written."""


class StoreUnavailable(Exception):
    """Raised if a store cannot be reached now. It may be back later."""


class StoreLost(Exception):
    """Raised if a store has lost what it kept: it has another generation than the one that was joined."""


class Log(Protocol):
    """Keeps the logs of all sandboxes. Use it on one event loop.

    Every method but `describe` may raise StoreUnavailable or StoreLost. `on_connect` is called after each new
    connection: since the one before, the store may have lost its latest entries.
    """

    on_connect: Callable[[], None]

    def describe(self) -> str:
        """Return where this keeps sandboxes, for people. It never contains a password."""
        ...

    async def join(self, fingerprint: Mapping[str, str], *, fresh: bool = False) -> Joined:
        """Begin to use the store, or take on its present generation.

        `fingerprint` holds what must be the same for all servers that share the store, such as the seed.
        Raise StoreRefused, with a sentence, if it is another one in the store. With `fresh`, first
        remove everything from the store.
        """
        ...

    async def load(self, name: str) -> Kept | None:
        """Return a sandbox, or None if there is none or it has expired."""
        ...

    def append(self, name: str, head: bytes | None, entry: Entry, life: Life, settled: Settled) -> None:
        """Append an entry if the head is `head`. None means that there must be no such sandbox.

        On a later turn of the event loop, `settled` is called: with True once the entry is kept, with False
        if the head is another one, or with StoreUnavailable or StoreLost. It is True too if the head is
        already the entry's token, so an append whose result got lost may be repeated. Appends take effect,
        and are settled, in the order of the calls.
        """
        ...

    async def news(self, name: str, head: bytes) -> Sequence[Entry] | None:
        """Return the entries after a head. None means that the log lacks the head: load the sandbox again."""
        ...

    async def heads(self, names: Sequence[str]) -> dict[str, bytes]:
        """Return the heads of those of the sandboxes that exist, with few questions to the store."""
        ...

    async def end(self, name: str, head: bytes) -> bool:
        """Remove a sandbox if its head is `head`. Return True if it is gone."""
        ...

    async def has_ended(self, name: str, time: int) -> bool:
        """Return False if the store must have lost a whole sandbox that is not there any more.

        `time` is that of an entry that was kept. Return True if the sandbox has been ended since, or may have
        been: the log need not remember sandboxes that have expired.
        """
        ...

    async def name_with(self, key: bytes) -> str | None:
        """Return the name of the sandbox that has a key, or None."""
        ...

    async def names(self, after: str = "", limit: int = 1000) -> tuple[list[str], int]:
        """Return up to `limit` names after `after` in order, and the number of all, which may lag behind."""
        ...

    async def oldest_implicit(self) -> str | None:
        """Return the name of the implicit sandbox that expires first, or None if there is none."""
        ...

    async def remove_expired(self) -> int:
        """Remove the sandboxes that have expired, and return how many they were."""
        ...

    async def close(self) -> None:
        """Keep everything that was appended, and stop using the store."""
        ...


def appended(log: Log, name: str, head: bytes | None, entry: Entry, life: Life) -> "asyncio.Future[bool]":
    """Append an entry, and return a future of the outcome. It may raise StoreUnavailable or StoreLost."""
    outcome: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def settled(kept: Outcome) -> None:
        if outcome.done():  # who waits may have been cancelled
            return
        if isinstance(kept, Exception):
            outcome.set_exception(kept)
        else:
            outcome.set_result(kept)

    log.append(name, head, entry, life, settled)
    return outcome


def latest(entries: Sequence[Entry]) -> Sequence[Entry]:
    """Return the entries at the end that are within the bounds of a log, and at least one."""
    size, first = 0, len(entries)
    while first > max(len(entries) - MAX_ENTRIES, 0):
        size += entries[first - 1].size
        if size > MAX_BYTES and first < len(entries):
            break
        first -= 1
    return entries[first:]


def settle(waiting: Iterable[Settled], outcomes: Iterable[Outcome]) -> None:
    """Tell everybody who waits for an append its outcome. An error of one of them is logged."""
    for settled, outcome in zip(waiting, outcomes, strict=True):
        try:
            settled(outcome)
        except UNEXPECTED as error:
            log.error("an append could not be settled", exc_info=error)


def new_token() -> bytes:
    """Return a token for a new head."""
    if not _tokens:
        _tokens.extend(_SPLIT.unpack(secrets.token_bytes(_SPLIT.size)))
    return _tokens.pop()


_SPLIT = Struct(f"{TOKEN_BYTES}s" * TOKENS_AT_ONCE)
_tokens: list[bytes] = []
os.register_at_fork(after_in_child=_tokens.clear)  # the parent will use them


def do_nothing() -> None:
    """Do nothing: `Log.on_connect` until somebody sets another one."""
