"""The journal over HTTP: what was called, why it was answered so, and whether a test may be content."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from mockserver.sandbox.journal.journal import MAX_ENTRIES
from mockserver.sandbox.journal.redaction import MAX_KEPT_BODY

AUTH = ("demo", "")
WASHER = "/api/v2/inventory/id/10001"


@pytest.fixture
def api(base_url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{base_url}/_mock") as one:
        yield one


@pytest.fixture
def ask(api: httpx.Client, sandbox: str) -> Any:
    """Ask the control API about this test's sandbox."""

    def post(what: str, **body: Any) -> httpx.Response:
        return api.post(f"/requests/{what}", json=body)

    return post


def entries(api: httpx.Client, sandbox: str, **query: Any) -> list[dict[str, Any]]:
    response = api.get("/requests", params={"sandbox": sandbox, "limit": 1000, **query})
    assert response.status_code == 200, response.text
    return response.json()["requests"]


def test_a_call_is_written_down_whole(client: httpx.Client, api: httpx.Client, sandbox: str) -> None:
    client.patch(f"{WASHER}?fields=id", auth=AUTH, json={"stock": 3})
    (entry,) = entries(api, sandbox)
    assert (entry["vendor"], entry["operation"], entry["sandbox"]) == (
        "merchantpro",
        "update-inventory",
        sandbox,
    )
    assert entry["request"]["method"] == "PATCH"
    assert entry["request"]["target"] == f"{WASHER}?fields=id"
    assert json.loads(entry["request"]["body"]) == {"stock": 3}
    assert entry["response"]["status"] == 200
    assert entry["response"]["body"] == '{"id":10001}'
    assert (entry["engine"], entry["fault"], entry["evidence"]) == ("compiled", None, "documented")
    assert entry["milliseconds"] > 0
    (change,) = entry["changes"]
    assert (change["collection"], change["key"]) == ("inventory", "10001")
    assert (change["before"]["stock"], change["after"]["stock"]) == (10, 3)


def test_secrets_are_struck_out_and_the_scheme_is_kept(
    client: httpx.Client, api: httpx.Client, sandbox: str
) -> None:
    client.get(WASHER, auth=AUTH, headers={"Cookie": "a=b", "X-Api-Key": "k3y"})
    client.get("/openapi/2022-01/products/x/inventory", headers={"access-token": "demo"})
    text = api.get("/requests", params={"sandbox": sandbox}).text
    for secret in ("ZGVtbzo", "a=b", "k3y", '"access-token":"demo"'):
        assert secret not in text
    assert '"authorization":"Basic ***"' in text


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({}, 4),
        ({"vendor": "merchantpro"}, 3),
        ({"operation": "get-inventory"}, 2),
        ({"method": "GET"}, 3),
        ({"status": 404}, 1),
        ({"path": WASHER}, 2),
        ({"vendor": "merchantpro", "status": 200, "method": "GET"}, 1),
        ({"limit": 1}, 1),
        ({"offset": 3}, 1),
    ],
)
def test_the_journal_is_filtered_and_paged(
    client: httpx.Client, api: httpx.Client, sandbox: str, query: dict[str, Any], count: int
) -> None:
    client.get(WASHER, auth=AUTH)
    client.patch(WASHER, auth=AUTH, json={"stock": 3})
    client.get("/api/v2/inventory/id/5", auth=AUTH)
    client.get("/exchanges/inventory/9999", auth=AUTH)
    assert len(entries(api, sandbox, **query)) == count


def test_refused_calls_are_seen_too_where_they_were_refused(client: httpx.Client, api: httpx.Client) -> None:
    before = len(entries(api, "demo", vendor="sabi", path="/api/v1/nothing-here"))
    client.get("/api/v1/nothing-here")
    assert len(entries(api, "demo", vendor="sabi", path="/api/v1/nothing-here")) == before + 1


