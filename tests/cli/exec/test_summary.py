"""The report: what a person reads after a command has run."""

from collections import Counter
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from mockserver import app
from mockserver.cli.exec.summary import MAX_LINES, report
from mockserver.contract.openapi.spec import Spec
from mockserver.sandbox.journal.entry import Entry, Explanation

SPECS = {name: Spec(name) for name in app.vendor_names()}
CALL = Entry(
    serial=1, sandbox="demo", time=datetime(2026, 1, 1, tzinfo=UTC), vendor="narvar",
    operation="get-exchange-inventory", method="GET", target="/exchanges/inventory/1?x", request_headers=(),
    request_body="", status=200, response_headers=(), response_body="", milliseconds=1.0,
)  # fmt: skip


def told(*entries: Entry, passed: dict[str, int] | None = None, refused: dict[str, int] | None = None) -> str:
    return "\n".join(words for _, words in report(entries, SPECS, Counter(passed), Counter(refused)))


def test_it_is_one_line_for_an_operation_and_one_for_each_thing_to_know() -> None:
    why = Explanation("credential", ("the credential is missing or not accepted",), (), ())
    entries = [
        CALL,
        replace(CALL, target="/exchanges/inventory/2", remarks=("query parameter x is not in the spec",)),
        replace(CALL, remarks=("query parameter x is not in the spec",)),
        replace(CALL, status=401, explanation=why),
        replace(CALL, status=503, fault="status"),
        replace(CALL, vendor="sabi", operation="", method="PUT", target="/nowhere?a", status=404),
    ]
    text = told(*entries, passed={"a.example": 1, "b.example": 3}, refused={"c.example": 2})
    assert (
        text
        == """
mockserver: 6 calls, 2 remarks
  narvar  GET /exchanges/inventory/{item_id}  200 {x}3, 401, 503
            401: the credential is missing or not accepted
            503: fault status
            remark: query parameter x is not in the spec {x}2
  sabi    PUT /nowhere                        404
  passed on: b.example {x}3, a.example
  refused: c.example {x}2""".replace("{x}", "\N{MULTIPLICATION SIGN}")
    )


def test_it_says_so_when_nothing_was_called() -> None:
    assert told() == "\nmockserver: 0 calls, 0 remarks"


def test_it_stays_on_a_screen_or_two() -> None:
    many = [replace(CALL, operation="", target=f"/nowhere/{n}") for n in range(500)]
    lines = told(*many, passed={f"{n}.example": 1 for n in range(500)}).splitlines()
    assert len(lines) == MAX_LINES + 4
    assert lines[-2] == f"  and {500 - MAX_LINES} lines more"
    assert lines[-1].endswith(", and 490 more")


@pytest.mark.parametrize("target", ["/\x1b[2J", "/a\nmockserver: 0 calls", "/\u202etxt", "/" + "a" * 500])
def test_nothing_in_it_moves_the_terminal(target: str) -> None:
    lines = told(replace(CALL, operation="", target=target)).splitlines()
    assert len(lines) == 3
    assert lines[2].isprintable() and len(lines[2]) < 140
