"""Appends to sandboxes in Redis: those that leave together become one script.

Appends to one sandbox, each upon the one before, become one chain: all of it is kept, or none. So a sandbox
with many calls costs Redis little more than one with a single call.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import msgspec

from mockserver.sandbox.log.log import TOKEN_BYTES, Entry, Life
from mockserver.sandbox.log.redis import scripts
from mockserver.sandbox.log.redis.index import encoded_life, milliseconds
from mockserver.sandbox.log.redis.queue import Command, Done

SIZE_BYTES = 4  # an entry in Redis is its token, its size in these bytes, and the rest as MessagePack
Fields = dict[bytes, bytes | None]
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[int, int, str, bytes, dict[str, bytes | None]]).decode


class Append(msgspec.Struct):
    """An append that waits. None stands for a field that is to be removed.

    `done` is called with the answer of the script, or with an exception in its place, and with the life that
    the sandbox then has.
    """

    keys: tuple[bytes, bytes]
    head: bytes
    token: bytes
    entry: bytes
    size: int
    cleared: bytes
    fields: Fields
    life: Life
    done: Callable[[Any, Life], None]


def append_of(
    keys: tuple[bytes, bytes],
    head: bytes | None,
    entry: Entry,
    life: Life,
    done: Callable[[Any, Life], None],
) -> Append:
    """Return an append. What cannot be encoded fails here, and not together with others."""
    size = entry.size
    fields = {b"." + name.encode(): part for name, part in entry.parts.items()}
    cleared = entry.cleared and b"." + entry.cleared.encode()
    encoded = encoded_entry(entry, size)
    return Append(keys, head or b"", entry.token, encoded, size, cleared or b"", fields, life, done)


class Chain:
    """Appends to one sandbox, each upon the one before."""

    def __init__(self, first: Append) -> None:
        self.keys, self.head, self.token = first.keys, first.head, first.token
        self.cleared, self.life, self.size = first.cleared, first.life, first.size
        self.fields = first.fields
        self.appends = [first]

    def add(self, append: Append) -> bool:
        """Add an append if it is upon the latest one. Return True if it was added."""
        end = self.life.expires
        has_ended = end is not None and end <= time.time_ns() // 1000  # so nothing is upon it
        clears_more = append.cleared and self.cleared not in (b"", append.cleared)
        if append.head != self.token or has_ended or clears_more:
            return False
        if append.cleared:
            self.cleared = append.cleared
            kept = {name: part for name, part in self.fields.items() if not name.startswith(append.cleared)}
            self.fields = kept
        self.fields = self.fields | append.fields
        self.token, self.life, self.size = append.token, append.life, self.size + append.size
        self.appends.append(append)
        return True

    def arguments(self) -> list[str | bytes | int]:
        """Return the arguments of the script."""
        removed = [name for name, part in self.fields.items() if part is None]
        kept: list[str | bytes | int] = []
        for name, part in self.fields.items():
            if part is not None:
                kept += name, part
        return [
            self.head, self.token, self.size, encoded_life(self.life), milliseconds(self.life), self.cleared,
            len(self.appends), len(removed), len(kept), *(append.entry for append in self.appends),
            *removed, *kept,
        ]  # fmt: skip


def chains_of(appends: Iterable[Append]) -> list[Chain]:
    """Return appends of one generation as chains. Those of one sandbox stay in their order."""
    latest: dict[tuple[bytes, bytes], Chain] = {}
    chains: list[Chain] = []
    for append in appends:
        chain = latest.get(append.keys)
        if chain is None or not chain.add(append):
            chain = latest[append.keys] = Chain(append)
            chains.append(chain)
    return chains


def join(generation: str, appends: Iterable[Append], *, apart: bool) -> Iterator[tuple[Command, Done]]:
    """Yield commands for appends, each with what to call with the reply: one for each sandbox if `apart`."""
    chains = chains_of(appends)
    for some in [[chain] for chain in chains] if apart else [chains]:
        keys = [key for chain in some for key in chain.keys]
        arguments: list[str | bytes | int] = [generation]
        for chain in some:
            arguments += chain.arguments()
        yield scripts.APPEND.on(keys, arguments), partial(_settle, some)


def _settle(chains: Sequence[Chain], reply: Any) -> None:
    """Tell those who wait for chains what the script has answered, or an exception in its place.

    That a chain has changed the life of its sandbox is told once.
    """
    answers = [reply] * len(chains) if isinstance(reply, Exception) else reply
    for chain, answer in zip(chains, answers, strict=True):
        for append in chain.appends:
            append.done(answer, chain.life)
            answer = scripts.KEPT if answer == scripts.KEPT_WITH_NEW_LIFE else answer


def encoded_entry(entry: Entry, size: int) -> bytes:
    """Return the bytes that stand for an entry in Redis."""
    rest = _encode((entry.time, entry.serial, entry.cleared, entry.call, entry.parts))
    return entry.token + size.to_bytes(SIZE_BYTES) + rest


def decoded_entry(encoded: bytes) -> Entry:
    """Return the entry that bytes stand for."""
    token, rest = encoded[:TOKEN_BYTES], memoryview(encoded)[TOKEN_BYTES + SIZE_BYTES :]
    time, serial, cleared, call, parts = _decode(rest)
    return Entry(token=token, time=time, parts=parts, cleared=cleared, call=call, serial=serial)