@pytest.mark.parametrize(
    ("method", "target", "settings", "remark"),
    [
        ("GET", f"{WASHER}?color=red", {}, "query parameter color is not in the spec"),
        ("GET", "/products/inventory?altId=x", {}, "query parameter altType is usually sent, but missing"),
        ("GET", "/exchanges/inventory/9?location=1&location=2", {}, "parameter location is sent 2 times"),
        ("PATCH", WASHER, {"content": "{}"}, "Content-Type is not sent; application/json is expected"),
        ("PATCH", WASHER, {"json": {}, "headers": {"Content-Type": "text/plain"}},
         "Content-Type is text/plain; application/json is expected"),
        ("GET", WASHER, {"json": {}}, "a body is sent, but GET takes none"),
        ("DELETE", WASHER, {}, f"DELETE {WASHER} is not in the spec"),
        ("GET", "/api/v2/zzz", {}, "GET /api/v2/zzz is not in the spec"),
    ],
)  # fmt: skip
def test_what_the_contract_does_not_foresee_is_remarked(
    client: httpx.Client, api: httpx.Client, sandbox: str, method: str, target: str,
    settings: dict[str, Any], remark: str,
) -> None:  # fmt: skip
    headers = {"Version": "v3", "Authorization": "Bearer demo"} if "altId" in target else {}
    auth = None if headers else AUTH
    client.request(method, target, auth=auth, **{"headers": headers, **settings})
    (entry,) = entries(api, sandbox)
    assert any(remark in one for one in entry["remarks"])


def test_a_proper_call_has_no_remarks(client: httpx.Client, api: httpx.Client, sandbox: str) -> None:
    client.patch(WASHER, auth=AUTH, json={"stock": 3})
    assert entries(api, sandbox)[0]["remarks"] == []


def test_a_refusal_is_explained_with_the_words_of_the_spec_and_the_smallest_change(
    client: httpx.Client, api: httpx.Client, sandbox: str
) -> None:
    headers = {"Authorization": "Bearer demo", "Version": "v3"}
    client.get("/products/inventory?color=red&limit=many", headers=headers)
    (entry,) = entries(api, sandbox)
    explanation = api.get(f"/requests/{entry['id']}").json()["explanation"]
    assert explanation["check"] == "parameters"
    assert "query limit: type number" in explanation["why"]
    assert "altId: Account Id or Agency Id." in explanation["spec"]
    assert explanation["smallest_change"] == [
        "leave out query color",
        "send query limit, for example 20",
        "send query altId, for example 6578278e879ad2646715ba9c",
    ]
    assert explanation["curl"].startswith("curl -X GET 'http://127.0.0.1:")


@pytest.mark.parametrize(
    ("method", "target", "settings", "check"),
    [
        ("GET", "/api/v2/inventory/id/5", {"auth": AUTH}, "record"),
        ("GET", "/api/v2/zzz", {"auth": AUTH}, "path"),
        ("DELETE", WASHER, {"auth": AUTH}, "method"),
        ("PATCH", WASHER, {"auth": AUTH, "json": {"stock": "many"}}, "body"),
        ("GET", WASHER, {"auth": AUTH}, None),
    ],
)
def test_the_check_that_refused_is_named(
    client: httpx.Client, api: httpx.Client, sandbox: str, method: str, target: str,
    settings: dict[str, Any], check: str | None,
) -> None:  # fmt: skip
    client.request(method, target, **settings)
    (entry,) = entries(api, sandbox)
    assert api.get(f"/requests/{entry['id']}").json()["explanation"]["check"] == check


def test_an_unknown_request_is_not_found(api: httpx.Client) -> None:
    for name in ("demo.999999999", "nobody.1", "x"):
        assert api.get(f"/requests/{name}").status_code == 404


def test_calls_are_counted_and_found_by_pattern(client: httpx.Client, ask: Any, sandbox: str) -> None:
    client.patch(f"{WASHER}?fields=id,stock", auth=AUTH, json={"stock": 3, "price_net": 5})
    client.get(WASHER, auth=AUTH, headers={"X-Trace": "t1"})
    for pattern, count in (
        ({}, 2),
        ({"body": {"stock": 3}}, 1),
        ({"body": {"stock": 4}}, 0),
        ({"headers": {"x-trace": "t1"}}, 1),
        ({"query": {"fields": "id,stock"}}, 1),
        ({"query": {"fields": "id"}}, 0),
        ({"remarks": True}, 0),
    ):
        assert ask("count", sandbox=sandbox, **pattern).json() == {"count": count, "dropped": 0}, pattern
        assert len(ask("find", sandbox=sandbox, **pattern).json()["requests"]) == count


