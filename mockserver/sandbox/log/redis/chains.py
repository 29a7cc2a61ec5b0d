"""Chains: appends to one sandbox, each upon the one before. All of a chain is kept, or none.

So a sandbox with many calls costs Redis little more than one with a single call. In Redis, a chain is the
head that it is upon, then the head that it makes, then its entries as MessagePack: an array of arrays, each
with the head that it is upon first.
"""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from operator import attrgetter
from struct import Struct
from typing import Any

import msgspec

from mockserver.sandbox.log.log import TOKEN_BYTES, Entry, Life, Settled
from mockserver.sandbox.log.redis import scripts
from mockserver.sandbox.log.redis.index import encoded_life
from mockserver.sandbox.log.redis.queue import Command

# Who waits for the outcome, the head that the sandbox must have, the entry, the entry encoded, and the life.
# A tuple, as one is made for each append.
Append = tuple[Settled, bytes | None, Entry, bytes, Life]

NOTHING = bytes(TOKEN_BYTES)  # the head of a sandbox that is not there
MAX_IN_SCRIPT = 2048  # bytes of a chain: more of them cost Redis more than a command of their own
_token, _cleared, _parts = attrgetter("token"), attrgetter("cleared"), attrgetter("parts")
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(
    list[tuple[bytes | None, bytes, int, int, str, bytes, dict[str, bytes | None]]]
).decode
_link = Struct(
    f">{TOKEN_BYTES}s{TOKEN_BYTES}sBI"
).pack  # the last two are the head of an array in MessagePack
_about, _state = Struct(scripts.CHAIN_FORMAT).pack, Struct(scripts.STATE_FORMAT).unpack


class Chain:
    """Appends to one sandbox that leave together. `pushed` is the reply to the command that pushes it."""

    __slots__ = "encoded", "entries", "life", "name", "pushed", "upon", "waiting"

    def __init__(self, name: str, appends: Sequence[Append]) -> None:
        self.waiting, heads, self.entries, self.encoded, lives = zip(*appends, strict=True)
        self.name, self.upon, self.life = name, heads[0], lives[0]
        self.pushed: Any = None

    def take(self, reply: Any) -> None:
        """Take the reply to the command that pushes this."""
        self.pushed = reply

    def add_to(self, arguments: list[str | bytes], key: bytes, generation: str) -> Command | None:
        """Add what the script is told of this. Return a command that must run before, or None."""
        entries, upon = self.entries, self.upon or NOTHING
        count, last = len(entries), entries[-1]
        chain = _link(upon, last.token, 0xDD, count) + b"".join(self.encoded)
        command = None
        if len(chain) > MAX_IN_SCRIPT and self.upon:
            command = scripts.PUSH, key, chain
        kept: list[str | bytes] = []
        removed: list[str | bytes] = []
        for name, part in (last.parts if count == 1 else self._parts()).items():
            if part is None:
                removed.append("." + name)
            else:
                kept += "." + name, part
        about = _about(upon, last.token, last.time, count, len(chain), len(removed), len(kept))
        cleared = entries[0].cleared and "." + entries[0].cleared
        arguments += about, _life(generation, self.life), cleared, b"" if command else chain, *removed, *kept
        return command

    def _parts(self) -> Mapping[str, bytes | None]:
        parts: dict[str, bytes | None] = {}
        for some in map(_parts, self.entries):
            parts.update(some)
        return parts


def encoded_entry(head: bytes | None, entry: Entry) -> bytes:
    """Return an entry as it is in a chain. Raise UnicodeEncodeError if it has a name that cannot be."""
    return _encode((head, entry.token, entry.time, entry.serial, entry.cleared, entry.call, entry.parts))


@lru_cache(1024)  # most appends leave it as it is
def _life(generation: str, life: Life) -> bytes:
    return generation.encode() + encoded_life(life)


def rounds_of(appends: Mapping[str, Sequence[Append]]) -> Iterator[list[Chain]]:
    """Yield appends, by the names of their sandboxes, as chains: in each round at most one of a sandbox."""
    now = time.time_ns() // 1000
    waiting: Collection[tuple[str, Sequence[Append]]] = appends.items()
    while waiting:
        chains: list[Chain] = []
        later: list[tuple[str, Sequence[Append]]] = []
        for name, some in waiting:
            if len(some) > 1 and not _is_chain(some, now):
                count = _length_of_chain(some, now)
                later.append((name, some[count:]))
                some = some[:count]
            chains.append(Chain(name, some))
        yield chains
        waiting = later


def _length_of_chain(appends: Sequence[Append], now: int) -> int:
    """Return how many appends are one chain at the beginning of those that are several."""
    return next(count for count in range(1, len(appends)) if not _is_chain(appends[: count + 1], now))


def _is_chain(appends: Sequence[Append], now: int) -> bool:
    """Return True if appends can be one chain: all have one life, and only the first may clear parts."""
    _, heads, entries, encoded, lives = zip(*appends, strict=True)
    end = lives[0].expires
    return (
        heads[1:] == (*map(_token, entries[:-1]),)
        and lives.count(lives[0]) == len(lives)
        and (end is None or end > now)  # otherwise nothing is upon the first one
        and not any(map(_cleared, entries[1:]))
        and sum(map(len, encoded)) <= scripts.SPARE_BYTES
    )


def linked(chains: Sequence[bytes], head: bytes) -> list[Entry]:
    """Return the entries of the chains that lead to a head, oldest first.

    The others were refused, or are not accepted yet.
    """
    found: list[bytes] = []
    for chain in reversed(chains):
        if chain[TOKEN_BYTES : scripts.LINK] == head:
            found.append(chain)
            head = chain[:TOKEN_BYTES]
    return [
        Entry(token=token, time=time, serial=serial, cleared=cleared, call=call, parts=parts)
        for chain in reversed(found)
        for _, token, time, serial, cleared, call, parts in _decode(memoryview(chain)[scripts.LINK :])
    ]


def decoded_state(state: bytes) -> tuple[bytes, int]:
    """Return the head of a sandbox, and the number of its entries so far."""
    head, _, length, _, _ = _state(state)
    return head, length
