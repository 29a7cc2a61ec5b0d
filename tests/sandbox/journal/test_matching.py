"""Patterns are compared with calls, and most calls that do not match are not written down for that."""

from typing import Any, ClassVar

import httpx
import pytest

from mockserver import app
from mockserver.sandbox.journal.entry import Entry
from mockserver.sandbox.journal.matching import matches
from mockserver.server.recording.entries import CallEntry
from mockserver.server.server import serving
from tests.conftest import NO_CERTIFICATES, TIMEOUT

PATH = "/merchantpro/api/v2/inventory/id/10001"


class CountedEntry(CallEntry, gc=False):
    """A call that counts how often it is written down."""

    written: ClassVar[list[str]] = []

    def _entry(self, with_answer: bool) -> Entry:
        self.written.append(self.sandbox)
        return super()._entry(with_answer)


@pytest.fixture(scope="module")
def calls() -> dict[str, CallEntry]:
    """Return a read, which has no body, and a write."""
    mock = app.build(names=["merchantpro"], products=10)
    with (
        serving(mock.application) as url,
        httpx.Client(base_url=url, auth=("sbx_shop", "x"), verify=NO_CERTIFICATES, timeout=TIMEOUT) as client,
    ):
        client.get(PATH, headers={"X-Marker": "a"})
        client.patch(PATH, json={"stock": 1}, headers={"X-Marker": "b"})
    read, write = mock.sandboxes.get("shop").journal.entries()
    assert isinstance(read, CallEntry) and isinstance(write, CallEntry)
    return {"read": read, "write": write}


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ({"headers": {"X-Marker": "a"}}, ["read"]),
        ({"headers": {"x-marker": "b"}}, ["write"]),
        ({"headers": {"x-other": "a"}}, []),
        ({"body": {"stock": 1}}, ["write"]),
        ({"body": {"stock": 2}}, []),
        ({"body": {}}, ["write"]),
        ({"body": ""}, ["read"]),
        ({"body": None}, []),
        ({"headers": {"x-marker": "a"}, "body": {"stock": 1}}, []),
        ({"method": "PATCH", "body": {"stock": 1}}, ["write"]),
        ({}, ["read", "write"]),
    ],
)
def test_pattern_finds_calls(calls: dict[str, CallEntry], pattern: dict[str, Any], found: list[str]) -> None:
    assert [name for name, call in calls.items() if matches(pattern, call)] == found


@pytest.mark.parametrize(
    ("name", "pattern", "times"),
    [
        ("read", {"headers": {"X-Other": "a"}}, 0),
        ("read", {"body": {"stock": 1}}, 0),
        ("write", {"headers": {"X-Other": "a"}, "body": {"stock": 1}}, 0),
        ("write", {"headers": {"X-Marker": "a"}}, 1),
        ("write", {"body": {"stock": 2}}, 1),
    ],
)
def test_call_that_lacks_what_is_wanted_is_not_written_down(
    calls: dict[str, CallEntry], name: str, pattern: dict[str, Any], times: int
) -> None:
    call = calls[name]
    counted = CountedEntry(**{field: getattr(call, field) for field in call.__struct_fields__})
    CountedEntry.written.clear()
    assert not matches(pattern, counted)
    assert len(CountedEntry.written) == times
