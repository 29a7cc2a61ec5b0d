"""Messages for failed assertions about calls."""

import threading
from typing import Any

import pytest

from mockserver.client import Refused, Sandbox
from tests.client.test_client import WASHER, call_vendor


@pytest.fixture
def used_sandbox(mock_sandbox: Sandbox) -> Sandbox:
    """Return a sandbox with three calls: a read, a write and another read."""
    call_vendor(mock_sandbox)
    call_vendor(
        mock_sandbox,
        "PATCH",
        f"{WASHER}?fields=id",
        json={"stock": {"adjust_by": 5}, "inventory_enabled": "on"},
    )
    call_vendor(mock_sandbox, path="/api/v2/inventory/id/7?x=1")
    return mock_sandbox


def message_of(error: BaseException, sandbox: Sandbox) -> str:
    """Return an error's message, with call ids replaced by numbers and the sandbox's name by `here`."""
    text = str(error).replace(f"in sandbox {sandbox.name}", "here")
    for number, request in enumerate(sandbox.requests, 1):
        text = text.replace(request.id, f"#{number}")
    return text


@pytest.mark.parametrize(
    "expected",
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
def test_assert_called_passes(used_sandbox: Sandbox, expected: dict[str, Any]) -> None:
    used_sandbox.assert_called(**expected)


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        (
            {
                "method": "PATCH",
                "body": {"stock": {"adjust_by": 6}},
                "query": {"fields": "id,ean"},
            },
            """\
no call matches
  expected at least once: PATCH, body {"stock": {"adjust_by": 6}}, query {"fields": "id,ean"}

nearest call, #2: PATCH /api/v2/inventory/id/10001?fields=id
  body.stock.adjust_by: expected 6, got 5
  query.fields: expected "id,ean", got "id"

calls here:
    merchantpro 200 GET    /api/v2/inventory/id/10001
    merchantpro 200 PATCH  /api/v2/inventory/id/10001?fields=id
    merchantpro 404 GET    /api/v2/inventory/id/7?x=1  remark: query parameter x is not in the spec""",
        ),
        (
            {"method": "GET", "never": True},
            """\
matching calls: expected none, found 2
  expected never: GET

calls here:
  * merchantpro 200 GET    /api/v2/inventory/id/10001
    merchantpro 200 PATCH  /api/v2/inventory/id/10001?fields=id
  * merchantpro 404 GET    /api/v2/inventory/id/7?x=1  remark: query parameter x is not in the spec""",
        ),
        (
            {"method": "PATCH", "times": 2, "headers": {"X-Trace": "1"}},
            """\
matching calls: expected exactly 2, found 0
  expected exactly 2 times: PATCH, headers {"X-Trace": "1"}

nearest call, #2: PATCH /api/v2/inventory/id/10001?fields=id
  headers.X-Trace: expected "1", got nothing

calls here:
    merchantpro 200 GET    /api/v2/inventory/id/10001
    merchantpro 200 PATCH  /api/v2/inventory/id/10001?fields=id
    merchantpro 404 GET    /api/v2/inventory/id/7?x=1  remark: query parameter x is not in the spec""",
        ),
        (
            {"at_least": 1, "at_most": 2},
            """\
matching calls: expected at most 2, found 3
  expected at least once, at most 2 times: any call

calls here:
  * merchantpro 200 GET    /api/v2/inventory/id/10001
  * merchantpro 200 PATCH  /api/v2/inventory/id/10001?fields=id
  * merchantpro 404 GET    /api/v2/inventory/id/7?x=1  remark: query parameter x is not in the spec""",
        ),
    ],
)
def test_assert_called_explains_the_difference(
    used_sandbox: Sandbox, expected: dict[str, Any], message: str
) -> None:
    with pytest.raises(AssertionError) as failed:
        used_sandbox.assert_called(**expected)
    assert message_of(failed.value, used_sandbox) == message
    assert failed.value.__suppress_context__


