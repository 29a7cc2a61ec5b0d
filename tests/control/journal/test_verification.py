"""Verification: counts, sequences, and waiting for calls."""

import threading
from typing import Any

import httpx
import pytest

from mockserver.sandbox.journal.journal import MAX_ENTRIES
from tests.control.journal.conftest import AUTH, WASHER, PostQuery


@pytest.mark.parametrize(
    ("expected", "status"),
    [
        ({}, 200),
        ({"exactly": 2}, 200),
        ({"exactly": 1}, 406),
        ({"at_least": 2}, 200),
        ({"at_least": 3}, 406),
        ({"at_most": 2}, 200),
        ({"at_most": 1}, 406),
        ({"never": True}, 406),
        ({"at_least": 1, "at_most": 2}, 200),
    ],
    ids=str,
)
def test_verify_number_of_calls(
    client: httpx.Client, post_query: PostQuery, sandbox: str, expected: dict[str, Any], status: int
) -> None:
    for _ in range(2):
        client.get(WASHER, auth=AUTH)
    response = post_query("verify", match={"sandbox": sandbox, "method": "GET"}, **expected)
    assert response.status_code == status
    assert response.json()["count"] == 2


def test_failed_verification_shows_the_nearest_call(
    client: httpx.Client, post_query: PostQuery, sandbox: str
) -> None:
    client.patch(WASHER, auth=AUTH, json={"stock": 3})
    client.get("/exchanges/inventory/9999", auth=AUTH)
    body = post_query("verify", match={"sandbox": sandbox, "method": "PATCH", "body": {"stock": 4}}).json()
    assert body["message"] == "no call matches"
    assert body["nearest"][0]["call"] == f"PATCH {WASHER}"
    assert body["nearest"][0]["differences"] == [
        {"field": "body", "wanted": {"stock": 4}, "got": {"stock": 3}}
    ]


def test_verify_sequence(client: httpx.Client, post_query: PostQuery, sandbox: str) -> None:
    client.get(WASHER, auth=AUTH)
    client.get("/exchanges/inventory/9999", auth=AUTH)
    client.patch(WASHER, auth=AUTH, json={"stock": 3})
    read, write = {"method": "GET", "vendor": "merchantpro"}, {"method": "PATCH"}
    assert post_query("verify-sequence", sandbox=sandbox, sequence=[read, write]).status_code == 200
    refused = post_query("verify-sequence", sandbox=sandbox, sequence=[write, read])
    assert refused.status_code == 406
    assert refused.json()["message"] == "no call matches step 2 after the match for step 1"


def test_wait_ends_when_the_call_comes(client: httpx.Client, post_query: PostQuery, sandbox: str) -> None:
    client.get("/exchanges/inventory/9999", auth=AUTH)
    responses: list[httpx.Response] = []
    match = {"sandbox": sandbox, "method": "PATCH"}
    waiter = threading.Thread(target=lambda: responses.append(post_query("wait", match=match, seconds=30)))
    waiter.start()
    client.patch(WASHER, auth=AUTH, json={"stock": 3})
    waiter.join(20)
    assert responses[0].status_code == 200
    assert len(responses[0].json()["requests"]) == 1


def test_wait_that_times_out_shows_the_nearest_call(
    client: httpx.Client, post_query: PostQuery, sandbox: str
) -> None:
    client.get(WASHER, auth=AUTH)
    response = post_query("wait", match={"sandbox": sandbox, "method": "PATCH"}, seconds=0.05)
    assert (response.status_code, response.json()["message"]) == (
        406,
        "matching calls in 0.05 s: expected 1, found 0",
    )
    assert response.json()["nearest"][0]["call"] == f"GET {WASHER}"


def test_wait_survives_an_import(
    client: httpx.Client, control_client: httpx.Client, post_query: PostQuery, sandbox: str
) -> None:
    control_client.post("/sandboxes", json={"name": sandbox})
    responses: list[httpx.Response] = []
    match = {"sandbox": sandbox, "method": "PATCH"}
    waiter = threading.Thread(target=lambda: responses.append(post_query("wait", match=match, seconds=30)))
    waiter.start()
    document = control_client.get(f"/sandboxes/{sandbox}/export").json()
    control_client.put(f"/sandboxes/{sandbox}/import", json=document)
    client.patch(WASHER, auth=AUTH, json={"stock": 3})
    waiter.join(20)
    assert responses[0].status_code == 200


@pytest.mark.finding("B9")
def test_times_is_another_name_for_exactly(client: httpx.Client, post_query: PostQuery, sandbox: str) -> None:
    client.get(WASHER, auth=AUTH)
    match = {"sandbox": sandbox}
    assert post_query("verify", match=match, times=1).json() == {"verified": True, "count": 1}
    refused = post_query("verify", match=match, times=2)
    assert (refused.status_code, refused.json()["message"]) == (
        406,
        "matching calls: expected exactly 2, found 1",
    )


CONTRADICTIONS: dict[str, dict[str, Any]] = {
    "times 1, never true": {"times": 1, "never": True},
    "exactly 1, times 2": {"times": 2, "exactly": 1},
    "at_least 3, at_most 2": {"at_least": 3, "at_most": 2},
    "exactly 1, at_least 2": {"exactly": 1, "at_least": 2},
    "at_least 1, never true": {"at_least": 1, "never": True},
}


@pytest.mark.finding("B9")
@pytest.mark.parametrize(("shown", "counts"), CONTRADICTIONS.items())
def test_contradicting_numbers_are_refused(post_query: PostQuery, shown: str, counts: dict[str, Any]) -> None:
    refused = post_query("verify", match={}, **counts)
    assert (refused.status_code, refused.json()["message"]) == (
        400,
        f"no number of calls can meet all of these: {shown}; leave one out",
    )


@pytest.mark.parametrize("counts", [{"times": 0, "never": True}, {"at_most": 3, "never": True}])
def test_numbers_that_agree_are_accepted(
    post_query: PostQuery, sandbox: str, client: httpx.Client, counts: dict[str, Any]
) -> None:
    client.get(WASHER, auth=AUTH)
    match = {"sandbox": sandbox, "method": "PATCH"}
    assert post_query("verify", match=match, **counts).status_code == 200


@pytest.mark.finding("B9")
def test_values_of_a_pattern_may_be_numbers_and_booleans(
    client: httpx.Client, post_query: PostQuery, sandbox: str
) -> None:
    client.get("/api/v1/products?limit=10&all=true", headers={"Authorization": "Bearer demo", "X-Part": "7"})
    pattern = {"query": {"limit": 10, "all": True}, "headers": {"X-Part": 7}}
    assert post_query("count", sandbox=sandbox, **pattern).json()["count"] == 1


def test_full_journal_reports_dropped_calls(
    client: httpx.Client, control_client: httpx.Client, post_query: PostQuery, sandbox: str
) -> None:
    for _ in range(MAX_ENTRIES + 5):
        client.get("/exchanges/inventory/1", auth=AUTH)
    assert post_query("count", sandbox=sandbox).json() == {"count": MAX_ENTRIES, "dropped": 5}
    assert post_query("wait", match={"sandbox": sandbox}).json()["dropped"] == 5
    refused = post_query("verify", match={"sandbox": sandbox}, exactly=MAX_ENTRIES)
    assert "has dropped 5 calls" in refused.json()["message"], (
        "an unknown number of calls must not be verified"
    )
    control_client.delete("/requests", params={"sandbox": sandbox})
    assert post_query("count", sandbox=sandbox).json() == {"count": 0, "dropped": 0}
