"""The answers to calls whose sandbox cannot be read from the store."""

from mockserver.sandbox.log.log import StoreLost, StoreUnavailable
from mockserver.server.copies.copy import Copy
from mockserver.server.http.errors import LOST, MockError, mock_error_of

CONTENDED = "too many calls to this sandbox at other servers came first: try again"


def as_mock_error(error: BaseException) -> BaseException:
    """Return the answer to a call for an error of the store. Return any other error as it is."""
    return mock_error_of(error) if isinstance(error, StoreUnavailable | StoreLost) else error


def contended() -> MockError:
    """Return the answer to a call that has been run too often, because other servers were always faster."""
    return MockError(503, "store_contended", CONTENDED)


def refuse_lost(copy: Copy) -> None:
    """Raise MockError if the store has lost a sandbox."""
    if copy.lost:
        raise MockError(503, "sandbox_lost", LOST)
