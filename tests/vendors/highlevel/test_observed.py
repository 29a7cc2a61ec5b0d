"""The dialect `observed`: what the live API does otherwise than its page says."""

from typing import Any

import httpx
import pytest

LIST = "/products/inventory?altId=x&altType=location&limit=2"
HEADERS = {"Authorization": "Bearer demo", "Version": "2021-07-28"}
UNCOUNTED = {
    "x-ratelimit-max": "100",
    "x-ratelimit-remaining": "99",
    "x-ratelimit-interval-milliseconds": "10000",
    "x-ratelimit-limit-daily": "200000",
    "x-ratelimit-daily-remaining": "199999",
    "x-ratelimit-daily-reset": "86400000",
}


@pytest.fixture
def live(client: httpx.Client, sandbox: str) -> httpx.Client:
    """Return a client whose sandbox speaks `observed`."""
    client.post("/_mock/sandboxes", json={"name": sandbox, "dialect": "observed"}).raise_for_status()
    return client


@pytest.mark.parametrize(("path", "status"), [
    (LIST, 200), ("/products/inventory?altId=x", 422), ("/products/?locationId=x&limit=1", 200),
    ("/products/012345678901234567890123?locationId=x", 400), ("/products/nowhere/at/all", 404),
])  # fmt: skip
def test_every_answer_has_rate_limit_headers_and_a_weak_etag(
    live: httpx.Client, path: str, status: int
) -> None:
    answer = live.get(path, headers=HEADERS)
    assert answer.status_code == status, answer.text
    found = {name: value for name, value in answer.headers.items() if name.startswith("x-ratelimit")}
    assert found == UNCOUNTED
    assert answer.headers["etag"].startswith(f'W/"{len(answer.content):x}-')
    assert len(answer.headers["etag"].partition("-")[2]) == 28


def test_counts_are_told_while_limits_are_on(live: httpx.Client, sandbox: str) -> None:
    live.put(f"/_mock/sandboxes/{sandbox}/limits", json=True)
    left = [live.get(LIST, headers=HEADERS).headers["x-ratelimit-remaining"] for _ in range(2)]
    assert left == ["99", "98"]


def test_etag_is_that_of_the_body(live: httpx.Client) -> None:
    first, again = (live.get(LIST, headers=HEADERS).headers["etag"] for _ in range(2))
    other = live.get(f"{LIST}&offset=1", headers=HEADERS).headers["etag"]
    assert first == again != other
    assert live.head(LIST, headers=HEADERS).headers["etag"] == first


@pytest.mark.parametrize(("more", "status"), [
    ({"If-None-Match": "{etag}"}, 304),
    ({"If-None-Match": '"a", {etag}'}, 304),
    ({"If-None-Match": "{strong}"}, 304),
    ({"If-None-Match": "*"}, 304),
    ({"If-None-Match": 'W/"2-other"'}, 200),
    ({"If-None-Match": "{etag}", "Cache-Control": "no-cache"}, 200),
    ({"If-None-Match": "{etag}", "If-Modified-Since": "Wed, 21 Oct 2015 07:28:00 GMT"}, 200),
    ({"If-Modified-Since": "Wed, 21 Oct 2015 07:28:00 GMT"}, 200),
])  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_client_that_has_the_answer_gets_a_304(
    live: httpx.Client, method: str, more: dict[str, str], status: int
) -> None:
    etag = live.get(LIST, headers=HEADERS).headers["etag"]
    sent = {name: value.format(etag=etag, strong=etag[2:]) for name, value in more.items()}
    answer = live.request(method, LIST, headers=HEADERS | sent)
    assert (answer.status_code, answer.headers["etag"]) == (status, etag)
    if status == 304:
        assert answer.content == b""
        assert "content-type" not in answer.headers
        assert answer.headers["x-ratelimit-max"] == "100"


def test_refusal_is_never_a_304(live: httpx.Client) -> None:
    path = "/products/nowhere/at/all"
    etag = live.get(path, headers=HEADERS).headers["etag"]
    assert live.get(path, headers={**HEADERS, "If-None-Match": etag}).status_code == 404


@pytest.mark.parametrize(("version", "status", "message"), [
    ("1999-01-01", 401, "version header is invalid"),
    ("bogus-version", 400, "Invalid API version segment 'bogus-version' at position 0"),
    ("2021-7-28", 400, "Invalid API version segment '2021-7-28' at position 0"),
    ("v3", 200, None), ("2023-02-21", 200, None),
])  # fmt: skip
def test_version_that_is_no_date_has_a_refusal_of_its_own(
    live: httpx.Client, version: str, status: int, message: str | None
) -> None:
    answer = live.get(LIST, headers={**HEADERS, "Version": version})
    assert (answer.status_code, answer.json().get("message")) == (status, message)


@pytest.mark.parametrize(("query", "message"), [
    ("altId=x", ["altType must be a valid enum value", "altType should not be empty"]),
    ("altId=x&altType=", ["altType must be a valid enum value", "altType should not be empty"]),
    ("altId=x&altType=agency", ["altType must be a valid enum value"]),
])  # fmt: skip
def test_alt_type_is_required(live: httpx.Client, query: str, message: list[str]) -> None:
    answer = live.get(f"/products/inventory?{query}", headers=HEADERS)
    assert (answer.status_code, answer.json()["message"]) == (422, message)


@pytest.mark.parametrize(("query", "notes"), [
    ("altId=x", ["altType (query): is missing"]),
    ("altId=x&altType=location", []),
])  # fmt: skip
def test_documented_call_that_the_live_vendor_refuses_gets_a_note(
    client: httpx.Client, sandbox: str, query: str, notes: list[str]
) -> None:
    assert client.get(f"/products/inventory?{query}", headers=HEADERS).status_code == 200
    (call,) = client.post("/_mock/requests/find", json={"sandbox": sandbox}).json()["requests"]
    found: list[Any] = [note for note in call["notes"] if note.startswith("the live vendor refuses")]
    assert found == [f"the live vendor refuses this call: {note}" for note in notes]


def test_documented_answers_have_no_etag(client: httpx.Client) -> None:
    answer = client.get(LIST, headers={**HEADERS, "If-None-Match": "*"})
    assert answer.status_code == 200
    assert "etag" not in answer.headers
