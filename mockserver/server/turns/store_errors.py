"""The answers to calls whose sandbox cannot be read from the store."""

from math import ceil

from mockserver.sandbox.journal.entry import STRAYS
from mockserver.sandbox.log.log import StoreLost, StoreUnavailable
from mockserver.sandbox.log.parts import PartsDamaged
from mockserver.sandbox.log.values import NotKept
from mockserver.server.copies.copies import Copies
from mockserver.server.copies.copy import Copy
from mockserver.server.http.errors import LOST, MockError, mock_error_of

CONTENDED = "too many calls to this sandbox at other servers came first: try again"
EARLY = "the store has lost its sandboxes, and other servers may still know this one: try again later"
FORESEEN = (StoreUnavailable, StoreLost, PartsDamaged, NotKept, MockError)


def as_mock_error(error: BaseException) -> BaseException:
    """Return the answer to a call for an error of the store. Return any other error as it is."""
    return mock_error_of(error) if isinstance(error, StoreUnavailable | StoreLost) else error


def unforeseen(error: BaseException) -> BaseException | None:
    """Return an error whose traceback belongs in the log, or None if the store explains it."""
    return None if isinstance(error, FORESEEN) else error


def contended() -> MockError:
    """Return the answer to a call that has been run too often, because other servers were always faster."""
    return MockError(503, "store_contended", CONTENDED)


def refuse_lost(copy: Copy) -> None:
    """Raise MockError if the store has lost a sandbox."""
    if copy.lost:
        raise MockError(503, "sandbox_lost", LOST)


async def refuse_unknown(copies: Copies, copy: Copy, *, mends: bool = False, waits: bool = True) -> None:
    """Raise MockError if a sandbox that is not in the log is lost, or if that cannot be known yet.

    Hold its lock. An operation that `mends` a lost sandbox is not refused for that. One that makes a
    sandbox on purpose, or only reads, need not wait until the other servers know what is lost.
    """
    if copy.kept.head is not None or copy.name == STRAYS:
        return
    await copies.look_for_loss(copy)
    if not mends:
        refuse_lost(copy)
    if waits and not copy.lost and (wait := copies.lost.wait()):
        raise MockError(503, "store_unavailable", EARLY, retry_after=ceil(wait))
