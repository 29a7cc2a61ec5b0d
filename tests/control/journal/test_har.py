"""The journal as an HTTP Archive."""

import asyncio
import json

import httpx
import pytest

from mockserver import __version__, app
from mockserver.control.journal.har import har_archive
from mockserver.control.journal.queries import MAX_QUICK_BYTES, MAX_QUICK_ENTRIES, reads_much
from mockserver.control.journal.scope import Scope
from mockserver.sandbox.journal.journal import MAX_PIECE_BYTES
from mockserver.vendor_api.call import Call
from mockserver.vendor_api.raw_request import RawRequest
from mockserver.vendor_api.request import Headers
from tests.control.journal.conftest import AUTH, WASHER


def test_export_is_har_1_2(client: httpx.Client, control_client: httpx.Client, sandbox: str) -> None:
    client.patch(f"{WASHER}?fields=id", auth=AUTH, json={"stock": 3})
    client.get(WASHER, auth=AUTH)
    log = control_client.get("/requests/har", params={"sandbox": sandbox}).json()["log"]
    assert log["version"] == "1.2"
    assert log["creator"] == {"name": "mockserver", "version": __version__}
    write, read = log["entries"]
    assert write["request"]["url"].endswith(f"/merchantpro{WASHER}?fields=id")
    assert write["request"]["queryString"] == [{"name": "fields", "value": "id"}]
    assert json.loads(write["request"]["postData"]["text"]) == {"stock": 3}
    assert "postData" not in read["request"]
    assert read["response"]["content"]["mimeType"] == "application/json"
    assert read["response"]["statusText"] == "OK"
    for entry in log["entries"]:
        assert {"startedDateTime", "time", "request", "response", "cache", "timings"} <= entry.keys()


def call(mock: app.Mock, sandbox: str, query: str = "", times: int = 1) -> None:
    for _ in range(times):
        headers = Headers([(b"authorization", f"Bearer sbx_{sandbox}".encode()), (b"version", b"v3")])
        mock.application.start(RawRequest("GET", "/products/inventory", f"altId=x&{query}", headers))


@pytest.mark.finding("A5")
def test_archive_is_written_in_pieces() -> None:
    """It has the calls that were there when it began, and are still there when it is their turn."""
    mock = app.build(names=["highlevel"], log=None)
    for sandbox in ("a", "b", "c"):
        call(mock, sandbox, "limit=100", 90)
    journals = mock.sandboxes.journals

    async def pieces() -> list[bytes]:
        found = []
        async for piece in har_archive(Scope(mock.sandboxes, None), "http://mock"):
            found.append(piece)
            if len(found) == 2:
                mock.sandboxes.delete("c")
                call(mock, "a")
        return found

    found = asyncio.run(pieces())
    assert journals.bytes > 3 * MAX_PIECE_BYTES
    assert len(found) > 4
    assert max(map(len, found)) < 4 * MAX_PIECE_BYTES
    entries = json.loads(b"".join(found))["log"]["entries"]
    assert 180 <= len(entries) < 270
    assert entries[0]["response"]["bodySize"] == len(entries[0]["response"]["content"]["text"].encode())


@pytest.mark.finding("A5")
@pytest.mark.parametrize(
    ("query", "times", "much"),
    [("limit=1", 3, False), ("limit=1", MAX_QUICK_ENTRIES + 1, True), ("a=" + "x" * 60_000, 5, True)],
    ids=["few", "many", "large"],
)
def test_lengthy_reading_leaves_the_event_loop_free(query: str, times: int, much: bool) -> None:
    mock = app.build(names=["highlevel"], log=None)
    call(mock, "one", query, times)
    slow = mock.control.vendor.slow
    for body in (None, {}, {"sandbox": "one"}, {"match": {"sandbox": "one"}}):
        request = Call(None, None, None, None, {}, body=body)  # type: ignore[arg-type]
        assert reads_much(mock.sandboxes, request) is much
        for name in ("list-requests", "find-requests", "verify-requests", "count-requests"):
            assert slow[name](request) is much
    assert mock.sandboxes.journals.bytes < times * (MAX_QUICK_BYTES + 2000)


@pytest.mark.finding("B5")
def test_url_is_the_one_that_the_client_called(
    client: httpx.Client, control_client: httpx.Client, sandbox: str, base_url: str
) -> None:
    for host in ("shop.demo.ro", "SHOP.demo.ro:8443", "localhost"):
        client.get(f"{WASHER}?fields=id", auth=AUTH, headers={"Host": host})
    entries = control_client.get("/requests/har", params={"sandbox": sandbox}).json()["log"]["entries"]
    assert [entry["request"]["url"] for entry in entries] == [
        f"http://shop.demo.ro{WASHER}?fields=id",
        f"http://SHOP.demo.ro:8443{WASHER}?fields=id",
        f"{base_url}/merchantpro{WASHER}?fields=id",
    ]


def test_archive_of_one_call(client: httpx.Client, control_client: httpx.Client, sandbox: str) -> None:
    for n in range(3):
        client.get(f"/exchanges/inventory/{n}", auth=AUTH)
    answer = control_client.get("/requests/har", params={"request": f"{sandbox}.2"})
    (entry,) = answer.json()["log"]["entries"]
    assert entry["request"]["url"].endswith("/exchanges/inventory/1")
    assert control_client.get("/requests/har", params={"request": f"{sandbox}.4"}).status_code == 404
