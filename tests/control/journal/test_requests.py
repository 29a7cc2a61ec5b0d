"""Journal queries: contents of entries, filters, patterns, remarks, explanations and limits."""

import json
import re
from typing import Any

import httpx
import pytest

from mockserver.sandbox.journal.entry import STRAYS
from mockserver.sandbox.journal.journal import MAX_ENTRIES
from mockserver.sandbox.journal.redaction import MAX_KEPT_BODY
from tests.control.journal.conftest import AUTH, WASHER, PostQuery, entries, summaries


def marked_entry(control_client: httpx.Client, marker: str) -> dict[str, Any]:
    """Return the latest call without an accepted credential whose query ends with a marker.

    The calls of all tests are among them, so the marker tells which call is this test's.
    """
    found = entries(control_client, STRAYS, path=WASHER)
    return [entry for entry in found if entry["request"]["target"].endswith(f"marker={marker}")][-1]


def test_entry_holds_the_whole_call(client: httpx.Client, control_client: httpx.Client, sandbox: str) -> None:
    client.patch(f"{WASHER}?fields=id", auth=AUTH, json={"stock": 3})
    (entry,) = entries(control_client, sandbox)
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


def test_secrets_are_redacted_but_not_the_scheme(
    client: httpx.Client, control_client: httpx.Client, sandbox: str
) -> None:
    client.get(WASHER, auth=AUTH, headers={"Cookie": "a=b", "X-Api-Key": "k3y"})
    client.get("/openapi/2022-01/products/x/inventory", headers={"access-token": "demo"})
    text = control_client.post("/requests/find", json={"sandbox": sandbox}).text
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
        ({"vendor": "narvar,merchantpro"}, 4),
        ({"vendor": "narvar,sabi"}, 1),
        ({"vendor": "-"}, 0),
        ({"status": "4xx"}, 1),
        ({"status": "5xx"}, 0),
        ({"status": "0"}, 0),
        ({"q": "INVENTORY/id/10001"}, 2),
        ({"q": "update-inv"}, 1),
        ({"q": "has no record with this key"}, 1),
        ({"q": "strange"}, 1),
        ({"q": "nowhere"}, 0),
        ({"remarks": "true"}, 1),
        ({"remarks": "false"}, 3),
        ({"fault": "true"}, 0),
        ({"fault": "false", "changed": "true"}, 1),
        ({"changed": "false"}, 3),
    ],
    ids=str,
)
def test_list_is_filtered(
    client: httpx.Client, control_client: httpx.Client, sandbox: str, query: dict[str, Any], count: int
) -> None:
    client.get(WASHER, auth=AUTH)
    client.patch(WASHER, auth=AUTH, json={"stock": 3})
    client.get("/api/v2/inventory/id/5", auth=AUTH)
    client.get("/exchanges/inventory/9999?strange=1", auth=AUTH)
    assert len(summaries(control_client, sandbox=sandbox, **query)) == count
    page = control_client.get("/requests", params={"sandbox": sandbox, "count": "true", **query, "limit": 1})
    expected = 4 if "limit" in query else count
    assert (page.json()["count"], page.json()["kept"]) == (expected, 4)


@pytest.mark.parametrize(
    ("method", "target", "settings", "remark"),
    [
        ("GET", f"{WASHER}?color=red", {}, "query parameter color is not in the spec"),
        ("GET", "/exchanges/inventory/9?location=1&location=2", {}, "parameter location is sent 2 times"),
        ("PATCH", WASHER, {"content": "{}"}, "Content-Type is not sent; application/json is expected"),
        ("PATCH", WASHER, {"json": {}, "headers": {"Content-Type": "text/plain"}},
         "Content-Type is text/plain; application/json is expected"),
        ("GET", WASHER, {"json": {}}, "a body is sent, but GET takes no body"),
        ("DELETE", WASHER, {}, f"DELETE {WASHER} is not in the spec"),
        ("GET", "/api/v2/zzz", {}, "GET /api/v2/zzz is not in the spec"),
    ],
)  # fmt: skip
def test_deviations_from_the_spec_are_remarks(
    client: httpx.Client, control_client: httpx.Client, sandbox: str, method: str, target: str,
    settings: dict[str, Any], remark: str,
) -> None:  # fmt: skip
    headers = {"Version": "v3", "Authorization": "Bearer demo"} if "altId" in target else {}
    auth = None if headers else AUTH
    client.request(method, target, auth=auth, **{"headers": headers, **settings})
    (entry,) = entries(control_client, sandbox)
    assert any(remark in text for text in entry["remarks"])


