"""Entries, lives and chains for the tests of logs."""

import time
from asyncio import Future
from collections.abc import Mapping
from itertools import count

from mockserver.sandbox.log.log import Entry, Life, Log, appended, new_token

HOUR = 3600 * 1_000_000  # microseconds
FOREVER = Life()
_times = count(time.time_ns() // 1000)


def entry(parts: Mapping[str, bytes | None] | None = None, cleared: str = "", call: bytes = b"") -> Entry:
    """Return an entry with a token of its own and a time after that of each entry before."""
    return Entry(token=new_token(), time=next(_times), parts=parts or {}, cleared=cleared, call=call)


def life(hours: int, *keys: bytes, implicit: bool = False) -> Life:
    """Return a life that ends in some hours, or has ended if they are negative."""
    return Life(time.time_ns() // 1000 + hours * HOUR, implicit, keys)


def ahead(
    log: Log, name: str, head: bytes | None, entries: list[Entry], life: Life = FOREVER
) -> list[Future[bool]]:
    """Append entries one upon the other, without waiting for any."""
    heads = [head, *(each.token for each in entries[:-1])]
    return [appended(log, name, head, each, life) for head, each in zip(heads, entries, strict=True)]


async def grow(log: Log, name: str, *entries: Entry, life: Life = FOREVER) -> bytes:
    """Make a sandbox of some entries, or of an empty one, and return its head."""
    entries = entries or (entry(),)
    for confirmed in ahead(log, name, None, [*entries], life):
        assert await confirmed
    return entries[-1].token


async def entries_in(log: Log, name: str) -> list[Entry]:
    kept = await log.load(name)
    return [*kept.entries] if kept else []
