"""The summary that `exec` prints after the command has ended."""

from collections import Counter
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from mockserver import app
from mockserver.cli.exec.summary import MAX_LINES, summarize
from mockserver.contract.vendor_files import VendorFiles
from mockserver.sandbox.journal.entry import Entry, Explanation

SPECS = {name: VendorFiles().spec(name) for name in app.vendor_names()}
ENTRY = Entry(
    serial=1, sandbox="demo", time=datetime(2026, 1, 1, tzinfo=UTC), vendor="narvar",
    operation="get-exchange-inventory", method="GET", target="/exchanges/inventory/1?x", request_headers=(),
    request_body="", status=200, response_headers=(), response_body="", milliseconds=1.0,
)  # fmt: skip


def summary(
    *entries: Entry, forwarded: dict[str, int] | None = None, refused: dict[str, int] | None = None
) -> str:
    hosts = {"other hosts called": Counter(forwarded), "hosts refused": Counter(refused)}
    lines = summarize(entries, SPECS, hosts)
    return "\n".join(text for _, text in lines)


def test_summary_lists_operations_with_their_details() -> None:
    why = Explanation("credential", ("the credential is missing or not accepted",), (), ())
    entries = [
        ENTRY,
        replace(ENTRY, target="/exchanges/inventory/2", remarks=("query parameter x is not in the spec",)),
        replace(ENTRY, remarks=("query parameter x is not in the spec",), notes=("y is deprecated",)),
        replace(ENTRY, status=401, explanation=why),
        replace(ENTRY, status=503, fault="status"),
        replace(ENTRY, vendor="sabi", operation="", method="PUT", target="/nowhere?a", status=404),
    ]
    text = summary(*entries, forwarded={"a.example": 1, "b.example": 3}, refused={"c.example": 2})
    assert (
        text
        == """
mockserver: 6 calls, 2 remarks
  narvar  GET /exchanges/inventory/{item_id}  200 {x}3, 401, 503
            401: the credential is missing or not accepted
            503: fault status
            remark: query parameter x is not in the spec {x}2
            note: y is deprecated
  sabi    PUT /nowhere                        404
  other hosts called: b.example {x}3, a.example
  hosts refused: c.example {x}2""".replace("{x}", "\N{MULTIPLICATION SIGN}")
    )


def test_summary_without_calls_is_one_line() -> None:
    assert summary() == "\nmockserver: 0 calls, 0 remarks"


def test_long_summary_is_cut() -> None:
    entries = [replace(ENTRY, operation="", target=f"/nowhere/{n}") for n in range(500)]
    lines = summary(*entries, forwarded={f"{n}.example": 1 for n in range(500)}).splitlines()
    assert len(lines) == MAX_LINES + 4
    assert lines[-2] == f"  and {500 - MAX_LINES} more lines"
    assert lines[-1].endswith(", and 490 more")


@pytest.mark.parametrize("target", ["/\x1b[2J", "/a\nmockserver: 0 calls", "/\u202etxt", "/" + "a" * 500])
def test_control_characters_are_replaced(target: str) -> None:
    lines = summary(replace(ENTRY, operation="", target=target)).splitlines()
    assert len(lines) == 3
    assert lines[2].isprintable() and len(lines[2]) < 140
