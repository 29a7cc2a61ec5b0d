"""The log in Redis."""

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

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
from mockserver.sandbox.log.redis.appends import append_of, decoded_entry, join
from mockserver.sandbox.log.redis.client import Denied, open_client
from mockserver.sandbox.log.redis.index import Index, Keys, decoded_life
from mockserver.sandbox.log.redis.queue import LOST, Command, CommandQueue

INSTEAD = "choose another prefix (?prefix=NAME), or empty it with --fresh"


class RedisLog:
    """Keeps sandboxes in Redis 7 or Valkey.

    An append is one script in Redis. All appends and reads of one turn of the event loop leave together, in
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
        self._queue = CommandQueue(client, self._keys.generation, partial(join, apart=client.shards))
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
        self._queue.generation = generation.decode()
        await self._index.clean()
        return Joined(self._queue.generation, sandboxes)

    async def load(self, name: str) -> Kept | None:
        reply = await self._read(scripts.LOAD, name)
        if reply is None:
            return None
        texts, entries = reply
        fields: dict[bytes, bytes] = dict(zip(texts[::2], texts[1::2], strict=True))
        life = decoded_life(fields[b"life"])
        for command in self._index.put(name, life):  # if it was not written, nobody else will do it
            self._queue.ask(command, lambda reply: None)
        return Kept(
            fields[b"head"],
            int(fields[b"length"]),
            {field[1:].decode(): part for field, part in fields.items() if field.startswith(b".")},
            life,
            tuple(latest([decoded_entry(entry) for entry in entries])),
        )

    def append(self, name: str, head: bytes | None, entry: Entry, life: Life, settled: Settled) -> None:
        done = partial(self._done, name, settled)
        self._queue.append(append_of(self._keys.sandbox(name), head, entry, life, done))

    def _done(self, name: str, settled: Settled, answer: Any, life: Life) -> None:
        """Settle an append with what its script has answered, or an exception in its place."""
        if name in self._entering:
            self._entering[name].append(partial(self._done, name, settled, answer, life))
        elif answer == scripts.KEPT_WITH_NEW_LIFE:
            self._enter(name, life, settled)
        elif answer == scripts.LOST:
            settle([settled], [StoreLost(LOST)])
        elif isinstance(answer, StoreUnavailable | StoreLost):
            settle([settled], [type(answer)(*answer.args)])
        else:
            settle([settled], [answer if isinstance(answer, Exception) else answer == scripts.KEPT])

    async def news(self, name: str, head: bytes) -> Sequence[Entry] | None:
        entries = await self._read(scripts.NEWS, name, head)
        kept = [] if entries is None else latest([decoded_entry(entry) for entry in reversed(entries)])
        return kept[1:] if kept and kept[0].token == head else None

    async def heads(self, names: Sequence[str]) -> dict[str, bytes]:
        return await self._index.fields(names, "head")

    async def end(self, name: str, head: bytes) -> bool:
        keys = *self._keys.sandbox(name), self._keys.end(name)
        reply: bytes | int = await self._reply(scripts.END(*keys, self._queue.generation, head))
        if isinstance(reply, bytes):
            await self._queue.replies(self._index.drop(name, decoded_life(reply)))
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

    async def _read(self, script: scripts.Script, name: str, *arguments: bytes) -> Any:
        """Run a script on a sandbox and return its reply."""
        return await self._reply(script(*self._keys.sandbox(name), self._queue.generation, *arguments))

    async def _reply(self, command: Command) -> Any:
        reply = await self._queue.reply(command)
        if reply == scripts.LOST:
            raise StoreLost(LOST)
        return reply

    def _enter(self, name: str, life: Life, settled: Settled) -> None:
        """Enter a sandbox into the index, and then settle the append, and those that come meanwhile."""
        commands, failures = self._index.put(name, life), list[Exception]()
        waiting = self._entering[name] = []

        def entered(number: int, reply: Any) -> None:
            if isinstance(reply, Exception):
                failures.append(reply)
            if number < len(commands):
                return
            del self._entering[name]
            settle([settled], [failures[0] if failures else True])
            for done in waiting:
                done()

        for number, command in enumerate(commands, 1):
            self._queue.ask(command, partial(entered, number))