@pytest.mark.parametrize(
    ("asked", "status"),
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
def test_the_number_of_calls_is_verified(
    client: httpx.Client, ask: Any, sandbox: str, asked: dict[str, Any], status: int
) -> None:
    for _ in range(2):
        client.get(WASHER, auth=AUTH)
    response = ask("verify", match={"sandbox": sandbox, "method": "GET"}, **asked)
    assert response.status_code == status
    assert response.json()["count"] == 2


def test_a_refused_verification_shows_the_nearest_call_and_how_it_differs(
    client: httpx.Client, ask: Any, sandbox: str
) -> None:
    client.patch(WASHER, auth=AUTH, json={"stock": 3})
    client.get("/exchanges/inventory/9999", auth=AUTH)
    body = ask("verify", match={"sandbox": sandbox, "method": "PATCH", "body": {"stock": 4}}).json()
    assert body["message"] == "no call fits"
    assert body["nearest"][0]["call"] == f"PATCH {WASHER}"
    assert body["nearest"][0]["differences"] == [
        {"field": "body", "wanted": {"stock": 4}, "got": {"stock": 3}}
    ]


def test_a_sequence_is_verified_in_its_order(client: httpx.Client, ask: Any, sandbox: str) -> None:
    client.get(WASHER, auth=AUTH)
    client.get("/exchanges/inventory/9999", auth=AUTH)
    client.patch(WASHER, auth=AUTH, json={"stock": 3})
    read, write = {"method": "GET", "vendor": "merchantpro"}, {"method": "PATCH"}
    assert ask("verify-sequence", sandbox=sandbox, sequence=[read, write]).status_code == 200
    refused = ask("verify-sequence", sandbox=sandbox, sequence=[write, read])
    assert refused.status_code == 406
    assert refused.json()["message"] == "no call fits step 2 after those before it"


def test_waiting_ends_as_soon_as_the_call_comes(client: httpx.Client, ask: Any, sandbox: str) -> None:
    client.get("/exchanges/inventory/9999", auth=AUTH)
    answers: list[httpx.Response] = []
    match = {"sandbox": sandbox, "method": "PATCH"}
    waiting = threading.Thread(target=lambda: answers.append(ask("wait", match=match, seconds=30)))
    waiting.start()
    client.patch(WASHER, auth=AUTH, json={"stock": 3})
    waiting.join(20)
    assert answers[0].status_code == 200
    assert len(answers[0].json()["requests"]) == 1


def test_waiting_in_vain_ends_with_the_nearest_call(client: httpx.Client, ask: Any, sandbox: str) -> None:
    client.get(WASHER, auth=AUTH)
    response = ask("wait", match={"sandbox": sandbox, "method": "PATCH"}, seconds=0.05)
    assert (response.status_code, response.json()["message"]) == (406, "0 of 1 calls came in time")
    assert response.json()["nearest"][0]["call"] == f"GET {WASHER}"


def test_the_archive_is_har_1_2(client: httpx.Client, api: httpx.Client, sandbox: str) -> None:
    client.patch(f"{WASHER}?fields=id", auth=AUTH, json={"stock": 3})
    client.get(WASHER, auth=AUTH)
    log = api.get("/requests/har", params={"sandbox": sandbox}).json()["log"]
    assert log["version"] == "1.2"
    write, read = log["entries"]
    assert write["request"]["url"].endswith(f"/merchantpro{WASHER}?fields=id")
    assert write["request"]["queryString"] == [{"name": "fields", "value": "id"}]
    assert json.loads(write["request"]["postData"]["text"]) == {"stock": 3}
    assert "postData" not in read["request"]
    assert read["response"]["content"]["mimeType"] == "application/json"
    assert read["response"]["statusText"] == "OK"
    for entry in log["entries"]:
        assert {"startedDateTime", "time", "request", "response", "cache", "timings"} <= entry.keys()


def test_prices_match_as_the_decimals_they_are(client: httpx.Client, ask: Any, sandbox: str) -> None:
    client.patch(WASHER, auth=AUTH, json={"price_net": 1344.54})
    assert ask("count", sandbox=sandbox, body={"price_net": 1344.54}).json()["count"] == 1


@pytest.mark.parametrize("body", ["[" * 50_000, '{"x": "\\ud800"}', "\x00", "1e999999999999"], ids=range(4))
def test_an_odd_body_does_not_spoil_the_journal(
    client: httpx.Client, ask: Any, sandbox: str, body: str
) -> None:
    client.patch(WASHER, auth=AUTH, content=body, headers={"Content-Type": "application/json"})
    assert ask("count", sandbox=sandbox, body={"x": 1}).json()["count"] == 0
    assert ask("verify", match={"sandbox": sandbox, "body": {"x": 1}}).status_code == 406


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("Cookie", "session=s3cret; other=s3cret", "***"),
        ("Proxy-Authorization", "Basic s3cret", "Basic ***"),
        ("Authorization", "s3cret extra", "***"),
        ("X-Shopify-Access-Token", "s3cret", "***"),
        ("access-token", "s3cret s3cret", "***"),
    ],
)
def test_no_secret_stays_in_the_journal(
    client: httpx.Client, api: httpx.Client, name: str, value: str, kept: str
) -> None:
    client.get(f"{WASHER}?api_key=s3cret&fields=id&mine={name}", headers={name: value})
    mine = [e for e in entries(api, "demo", path=WASHER) if e["request"]["target"].endswith(f"mine={name}")]
    assert mine[-1]["request"]["headers"][name.lower()] == kept
    assert "?api_key=***&fields=id&" in mine[-1]["request"]["target"]
    assert "s3cret" not in api.get(f"/requests/{mine[-1]['id']}").text


