"""Faults of what stands before a vendor: a gateway's error pages, and compressed answers."""

import gzip
import json
import zlib
from typing import Any

import httpx
import pytest

WASHER = "/api/v2/inventory/id/10001"
AUTH = ("demo", "")


@pytest.fixture
def put_faults(api: httpx.Client, sandbox: str) -> Any:
    """Return a function that replaces the fault rules of the test's sandbox."""
    api.post("/_mock/sandboxes", json={"name": sandbox}).raise_for_status()
    return lambda *rules: api.put(f"/_mock/sandboxes/{sandbox}/faults", json=rules).raise_for_status()


@pytest.mark.finding("C9")
@pytest.mark.parametrize(
    ("status", "title"),
    [(502, "502 Bad Gateway"), (503, "503 Service Temporarily Unavailable"), (504, "504 Gateway Time-out")],
)
def test_gateway_answers_with_its_own_page(
    client: httpx.Client, put_faults: Any, status: int, title: str
) -> None:
    put_faults({"fault": {"type": "gateway", "status": status}})
    answer = client.patch(WASHER, auth=AUTH, json={"stock": 3})
    assert (answer.status_code, answer.headers["server"]) == (status, "nginx")
    assert answer.headers["content-type"] == "text/html"
    assert f"<center><h1>{title}</h1></center>" in answer.text
    with pytest.raises(ValueError, match="Expecting value"):
        answer.json()
    put_faults({"fault": {"type": "gateway", "status": status, "server": "cloudflare"}})
    answer = client.get(WASHER, auth=AUTH)
    assert (answer.text, answer.headers["server"]) == (f"error code: {status}", "cloudflare")
    put_faults()
    assert client.get(WASHER, auth=AUTH).json()["stock"] == 10, "the write did not reach the vendor"


@pytest.mark.finding("C9")
def test_gateway_has_a_short_form_and_refuses_other_statuses(
    client: httpx.Client, api: httpx.Client, put_faults: Any, sandbox: str
) -> None:
    put_faults({"fault": "gateway"})
    assert client.get(WASHER, auth=AUTH).status_code == 502
    for wrong in ({"status": 500}, {"server": "apache"}, {"pages": 1}):
        path = f"/_mock/sandboxes/{sandbox}/faults"
        assert api.put(path, json=[{"fault": {"type": "gateway", **wrong}}]).status_code == 400


@pytest.mark.finding("C9")
@pytest.mark.parametrize(
    ("accepted", "compressed"),
    [
        ("gzip", True), ("gzip, deflate, br", True), ("br;q=1.0, gzip;q=0.5", True), ("*", True),
        ("x-gzip", True), ("identity", False), ("br", False), ("gzip;q=0", False), ("gzip; q=0.0, br", False),
    ],
)  # fmt: skip
def test_answer_is_compressed_if_the_client_accepts_it(
    client: httpx.Client, put_faults: Any, accepted: str, compressed: bool
) -> None:
    plain = client.get(WASHER, auth=AUTH).text
    put_faults({"fault": "compressed"})
    with client.stream("GET", WASHER, auth=AUTH, headers={"Accept-Encoding": accepted}) as answer:
        raw = b"".join(answer.iter_raw())
    assert (answer.status_code, answer.headers["vary"]) == (200, "Accept-Encoding")
    assert answer.headers.get("content-encoding") == ("gzip" if compressed else None)
    assert (gzip.decompress(raw) if compressed else raw).decode() == plain


@pytest.mark.finding("C9")
def test_compressed_write_counts_and_is_readable_in_the_journal(
    client: httpx.Client, api: httpx.Client, put_faults: Any, sandbox: str
) -> None:
    put_faults({"fault": "compressed"})
    assert client.patch(WASHER, auth=AUTH, json={"stock": 3}).json()["stock"] == 3
    (call,) = api.get(f"/_mock/requests?sandbox={sandbox}").json()["requests"]
    whole = api.get(f"/_mock/requests/{call['id']}").json()
    assert json.loads(whole["response"]["body"])["stock"] == 3
    put_faults({"fault": {"type": "compressed", "broken": True}})
    with pytest.raises(httpx.DecodingError):
        raise_unless_complete(client.get(WASHER, auth=AUTH))


def raise_unless_complete(answer: httpx.Response) -> None:
    """Raise DecodingError if a body ended too early, as a client that is stricter than httpx would."""
    try:
        answer.json()
    except ValueError as error:
        raise httpx.DecodingError(str(error)) from None


def test_gzip_header_with_a_plain_body_does_not_break_the_journal(
    client: httpx.Client, api: httpx.Client, put_faults: Any, sandbox: str
) -> None:
    fault = {"type": "response", "status": 200, "headers": {"Content-Encoding": "gzip"}, "body": "plain"}
    put_faults({"fault": fault})
    with pytest.raises((httpx.DecodingError, zlib.error)):
        client.get(WASHER, auth=AUTH)
    (call,) = api.get(f"/_mock/requests?sandbox={sandbox}").json()["requests"]
    assert api.get(f"/_mock/requests/{call['id']}").json()["response"]["body"] == "plain"
