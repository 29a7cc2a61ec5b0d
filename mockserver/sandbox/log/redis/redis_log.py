"""The log in Redis."""

import secrets
import struct
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import msgspec

from mockserver.sandbox.log.fingerprint import differences
from mockserver.sandbox.log.log import (
    Entry,
    Joined,
    Kept,
    Life,
    Settled,
    StoreLost,
    StoreRefused,
    StoreUnavailable,
    do_nothing,
    latest,
    settle,
)
from mockserver.sandbox.log.redis import scripts
from mockserver.sandbox.log.redis.address import parse
from mockserver.sandbox.log.redis.chains import (
    Append,
    Chain,
    decoded_state,
    encoded_entry,
    linked,
    rounds_of,
)
from mockserver.sandbox.log.redis.client import Denied, open_client
from mockserver.sandbox.log.redis.index import Index, Keys
from mockserver.sandbox.log.redis.queue import LOST, Command, CommandQueue, Done

INSTEAD = "choose another prefix (?prefix=NAME), or empty it with --fresh"
NEWS, MORE_NEWS = 4, 8  # chains that are read for news at first, and how many times as many then
MAX_READS = 3  # of a sandbox that changes between two commands
DAMAGE = (struct.error, msgspec.MsgspecError, KeyError, UnicodeDecodeError)  # while a sandbox is decoded