def test_of_thousands_of_remarks_the_first_are_kept(
    client: httpx.Client, api: httpx.Client, sandbox: str
) -> None:
    client.get(f"{WASHER}?" + "&".join(map(str, range(10_000))), auth=AUTH, timeout=5)
    assert len(entries(api, sandbox)[0]["remarks"]) == 50


def test_large_changes_count_against_the_bound(
    client: httpx.Client, api: httpx.Client, ask: Any, sandbox: str
) -> None:
    houses = [{"id": n, "name": f"{n}-" + "x" * 900, "stock": 1} for n in range(1000)]
    api.post("/sandboxes", json={"name": sandbox})
    record = f"/sandboxes/{sandbox}/records/merchantpro/inventory/10003"
    assert api.patch(record, json={"warehouses": houses}).status_code == 200
    for n in range(8):
        client.patch("/api/v2/inventory/id/10003?fields=id", auth=AUTH, json={"price_net": n})
    kept = ask("count", sandbox=sandbox).json()
    assert 0 < kept["count"] < 5
    assert kept["dropped"] > 0


def test_waiting_goes_on_over_an_import(
    client: httpx.Client, api: httpx.Client, ask: Any, sandbox: str
) -> None:
    api.post("/sandboxes", json={"name": sandbox})
    answers: list[httpx.Response] = []
    match = {"sandbox": sandbox, "method": "PATCH"}
    waiting = threading.Thread(target=lambda: answers.append(ask("wait", match=match, seconds=30)))
    waiting.start()
    document = api.get(f"/sandboxes/{sandbox}/export").json()
    api.put(f"/sandboxes/{sandbox}/import", json=document)
    client.patch(WASHER, auth=AUTH, json={"stock": 3})
    waiting.join(20)
    assert answers[0].status_code == 200


def test_a_missing_credential_is_explained_with_one_that_works(
    client: httpx.Client, api: httpx.Client
) -> None:
    client.get(f"{WASHER}?mine=explained")
    mine = [e for e in entries(api, "demo", path=WASHER) if e["request"]["target"].endswith("=explained")]
    explanation = api.get(f"/requests/{mine[-1]['id']}").json()["explanation"]
    assert explanation["check"] == "credential"
    assert explanation["smallest_change"] == ["send Authorization: Basic ZGVtbzpkZW1v"]


def test_the_journal_is_bounded_and_says_what_it_dropped(
    client: httpx.Client, api: httpx.Client, ask: Any, sandbox: str
) -> None:
    for _ in range(MAX_ENTRIES + 5):
        client.get("/exchanges/inventory/1", auth=AUTH)
    assert ask("count", sandbox=sandbox).json() == {"count": MAX_ENTRIES, "dropped": 5}
    assert ask("wait", match={"sandbox": sandbox}).json()["dropped"] == 5
    refused = ask("verify", match={"sandbox": sandbox}, exactly=MAX_ENTRIES)
    assert "5 calls were dropped" in refused.json()["message"], "a loss must not pass for a success"
    api.delete("/requests", params={"sandbox": sandbox})
    assert ask("count", sandbox=sandbox).json() == {"count": 0, "dropped": 0}


def test_a_long_body_is_cut_in_the_journal_only(
    client: httpx.Client, api: httpx.Client, sandbox: str
) -> None:
    body = json.dumps({"inventory_enabled": "x" * (2 * MAX_KEPT_BODY)})
    client.patch(WASHER, auth=AUTH, content=body, headers={"Content-Type": "application/json"})
    kept = entries(api, sandbox)[0]["request"]["body"]
    assert kept.endswith(f"({len(body)} bytes)")
    assert len(kept) < MAX_KEPT_BODY + 100


def test_journals_of_sandboxes_are_apart_and_a_fork_begins_with_none(
    client: httpx.Client, api: httpx.Client, sandbox: str
) -> None:
    client.get(WASHER, auth=AUTH)
    api.post(f"/sandboxes/{sandbox}/fork", json={"name": f"{sandbox}-fork"})
    assert entries(api, f"{sandbox}-fork") == []
    assert len(entries(api, sandbox)) == 1