def test_assert_called_without_any_call(mock_sandbox: Sandbox) -> None:
    with pytest.raises(AssertionError) as failed:
        mock_sandbox.assert_called()
    assert message_of(failed.value, mock_sandbox) == (
        "no call matches\n  expected at least once: any call\n\nno calls here"
    )


def test_only_the_latest_calls_are_shown(mock_sandbox: Sandbox) -> None:
    for number in range(25):
        call_vendor(mock_sandbox, path=f"{WASHER}?fields={'x' * 300}{number}")
    with pytest.raises(AssertionError) as failed:
        mock_sandbox.assert_called(times=24)
    lines = str(failed.value).splitlines()
    assert "    … 5 earlier calls" in lines
    assert len(lines) == 3 + 2 + 20
    assert max(map(len, lines)) < 250


def test_control_characters_are_escaped(mock_sandbox: Sandbox) -> None:
    call_vendor(mock_sandbox, path=f"{WASHER}?%1b%5b2J=1")
    with pytest.raises(AssertionError, match=r"remark: query parameter \\x1b\[2J is not") as failed:
        mock_sandbox.assert_called(never=True)
    assert "\x1b" not in str(failed.value)


def test_sequence_may_have_other_calls_between(used_sandbox: Sandbox) -> None:
    used_sandbox.assert_sequence({"method": "GET"}, {"path": "/api/v2/inventory/id/7"})


def test_sequence_shows_the_first_missing_step(used_sandbox: Sandbox) -> None:
    with pytest.raises(AssertionError) as failed:
        used_sandbox.assert_sequence({"method": "PATCH"}, {"method": "PATCH", "vendor": "merchantpro"}, {})
    assert (
        message_of(failed.value, used_sandbox)
        == """\
no call matches step 2 after the match for step 1
  expected in this order (* found, > missing):
  * 1. PATCH
  > 2. PATCH, vendor "merchantpro"
    3. any call

nearest call, #3: GET /api/v2/inventory/id/7?x=1
  method: expected "PATCH", got "GET"

calls here:
    merchantpro 200 GET    /api/v2/inventory/id/10001
    merchantpro 200 PATCH  /api/v2/inventory/id/10001?fields=id
    merchantpro 404 GET    /api/v2/inventory/id/7?x=1  remark: query parameter x is not in the spec"""
    )


def test_wait_for_returns_when_the_call_comes(mock_sandbox: Sandbox) -> None:
    caller = threading.Thread(target=call_vendor, args=(mock_sandbox,))
    caller.start()
    (request,) = mock_sandbox.wait_for(method="GET", seconds=30)
    caller.join()
    assert (request.path, request.status) == (WASHER, 200)


def test_wait_for_shows_the_nearest_call(used_sandbox: Sandbox) -> None:
    with pytest.raises(AssertionError) as failed:
        used_sandbox.wait_for(method="DELETE", count=2, seconds=0)
    lines = message_of(failed.value, used_sandbox).splitlines()
    assert lines[:2] == [
        "matching calls in 0 s: expected 2, found 0",
        "  expected at least 2 times: DELETE",
    ]
    assert '  method: expected "DELETE", got "PATCH"' in lines


def test_fault_is_shown_with_its_call(mock_sandbox: Sandbox) -> None:
    mock_sandbox.faults.add(503)
    call_vendor(mock_sandbox)
    with pytest.raises(AssertionError, match=f"merchantpro 503 GET    {WASHER}  fault: status"):
        mock_sandbox.assert_called(never=True)


@pytest.mark.parametrize("expected", [{"metod": "GET"}, {"status": "200"}, {"times": -1}])
def test_invalid_pattern_is_refused(used_sandbox: Sandbox, expected: dict[str, Any]) -> None:
    with pytest.raises(Refused, match=r"body\."):
        used_sandbox.assert_called(**expected)
