"""Joining a store, at the start and again after it has lost what it kept."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol, TypeVar

from msgspec.structs import replace

from mockserver.sandbox.journal.entry import STRAYS
from mockserver.sandbox.log.log import SHARED, Joined, Log, StoreLost, StoreUnavailable
from mockserver.server.copies.store_counts import StoreCounts

WAITING = "-!"  # the list of sandboxes with deliveries that wait: see `waiting_list`
LOST = "-?"  # the list of sandboxes that the store has lost: see `lost_list`
RESERVED = {STRAYS, SHARED, WAITING, LOST}  # in the order of names, they come before those of all sandboxes
Result = TypeVar("Result")


async def join_store(log: Log, fingerprint: Mapping[str, str], *, fresh: bool = False) -> Joined:
    """Begin to use a store as `Log.join` does. Its reserved names do not count as sandboxes."""
    joined = await log.join(fingerprint, fresh=fresh)
    first, _ = await log.names(limit=len(RESERVED))
    return replace(joined, sandboxes=joined.sandboxes - len(RESERVED.intersection(first)))


class CanLose(Protocol):
    """The copies of a server, which take on another generation of the store."""

    generation: str
    counts: StoreCounts

    async def lose(self, generation: str) -> None: ...


async def despite_loss(copies: CanLose, operation: Callable[[], Awaitable[Result]]) -> Result:
    """Run an operation, and once more if it finds that the store has lost what it kept."""
    generation = copies.generation
    try:
        try:
            return await operation()
        except StoreLost:
            await copies.lose(generation)
            return await operation()
    except StoreUnavailable as error:
        copies.counts.fail(error)
        raise
