"""Journal entries do not refer to their sandbox, and keep no more than is shown of them."""

import gc
import tracemalloc
import weakref
from typing import Any

import httpx
import pytest

from mockserver import app
from mockserver.sandbox.journal.redaction import MAX_KEPT_BODY
from mockserver.server.recording.entries import CallEntry
from mockserver.server.server import serving
from mockserver.vendor_api.raw_request import RawRequest
from mockserver.vendor_api.request import Headers

GONE = [(b"authorization", b"Basic c2J4X2dvbmU6eA==")]  # sbx_gone
HIGHLEVEL = [(b"authorization", b"Bearer sbx_big"), (b"version", b"2021-07-28")]
WRITE = [*GONE, (b"content-type", b"application/json")]
BROWSER = [
    *GONE,
    *((b"x-header-%d" % n, b"v" * 40) for n in range(20)),
    (b"user-agent", b"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/1"),
]
WRONG = b"{%s}" % b",".join(b'"key %d": [%s]' % (n, b"0," * 20 + b"0") for n in range(200))


def call(mock: app.Mock, path: str, headers: Any = GONE, method: str = "GET", body: bytes = b"") -> Any:
    path, _, query = path.partition("?")
    return mock.application.start(RawRequest(method, path, query, Headers(list(headers)), body))


@pytest.mark.parametrize("identifier", ["10001", "77", "77/more"], ids=["answered", "refused", "no path"])
def test_entries_do_not_keep_their_sandbox_alive(identifier: str) -> None:
    mock = app.build(names=["merchantpro"])
    call(mock, f"/api/v2/inventory/id/{identifier}")
    sandbox = mock.sandboxes.get("gone")
    entries, alive = sandbox.journal.entries(), weakref.ref(sandbox)
    mock.sandboxes.delete("gone")
    del sandbox
    gc.collect()
    assert alive() is None
    assert [bool(kept.explanation()) for kept in entries] == [identifier != "10001"]
    assert [kept.explanation() for kept in entries] == [kept.entry().explanation for kept in entries]
    assert dict(entries[0].entry().request_headers)["authorization"] == "Basic ***"


@pytest.mark.finding("A5")
def test_long_bodies_are_cut_when_they_are_kept() -> None:
    mock = app.build(names=["highlevel"], products=5_000)
    with serving(mock.application) as url:
        response = httpx.get(f"{url}/products/inventory?altId=x&limit=0", headers=HIGHLEVEL)
    (read,) = mock.sandboxes.get("big").journal.entries()
    assert len(response.content) > 10 * MAX_KEPT_BODY
    assert isinstance(read, CallEntry)
    assert len(read.response.body) == MAX_KEPT_BODY
    assert read.weight < 2 * MAX_KEPT_BODY
    assert read.entry().response_size == len(response.content)
    assert read.entry().response_body.endswith(f"… ({len(response.content)} bytes)")


@pytest.mark.finding("A5")
@pytest.mark.parametrize(
    ("path", "headers", "method", "body"),
    [
        ("/api/v2/inventory/id/10001", GONE, "GET", b""),
        ("/api/v2/inventory/id/10001?" + "a=1&" * 200, GONE, "GET", b""),
        ("/api/v2/inventory/id/77", BROWSER, "GET", b""),
        ("/api/v2/inventory/id/10001", WRITE, "PATCH", b'{"stock": %d, "price_net": 1.5}'),
        ("/api/v2/inventory/id/10001", WRITE, "PATCH", b'{"stock": "many", "x": %d}'),
        ("/api/v2/inventory/id/10001", WRITE, "PATCH", WRONG),
        ("/nobody/has/this", BROWSER, "GET", b""),
        ("/products/inventory?altId=x&limit=100", HIGHLEVEL, "GET", b""),
    ],
    ids=["read", "query", "not found", "write", "refused", "refused for many reasons", "no vendor", "page"],
)  # fmt: skip
def test_weight_is_the_memory_that_an_entry_takes(path: str, headers: Any, method: str, body: bytes) -> None:
    mock = app.build(names=["highlevel", "merchantpro"])
    for n in range(20):
        call(mock, path, headers, method, body.replace(b"%d", b"%d" % n))
    journals = mock.sandboxes.journals
    tracemalloc.start()
    before, weight = tracemalloc.get_traced_memory()[0], journals.bytes
    for n in range(100):
        call(mock, path, headers, method, body.replace(b"%d", b"%d" % n))
    gc.collect()
    taken = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert 0.5 < taken / (journals.bytes - weight) < 1.2


@pytest.mark.console(20)
def test_entry_that_cannot_be_read_says_so_and_hides_no_other(caplog: pytest.LogCaptureFixture) -> None:
    """As if the code of a user's own vendor failed on the call."""
    mock = app.build(names=["merchantpro"])
    for identifier in (10001, 10002, 10003):
        call(mock, f"/api/v2/inventory/id/{identifier}")
    broken = mock.sandboxes.get("gone").journal.entries()[1]
    broken.response = None
    assert broken.explanation() is None
    with serving(mock.application) as url:
        listed = httpx.get(f"{url}/_mock/requests").json()["requests"]
        found = httpx.post(f"{url}/_mock/requests/find", json={"method": "GET"}).json()["requests"]
        explained = httpx.get(f"{url}/_mock/requests/gone.2").json()
        archive = httpx.get(f"{url}/_mock/requests/har").json()
    reason = "(this call cannot be read: AttributeError: 'NoneType' object has no attribute "
    assert [(one["id"], one["status"]) for one in listed] == [("gone.3", 200), ("gone.2", 0), ("gone.1", 200)]
    assert listed[1]["target"].startswith(reason)
    assert explained["request"]["target"].startswith(reason)
    assert [one["id"] for one in found] == ["gone.1", "gone.3"]
    assert len(archive["log"]["entries"]) == 3
    assert "call gone.2 cannot be read" in caplog.text