@pytest.mark.finding("B2")
def test_what_the_spec_allows_is_a_note_at_most(
    client: httpx.Client, control_client: httpx.Client, sandbox: str
) -> None:
    headers = {"Version": "2021-07-28", "Authorization": "Bearer demo"}
    assert client.get("/products/inventory?altId=x", headers=headers).status_code == 200
    (entry,) = entries(control_client, sandbox)
    assert entry["remarks"] == []
    assert "query parameter altType is usually sent, but missing" in entry["notes"]


def test_valid_call_has_no_remarks(client: httpx.Client, control_client: httpx.Client, sandbox: str) -> None:
    client.patch(WASHER, auth=AUTH, json={"stock": 3})
    (entry,) = entries(control_client, sandbox)
    assert (entry["remarks"], entry["notes"]) == ([], [])


def test_explanation_of_a_refusal(client: httpx.Client, control_client: httpx.Client, sandbox: str) -> None:
    headers = {"Authorization": "Bearer demo", "Version": "v3"}
    client.get("/products/inventory?color=red&limit=many", headers=headers)
    (entry,) = entries(control_client, sandbox)
    explanation = control_client.get(f"/requests/{entry['id']}").json()["explanation"]
    assert explanation["check"] == "parameters"
    assert "limit (query): must be a number" in explanation["why"]
    assert "altId: Account Id or Agency Id." in explanation["spec"]
    assert explanation["smallest_change"] == [
        "leave out query color",
        "send query limit, for example 20",
        "send query altId, for example 6578278e879ad2646715ba9c",
    ]
    assert explanation["curl"].startswith("curl 'http://127.0.0.1:")


def test_explanation_shows_a_minimum_of_0(
    client: httpx.Client, control_client: httpx.Client, sandbox: str
) -> None:
    client.patch(WASHER, auth=AUTH, json={"stock": -1})
    (entry,) = entries(control_client, sandbox)
    explanation = control_client.get(f"/requests/{entry['id']}").json()["explanation"]
    assert explanation["smallest_change"] == ["change body stock: it must be at least 0, not -1"]


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
def test_explanation_names_the_check(
    client: httpx.Client, control_client: httpx.Client, sandbox: str, method: str, target: str,
    settings: dict[str, Any], check: str | None,
) -> None:  # fmt: skip
    client.request(method, target, **settings)
    (entry,) = entries(control_client, sandbox)
    assert control_client.get(f"/requests/{entry['id']}").json()["explanation"]["check"] == check


def test_unknown_request_is_404(control_client: httpx.Client) -> None:
    for name in ("demo.999999999", "nobody.1", "x"):
        assert control_client.get(f"/requests/{name}").status_code == 404


def test_count_and_find_by_pattern(client: httpx.Client, post_query: PostQuery, sandbox: str) -> None:
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
        found = post_query("count", sandbox=sandbox, **pattern).json()
        assert found == {"count": count, "dropped": 0}, pattern
        assert len(post_query("find", sandbox=sandbox, **pattern).json()["requests"]) == count


def test_decimals_in_a_body_match(client: httpx.Client, post_query: PostQuery, sandbox: str) -> None:
    client.patch(WASHER, auth=AUTH, json={"price_net": 1344.54})
    assert post_query("count", sandbox=sandbox, body={"price_net": 1344.54}).json()["count"] == 1


@pytest.mark.parametrize(
    "body",
    ["[" * 50_000, '{"x": "\\ud800"}', "\x00", "1e999999999999"],
    ids=["deep nesting", "lone surrogate", "control character", "huge number"],
)
def test_odd_request_bodies_do_not_break_queries(
    client: httpx.Client, post_query: PostQuery, sandbox: str, body: str
) -> None:
    client.patch(WASHER, auth=AUTH, content=body, headers={"Content-Type": "application/json"})
    assert post_query("count", sandbox=sandbox, body={"x": 1}).json()["count"] == 0
    assert post_query("verify", match={"sandbox": sandbox, "body": {"x": 1}}).status_code == 406


@pytest.mark.parametrize(
    ("name", "value", "redacted"),
    [
        ("Cookie", "session=s3cret; other=s3cret", "***"),
        ("Proxy-Authorization", "Basic s3cret", "Basic ***"),
        ("Authorization", "s3cret extra", "***"),
        ("X-Shopify-Access-Token", "s3cret", "***"),
        ("access-token", "s3cret s3cret", "***"),
    ],
)
def test_secret_headers_and_parameters_are_redacted(
    client: httpx.Client, control_client: httpx.Client, name: str, value: str, redacted: str
) -> None:
    client.get(f"{WASHER}?api_key=s3cret&fields=id&marker={name}", headers={name: value})
    entry = marked_entry(control_client, name)
    assert entry["request"]["headers"][name.lower()] == redacted
    assert "?api_key=***&fields=id&" in entry["request"]["target"]
    assert "s3cret" not in control_client.get(f"/requests/{entry['id']}").text


