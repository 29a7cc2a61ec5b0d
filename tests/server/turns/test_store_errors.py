"""Errors in the background: the log has a traceback only where the store does not explain them."""

import pytest

from mockserver.sandbox.log.log import StoreLost, StoreUnavailable
from mockserver.sandbox.log.parts import PartsDamaged
from mockserver.sandbox.log.values import NotKept
from mockserver.server.turns.store_errors import contended, unforeseen


@pytest.mark.parametrize(
    "error", [StoreUnavailable("x"), StoreLost("x"), PartsDamaged("x"), NotKept("x"), contended()], ids=repr
)
def test_error_of_the_store_needs_no_traceback(error: Exception) -> None:
    assert unforeseen(error) is None


@pytest.mark.parametrize("error", [KeyError("x"), AssertionError(), SystemExit(1)], ids=repr)
def test_any_other_error_is_logged_with_its_traceback(error: BaseException) -> None:
    assert unforeseen(error) is error