class RedisLog:
    """Keeps sandboxes in Redis 7 or Valkey.

    An append is one step in Redis. All appends and reads of one turn of the event loop leave together, in
    their order, and none is repeated after an error: an append that fails with StoreUnavailable may have been
    kept. It is raised after at most 2 seconds without a connection and 5 without an answer; the next use
    connects again. Redis ends a sandbox itself when its life expires.

    Raise StoreRefused if the URL cannot be used. Its password is never shown.
    """

    def __init__(self, url: str) -> None:
        address = parse(url)
        self._shown, self._keys = address.shown, Keys(address.prefix)
        self.on_connect = do_nothing
        client = open_client(address, lambda: self.on_connect())
        self._apart = client.shards
        self._queue = CommandQueue(client, self._keys.generation, self._join)
        self._entering: dict[str, list[Callable[[], None]]] = {}  # what waits until a sandbox is in the index
        self._index = Index(self._queue, self._keys, apart=client.shards)

    def describe(self) -> str:
        return self._shown

    async def join(self, fingerprint: Mapping[str, str], *, fresh: bool = False) -> Joined:
        now = time.time_ns() // 1000
        keys = (self._keys.generation, self._keys.fingerprint, *self._keys.lists, self._keys.removed)
        pairs = [text for pair in fingerprint.items() for text in pair]
        new = f"{now:014x}{secrets.token_hex(5)}"
        join = scripts.JOIN(*keys, new, "fresh" if fresh else "", now, *pairs)
        try:
            joined = await self._queue.reply(join, any_generation=True)
        except Denied as error:
            raise StoreRefused(str(error)) from None
        if isinstance(joined, bytes):
            raise StoreRefused(f"{self._shown} {joined.decode()}")
        generation, texts, sandboxes = joined
        found = [text.decode() for text in texts]
        kept = dict(zip(found[::2], found[1::2], strict=True))
        if other := differences(kept, fingerprint):
            raise StoreRefused(
                f"{self._shown} has other data: {other}. Start with the same options, {INSTEAD}"
            )
        self._queue.take_on(generation.decode())
        await self._index.clean()
        return Joined(self._queue.generation, sandboxes)

    async def load(self, name: str) -> Kept | None:
        key, chains_key = self._keys.sandbox(name)
        for _ in range(MAX_READS):
            texts, chains = await self._queue.replies([scripts.FIELDS(key), ("LRANGE", chains_key, 0, -1)])
            fields: dict[bytes, bytes] = dict(zip(texts[::2], texts[1::2], strict=True))
            if not self._is_there(fields.get(b"life")):
                return None
            with self._decoding():
                head, length = decoded_state(fields[b"state"])
                entries = linked(chains, head)
            if entries:
                break
        else:
            raise StoreUnavailable(f"{self._shown} has lost the latest entry of a sandbox")
        with self._decoding():
            life = self._index.life(fields[b"life"])
            parts = {field[1:].decode(): part for field, part in fields.items() if field.startswith(b".")}
        for command in self._index.put(name, life):  # if it was not written, nobody else will do it
            self._queue.ask(command, lambda reply: None)
        return Kept(head, length, parts, life, tuple(latest(entries)))

    def append(self, name: str, head: bytes | None, entry: Entry, life: Life, settled: Settled) -> None:
        self._keys.sandbox(name)  # what cannot be encoded fails here, and not together with others
        self._queue.append(name, (settled, head, entry, encoded_entry(head, entry), life))

    async def news(self, name: str, head: bytes) -> Sequence[Entry] | None:
        key, chains_key = self._keys.sandbox(name)
        count = NEWS
        while True:
            (life, state), chains = await self._queue.replies(
                [("HMGET", key, "life", "state"), ("LRANGE", chains_key, -count, -1)]
            )
            if not self._is_there(life):
                return None
            with self._decoding():
                entries = linked(chains, decoded_state(state)[0])
            place = next((place for place, entry in enumerate(entries) if entry.token == head), None)
            if place is not None:
                kept = latest(entries[place:])
                return kept[1:] if kept[0].token == head else None
            if len(chains) < count:
                return None
            count *= MORE_NEWS

    async def heads(self, names: Sequence[str]) -> dict[str, bytes]:
        states = await self._index.fields(names, "state")
        with self._decoding():
            return {name: decoded_state(state)[0] for name, state in states.items()}

    async def end(self, name: str, head: bytes) -> bool:
        keys = *self._keys.sandbox(name), self._keys.end(name)
        reply: bytes | int = await self._queue.reply(scripts.END(*keys, self._queue.generation, head))
        if reply == scripts.LOST:
            raise StoreLost(LOST)
        if isinstance(reply, bytes):
            await self._queue.replies(self._index.drop(name, self._index.life(reply)))
        return reply != scripts.REFUSED

    async def has_ended(self, name: str, time: int) -> bool:
        end = await self._queue.reply(("GET", self._keys.end(name)))
        return end is not None and int(end) >= time

    async def name_with(self, key: bytes) -> str | None:
        return await self._index.name_with(key)

    async def names(self, after: str = "", limit: int = 1000) -> tuple[list[str], int]:
        return await self._index.names(after, limit)

    async def oldest_implicit(self) -> str | None:
        return await self._index.oldest_implicit()

    async def remove_expired(self) -> int:
        return await self._index.remove_expired()

    async def close(self) -> None:
        await self._queue.close()

    @contextmanager
    def _decoding(self) -> Iterator[None]:
        """Raise StoreUnavailable if the block cannot decode what somebody else has changed."""
        try:
            yield
        except DAMAGE as error:
            raise StoreUnavailable(f"{self._shown} holds a sandbox that is damaged: {error}") from error

    def _is_there(self, life: bytes | None) -> bool:
        """Return True if a sandbox is there, whose field `life` this is. Raise StoreLost."""
        ours = self._queue.generation.encode()
        generation = life[: len(ours)] if life else b""
        if generation > ours:
            raise StoreLost(LOST)
        return generation == ours

    def _join(
        self, generation: str, appends: Mapping[str, Sequence[Append]]
    ) -> Iterator[tuple[Command, Done]]:
        """Yield commands for appends of one generation, each with what to call with the reply."""
        for chains in rounds_of(appends):
            for some in [[chain] for chain in chains] if self._apart else [chains]:
                keys: list[bytes] = []
                arguments: list[str | bytes] = [generation]
                for chain in some:
                    both = self._keys.sandbox(chain.name)
                    keys += both
                    push = chain.add_to(arguments, both[1], generation)
                    if push is not None:
                        yield push, chain.take
                yield scripts.APPEND.on(keys, arguments), partial(self._settle, some)

    def _settle(self, chains: Sequence[Chain], reply: Any) -> None:
        """Settle chains with what their script has answered, or an exception in its place."""
        answers = [reply] * len(chains) if isinstance(reply, Exception) else reply
        for chain, answer in zip(chains, answers, strict=True):
            if chain.name in self._entering:
                self._entering[chain.name].append(partial(self._settle, [chain], [answer]))
            elif answer == scripts.KEPT:
                settle(chain.waiting, [True] * len(chain.waiting))
            elif answer == scripts.KEPT_WITH_NEW_LIFE:
                self._enter(chain)
            else:
                _refuse(chain, answer)

    def _enter(self, chain: Chain) -> None:
        """Enter a sandbox into the index, and then settle the chain, and those that come meanwhile."""
        commands, failures = self._index.put(chain.name, chain.life), list[Exception]()
        waiting = self._entering[chain.name] = []

        def entered(number: int, reply: Any) -> None:
            if isinstance(reply, Exception):
                failures.append(reply)
            if number < len(commands):
                return
            del self._entering[chain.name]
            if failures:
                _refuse(chain, failures[0])
            else:
                settle(chain.waiting, [True] * len(chain.waiting))
            for settle_next in waiting:
                settle_next()

        for number, command in enumerate(commands, 1):
            self._queue.ask(command, partial(entered, number))


def _refuse(chain: Chain, answer: Any) -> None:
    """Settle a chain that was not kept, or of which nobody knows: each append with its own exception."""
    if answer == scripts.LOST:
        answer = StoreLost(LOST)
    if answer == scripts.MISSING and isinstance(chain.pushed, Exception):
        answer = chain.pushed
    if isinstance(answer, StoreUnavailable | StoreLost):
        settle(chain.waiting, [type(answer)(*answer.args) for _ in chain.waiting])
    else:
        outcome = answer if isinstance(answer, Exception) else False
        settle(chain.waiting, [outcome] * len(chain.waiting))
