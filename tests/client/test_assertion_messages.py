"""What a person reads when the calls are not those that a test expects."""

import threading
from typing import Any

import pytest

from mockserver.client import Refused, Sandbox
from tests.client.test_client import WASHER, ask


@pytest.fixture
def called(mock_sandbox: Sandbox) -> Sandbox:
    """A sandbox in which two reads came, and a write between them."""
    ask(mock_sandbox)
    ask(
        mock_sandbox,
        "PATCH",
        f"{WASHER}?fields=id",
        json={"stock": {"adjust_by": 5}, "inventory_enabled": "on"},
    )
    ask(mock_sandbox, path="/api/v2/inventory/id/7?x=1")
    return mock_sandbox


def told(called: Sandbox, error: BaseException) -> str:
    """A message with the ids of the calls replaced by their order."""
    text = str(error).replace(f"in sandbox {called.name}", "here")
    for number, call in enumerate(called.requests, 1):
        text = text.replace(call.id, f"#{number}")
    return text


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"method": "GET"},
        {"method": "GET", "times": 2},
        {"at_least": 3},
        {"method": "PATCH", "at_least": 1, "at_most": 1},
        {"method": "DELETE", "never": True},
        {"method": "DELETE", "times": 0},
        {"vendor": "merchantpro", "operation": "update-inventory", "status": 200},
        {"path": "/api/v2/inventory/id/7", "query": {"x": 1}, "remarks": True},
        {"body": {"stock": {"adjust_by": 5}}, "headers": {"Content-Type": "application/json"}},
    ],
)  # fmt: skip
def test_what_was_called_is_not_complained_of(called: Sandbox, asked: dict[str, Any]) -> None:
    called.assert_called(**asked)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            {
                "method": "PATCH",
                "body": {"stock": {"adjust_by": 6}},
                "query": {"fields": "id,ean"},
            },
            """\
no call fits
  wanted at least once: PATCH, body {"stock": {"adjust_by": 6}}, query {"fields": "id,ean"}

nearest, #2: PATCH /api/v2/inventory/id/10001?fields=id
  body.stock.adjust_by: wanted 6, got 5
  query.fields: wanted "id,ean", got "id"

called here:
    merchantpro 200 GET    /api/v2/inventory/id/10001
    merchantpro 200 PATCH  /api/v2/inventory/id/10001?fields=id
    merchantpro 404 GET    /api/v2/inventory/id/7?x=1  remark: query parameter x is not in the spec""",
        ),
        (
            {"method": "GET", "never": True},
            """\
2 calls fit, not none
  wanted never: GET

called here:
  * merchantpro 200 GET    /api/v2/inventory/id/10001
    merchantpro 200 PATCH  /api/v2/inventory/id/10001?fields=id
  * merchantpro 404 GET    /api/v2/inventory/id/7?x=1  remark: query parameter x is not in the spec""",
        ),
        (
            {"method": "PATCH", "times": 2, "headers": {"X-Trace": "1"}},
            """\
0 calls fit, not exactly 2
  wanted exactly 2 times: PATCH, headers {"X-Trace": "1"}

nearest, #2: PATCH /api/v2/inventory/id/10001?fields=id
  headers.X-Trace: wanted "1", got nothing

called here:
    merchantpro 200 GET    /api/v2/inventory/id/10001
    merchantpro 200 PATCH  /api/v2/inventory/id/10001?fields=id
    merchantpro 404 GET    /api/v2/inventory/id/7?x=1  remark: query parameter x is not in the spec""",
        ),
        (
            {"at_least": 1, "at_most": 2},
            """\
3 calls fit, not at most 2
  wanted at least once, at most 2 times: any call

called here:
  * merchantpro 200 GET    /api/v2/inventory/id/10001
  * merchantpro 200 PATCH  /api/v2/inventory/id/10001?fields=id
  * merchantpro 404 GET    /api/v2/inventory/id/7?x=1  remark: query parameter x is not in the spec""",
        ),
    ],
)
def test_a_difference_is_explained(called: Sandbox, asked: dict[str, Any], message: str) -> None:
    with pytest.raises(AssertionError) as failed:
        called.assert_called(**asked)
    assert told(called, failed.value) == message
    assert failed.value.__suppress_context__


