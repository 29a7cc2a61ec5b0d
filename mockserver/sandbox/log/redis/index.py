"""Indexes of the sandboxes in Redis: their names in order, when they end, and what keys open them.

In a cluster they are in other slots than the sandboxes. So they are written after a sandbox's log, and may
be late or wrong for a while. What is found in them is compared with the sandbox, and mended if it is wrong.
"""

import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import chain

import msgspec

from mockserver.sandbox.log.log import Life
from mockserver.sandbox.log.redis import scripts
from mockserver.sandbox.log.redis.queue import Command, CommandQueue

MAX_DUE = 1000  # implicit sandboxes, and as many explicit ones, that are looked at together when they expire
MAX_READ = 500  # sandboxes that one script reads: it takes Redis about a millisecond
MAX_KNOWN = 1000  # sandboxes whose keys are kept in memory
MAX_WRONG = 100  # entries that are mended in one search for the oldest implicit sandbox
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[int | None, bool, tuple[bytes, ...]]).decode


class Keys:
    """The names of the keys in Redis, all under one prefix."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.generation, self.fingerprint, *lists, self.removed = (
            f"{prefix}:{{index}}:{name}"
            for name in ("generation", "fingerprint", "names", "implicit", "explicit", "removed")
        )
        self.lists = tuple(lists)
        self.sandbox = lru_cache(MAX_KNOWN)(self._sandbox)

    def _sandbox(self, name: str) -> tuple[bytes, bytes]:
        """Return the two keys of a sandbox. Raise UnicodeEncodeError if there can be no such name."""
        tagged = f"{self.prefix}:{{{name}}}:".encode()
        return tagged + b"sandbox", tagged + b"entries"

    def end(self, name: str) -> bytes:
        """Return the key of the time of the last entry of a sandbox that was ended."""
        return f"{self.prefix}:{{{name}}}:end".encode()

    def secret(self, digest: bytes) -> str:
        """Return the key of a secret that opens a sandbox."""
        return f"{self.prefix}:key:{digest.hex()}"


class Index:
    """The indexes of all sandboxes in one store. If `apart`, no command can have the keys of several ones."""

    def __init__(self, queue: CommandQueue, keys: Keys, *, apart: bool) -> None:
        self._queue, self._keys, self._most = queue, keys, 1 if apart else MAX_READ

    def put(self, name: str, life: Life) -> list[Command]:
        """Return the commands that enter a sandbox, or change its entries."""
        generation = self._queue.generation
        end, value = milliseconds(life), f"{generation} {name}"
        return [
            scripts.LIST(*self._keys.lists, generation, name, end_of(life), int(life.implicit)),
            *(scripts.PUT_SECRET(self._keys.secret(key), generation, value, end) for key in life.keys),
        ]

    def drop(self, name: str, life: Life) -> list[Command]:
        """Return the commands that remove a sandbox, unless another one has taken its name."""
        generation = self._queue.generation
        value = f"{generation} {name}"
        return [
            scripts.UNLIST(*self._keys.lists, generation, name, end_of(life)),
            *(scripts.DROP_SECRET(self._keys.secret(key), generation, value) for key in life.keys),
        ]

    async def lives(self, names: Sequence[str]) -> dict[str, Life]:
        """Return the lives of those of the sandboxes that exist."""
        return {name: self.life(field) for name, field in (await self.fields(names, "life")).items()}

    def life(self, field: bytes) -> Life:
        """Return the life in the field of a sandbox."""
        return decoded_life(field[len(self._queue.generation) :])

    async def fields(self, names: Sequence[str], field: str) -> dict[str, bytes]:
        """Return a field of those of the sandboxes that exist."""
        keys = [self._keys.sandbox(name)[0] for name in names]
        replies = await self._queue.replies(
            scripts.FIELD.on(keys[start : start + self._most], [self._queue.generation, field])
            for start in range(0, len(keys), self._most)
        )
        values = chain.from_iterable(replies)
        return {name: value for name, value in zip(names, values, strict=True) if value is not None}

    async def name_with(self, digest: bytes) -> str | None:
        """Return the name of the sandbox that a key opens, or None."""
        secret = self._keys.secret(digest)
        value: bytes | None = await self._queue.reply(("GET", secret))
        if value is None:
            return None
        generation, name = value.decode().split(" ", 1)
        if generation == self._queue.generation:
            life = (await self.lives([name])).get(name)
            if life is not None and digest in life.keys:
                return name
        await self._queue.reply(scripts.DROP_SECRET(secret, self._queue.generation, value))
        return None

    async def names(self, after: str, limit: int) -> tuple[list[str], int]:
        """Return up to `limit` names after `after` in order, and the number of all."""
        await self.remove_expired()
        found: list[str] = []
        while (wanted := limit - len(found)) > 0:
            first = b"(" + after.encode() if after else b"-"
            page = await self._queue.reply(
                ("ZRANGEBYLEX", self._keys.lists[0], first, "+", "LIMIT", 0, wanted)
            )
            names = [name.decode() for name in page]
            found += await self._mend(dict.fromkeys(names, ""))
            if len(names) < wanted:
                break
            after = names[-1]
        return found, await self._queue.reply(("ZCARD", self._keys.lists[0]))

    async def oldest_implicit(self) -> str | None:
        """Return the name of the implicit sandbox that expires first, or None if there is none."""
        for _ in range(MAX_WRONG):
            first: list[bytes] = await self._queue.reply(("ZRANGE", self._keys.lists[1], 0, 0, "WITHSCORES"))
            if not first:
                break
            name, end = (text.decode() for text in first)
            life = (await self.lives([name])).get(name)
            if life is not None and life.implicit and end_of(life) == end:
                return name
            await self._mend({name: end})
        return None

    async def remove_expired(self) -> int:
        """Remove the entries of sandboxes that have expired, and return their number."""
        removed = 0
        while True:
            now = time.time_ns() // 1000
            due = await self._queue.reply(
                scripts.DUE(*self._keys.lists, self._queue.generation, now, MAX_DUE)
            )
            ends = {name.decode(): end.decode() for name, end in zip(due[::2], due[1::2], strict=True)}
            gone = len(ends) - len(await self._mend(ends))
            removed += gone
            if gone < MAX_DUE:
                return removed

    async def clean(self) -> None:
        """Remove the sandboxes of earlier generations."""
        generation = self._queue.generation
        while names := await self._queue.reply(("ZRANGE", self._keys.removed, 0, MAX_DUE - 1)):
            decoded = [name.decode() for name in names]
            cleaned = await self._queue.replies(
                scripts.CLEAN(*self._keys.sandbox(name), generation) for name in decoded
            )
            commands: list[Command] = [("ZREM", self._keys.removed, *names)]
            for name, old in zip(names, cleaned, strict=True):
                for key in self.life(old).keys if old else ():
                    value = old[: len(generation)] + b" " + name
                    commands.append(scripts.DROP_SECRET(self._keys.secret(key), generation, value))
            await self._queue.replies(commands)

    async def _mend(self, ends: Mapping[str, str]) -> list[str]:
        """Compare entries with the sandboxes, mend those with an end, and return the names of what exists.

        `ends` maps names to when they end as the index says, or to "" if it was not looked at.
        """
        lives = await self.lives([*ends])
        commands: list[Command] = []
        for name, end in ends.items():
            if name not in lives:
                commands.append(scripts.UNLIST(*self._keys.lists, self._queue.generation, name, end))
            elif end:
                commands += self.put(name, lives[name])
        await self._queue.replies(commands)
        return [name for name in ends if name in lives]


def end_of(life: Life) -> str:
    """Return when a sandbox ends, in microseconds, or an empty string for never."""
    return "" if life.expires is None else str(life.expires)


def milliseconds(life: Life) -> str:
    """Return when Redis removes a sandbox, in milliseconds, or an empty string for never."""
    return "" if life.expires is None else str(max(life.expires // 1000, 1))


def encoded_life(life: Life) -> bytes:
    """Return the bytes that stand for a life in Redis."""
    return _encode((life.expires, life.implicit, life.keys))


def decoded_life(encoded: bytes) -> Life:
    """Return the life that bytes stand for."""
    return Life(*_decode(encoded))