def test_number_of_remarks_is_bounded(
    client: httpx.Client, control_client: httpx.Client, sandbox: str
) -> None:
    client.get(f"{WASHER}?" + "&".join(map(str, range(10_000))), auth=AUTH, timeout=5)
    assert len(entries(control_client, sandbox)[0]["remarks"]) == 50


def test_large_changes_count_towards_the_size_limit(
    client: httpx.Client, control_client: httpx.Client, post_query: PostQuery, sandbox: str
) -> None:
    warehouses = [{"id": n, "name": f"{n}-" + "x" * 900, "stock": 1} for n in range(1000)]
    control_client.post("/sandboxes", json={"name": sandbox})
    record = f"/sandboxes/{sandbox}/records/merchantpro/inventory/10003"
    assert control_client.patch(record, json={"warehouses": warehouses}).status_code == 200
    for n in range(8):
        client.patch("/api/v2/inventory/id/10003?fields=id", auth=AUTH, json={"price_net": n})
    result = post_query("count", sandbox=sandbox).json()
    assert 0 < result["count"] < 5
    assert result["dropped"] > 0


def test_explanation_suggests_a_credential_that_works(
    client: httpx.Client, control_client: httpx.Client
) -> None:
    client.get(f"{WASHER}?marker=explained")
    entry = marked_entry(control_client, "explained")
    explanation = control_client.get(f"/requests/{entry['id']}").json()["explanation"]
    assert explanation["check"] == "credential"
    assert explanation["smallest_change"] == ["send Authorization: Basic ZGVtbzpkZW1v"]


def test_long_body_is_cut_in_the_journal(
    client: httpx.Client, control_client: httpx.Client, sandbox: str
) -> None:
    assert control_client.post("/sandboxes", json={"name": sandbox, "products": 1000}).status_code == 201
    headers = {"Authorization": "Bearer demo", "Version": "v3"}
    answer = client.get("/products/inventory?altId=x&altType=location", headers=headers)
    stored = entries(control_client, sandbox)[0]["response"]["body"]
    assert stored.endswith(f"({len(answer.content)} bytes)")
    assert len(stored) < MAX_KEPT_BODY + 100


def test_journal_of_a_fork_is_empty_at_first(
    client: httpx.Client, control_client: httpx.Client, sandbox: str
) -> None:
    client.get(WASHER, auth=AUTH)
    control_client.post(f"/sandboxes/{sandbox}/fork", json={"name": f"{sandbox}-fork"})
    assert entries(control_client, f"{sandbox}-fork") == []
    assert len(entries(control_client, sandbox)) == 1


@pytest.mark.console(14)
@pytest.mark.parametrize(
    ("ending", "message"),
    [
        ("cleared", "the journal was cleared at {time}, and call {id} with it"),
        ("dropped", "the journal has dropped call {id}: it keeps the latest ones, now those since {time}"),
        ("deleted", "sandbox {sandbox} was deleted at {time}, and its calls went with it"),
        ("made anew", "sandbox {sandbox} was deleted at {time}, and its calls went with it"),
        ("never there", "there is no call {sandbox}.3: the latest is {sandbox}.2"),
    ],
)
def test_call_that_is_gone_says_why_and_when(
    client: httpx.Client, control_client: httpx.Client, sandbox: str, ending: str, message: str
) -> None:
    for _ in range(2):
        client.get(WASHER, auth=AUTH)
    wanted = f"{sandbox}.3" if ending == "never there" else f"{sandbox}.2"
    if ending == "cleared":
        control_client.delete("/requests", params={"sandbox": sandbox})
    elif ending == "dropped":
        for _ in range(MAX_ENTRIES):
            client.get(WASHER, auth=AUTH)
    elif ending in ("deleted", "made anew"):
        control_client.delete(f"/sandboxes/{sandbox}")
    if ending == "made anew":
        client.get(WASHER, auth=AUTH)
    pattern = re.escape(message.format(id=wanted, sandbox=sandbox, time="TIME"))
    time = r"\d\d:\d\d:\d\d UTC on \d+ \w{3} \d{4}"
    for answer in (
        control_client.get(f"/requests/{wanted}"),
        control_client.post(f"/requests/{wanted}/send", json={}),
        control_client.get("/requests/har", params={"request": wanted}),
    ):
        assert answer.status_code == (404 if ending == "never there" else 410)
        assert re.fullmatch(pattern.replace("TIME", time), answer.json()["message"]), answer.text