def test_where_nothing_was_called_that_is_said(mock_sandbox: Sandbox) -> None:
    with pytest.raises(AssertionError) as failed:
        mock_sandbox.assert_called()
    assert told(mock_sandbox, failed.value) == (
        "no call fits\n  wanted at least once: any call\n\nnothing was called here"
    )


def test_of_many_calls_the_latest_are_shown(mock_sandbox: Sandbox) -> None:
    for number in range(25):
        ask(mock_sandbox, path=f"{WASHER}?fields={'x' * 300}{number}")
    with pytest.raises(AssertionError) as failed:
        mock_sandbox.assert_called(times=24)
    lines = str(failed.value).splitlines()
    assert "    … 5 before these" in lines
    assert len(lines) == 3 + 2 + 20
    assert max(map(len, lines)) < 250


def test_what_a_client_sends_moves_no_terminal(mock_sandbox: Sandbox) -> None:
    ask(mock_sandbox, path=f"{WASHER}?%1b%5b2J=1")
    with pytest.raises(AssertionError, match=r"remark: query parameter \\x1b\[2J is not") as failed:
        mock_sandbox.assert_called(never=True)
    assert "\x1b" not in str(failed.value)


def test_a_sequence_may_have_others_between(called: Sandbox) -> None:
    called.assert_sequence({"method": "GET"}, {"path": "/api/v2/inventory/id/7"})


def test_the_first_step_that_is_missing_from_a_sequence_is_shown(called: Sandbox) -> None:
    with pytest.raises(AssertionError) as failed:
        called.assert_sequence({"method": "PATCH"}, {"method": "PATCH", "vendor": "merchantpro"}, {})
    assert (
        told(called, failed.value)
        == """\
no call fits step 2 after those before it
  wanted in this order (* came, > did not):
  * 1. PATCH
  > 2. PATCH, vendor "merchantpro"
    3. any call

nearest, #3: GET /api/v2/inventory/id/7?x=1
  method: wanted "PATCH", got "GET"

called here:
    merchantpro 200 GET    /api/v2/inventory/id/10001
    merchantpro 200 PATCH  /api/v2/inventory/id/10001?fields=id
    merchantpro 404 GET    /api/v2/inventory/id/7?x=1  remark: query parameter x is not in the spec"""
    )


def test_waiting_ends_when_the_call_comes(mock_sandbox: Sandbox) -> None:
    caller = threading.Thread(target=ask, args=(mock_sandbox,))
    caller.start()
    (call,) = mock_sandbox.wait_for(method="GET", seconds=30)
    caller.join()
    assert (call.path, call.status) == (WASHER, 200)


def test_waiting_in_vain_says_what_came_instead(called: Sandbox) -> None:
    with pytest.raises(AssertionError) as failed:
        called.wait_for(method="DELETE", count=2, seconds=0)
    lines = told(called, failed.value).splitlines()
    assert lines[:2] == ["0 of 2 calls came in time", "  wanted at least 2 times: DELETE"]
    assert '  method: wanted "DELETE", got "PATCH"' in lines


def test_a_fault_is_shown_beside_the_call(mock_sandbox: Sandbox) -> None:
    mock_sandbox.faults.add(503)
    ask(mock_sandbox)
    with pytest.raises(AssertionError, match=f"merchantpro 503 GET    {WASHER}  fault: status"):
        mock_sandbox.assert_called(never=True)


@pytest.mark.parametrize("asked", [{"metod": "GET"}, {"status": "200"}, {"times": -1}])
def test_a_pattern_that_cannot_be_is_no_failed_assertion(called: Sandbox, asked: dict[str, Any]) -> None:
    with pytest.raises(Refused, match=r"body\."):
        called.assert_called(**asked)
