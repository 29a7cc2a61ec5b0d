"""Send a call again: as it was, or with its smallest change, with which it succeeds."""

import base64
import json
from pathlib import Path
from threading import current_thread
from typing import Any

import httpx
import pytest

from mockserver import app
from mockserver.client import Client, Refused
from mockserver.embedding.running_server import RunningServer
from mockserver.server.server import serving
from tests.contract.sample_vendor import MODULE, write_vendor
from tests.control.journal.conftest import AUTH, WASHER, entries
from tests.vendors.test_exchanges import EXCHANGES, send

BEARER = {"Authorization": "Bearer demo", "Version": "2021-07-28"}
SABI = {"Authorization": "Bearer demo", "tenantId": "t", "userId": "u", "countryCode": "US"}
BASIC = {"Authorization": "Basic " + base64.b64encode(b"demo:").decode()}
JSON = BASIC | {"Content-Type": "application/json"}
LEAVE_OUT = "leave the call out, or add the path to a copy of the vendor: see --vendors-from"
# Refusals for which no edit helps, with the advice instead.
WITHOUT_EDITS = {("highlevel", "an unknown path"): [LEAVE_OUT]}
REFUSALS = {key: exchange for key, exchange in EXCHANGES.items() if exchange.status >= 400}
# (method, target, headers, body): the edits, as place and name, with `-` for those that leave something out
ID = "f854e9a2-986d-4e2b-9df0-8e4c139ae80e"
LIST, PRODUCTS, IN_WAREHOUSES = "/products/inventory", "/api/v1/products", "/api/v2/inventory/id/10003"
EXAMPLE = {"stock": 20, "price_net": 1344.54}
CASES: dict[str, tuple[str, str, dict[str, str], Any, dict[str, Any]]] = {
    "several violations": (
        "GET", f"{LIST}?limit=x&offset=-1&altId=a&color=1", BEARER, None,
        {"-query color": None, "query limit": "20", "query offset": "0"},
    ),
    "parameter sent twice": ("GET", f"{LIST}?altId=a&altId=b", BEARER, None, {"query altId": "a"}),
    "header and parameter missing": (
        "GET", LIST, {"Authorization": "Bearer demo"}, None,
        {"header Version": "2021-07-28", "query altId": "6578278e879ad2646715ba9c"},
    ),
    "nothing right": (
        "POST", "/merchantpro/api/v2/inventry/id/10001", {}, b"{",
        {"path": WASHER, "method": "GET", "header Authorization": "Basic ZGVtbzpkZW1v"},
    ),
    "vendor misspelled": ("GET", f"/merchantpr{WASHER}", BASIC, None, {"path": f"/merchantpro{WASHER}"}),
    "path nearly right": (
        "GET", "/openapi/2022-01/product/x/inventories", {"access-token": "demo"}, None,
        {"path": "/openapi/2022-01/products/x/inventory", "path product_id": ID},
    ),
    "two filters without a product": (
        "GET", f"{PRODUCTS}?productSearch=zzz&byCities=Nowhere&limit=3", SABI, None,
        {"-query productSearch": None, "-query byCities": None},
    ),
    "page after the last": ("GET", f"{PRODUCTS}?page=9999", SABI, None, {"-query page": None}),
    "dates in the wrong order": (
        "GET", f"{PRODUCTS}?productDateRange=2022-01-02,2021-01-02", SABI, None,
        {"-query productDateRange": None},
    ),
    "negative stock": ("PATCH", WASHER, JSON, {"stock": -1}, {"body stock": 0}),
    "text for a number": (
        "PATCH", WASHER, JSON, {"stock": {"adjust_by": "3"}}, {"body stock.adjust_by": 3},
    ),
    "field missing": ("PATCH", WASHER, JSON, {"stock": {}}, {"body stock.adjust_by": 1}),
    "fraction": ("PATCH", WASHER, JSON, {"stock": 2.5}, {"body stock": 2}),
    "text with a number": ("PATCH", WASHER, JSON, {"stock": "7 pieces"}, {"body stock": 7}),
    "text without a number": ("PATCH", WASHER, JSON, {"price_net": "abc"}, {"body price_net": 1428.57}),
    "choice unlike any": (
        "PATCH", WASHER, JSON, {"inventory_enabled": 7}, {"body inventory_enabled": "on"},
    ),
    "misspelt field": (
        "PATCH", WASHER, JSON, {"invetory_enabled": "off"}, {"body invetory_enabled": "inventory_enabled"},
    ),
    "misspelt field with a wrong value": (
        "PATCH", WASHER, JSON, {"invetory_enabled": "of"},
        {"body invetory_enabled": "inventory_enabled", "body inventory_enabled": "off"},
    ),
    "misspelt parameter": (
        "GET", f"{LIST}?altId=a&limt=3", BEARER, None, {"query limt": "limit"},
    ),
    "unknown field": ("PATCH", WASHER, JSON, {"stock": 3, "colour": "red"}, {"-body colour": None}),
    "wrong choice": ("PATCH", WASHER, JSON, {"inventory_enabled": "of"}, {"body inventory_enabled": "off"}),
    "field in a list": (
        "PATCH", IN_WAREHOUSES, JSON, {"warehouses": [{"name": "Depozit central", "stock": -5}]},
        {"body warehouses.0.stock": 0},
    ),
    "prices that do not agree": (
        "PATCH", WASHER, JSON, {"price_net": 10, "price_gross": 99}, {"-body price_gross": None},
    ),
    "stock beside warehouses": (
        "PATCH", IN_WAREHOUSES, JSON, {"stock": 3, "price_net": 5}, {"-body stock": None},
    ),
    "a list as the body": ("PATCH", WASHER, JSON, [], {"body": EXAMPLE}),
    "no body": ("PATCH", WASHER, JSON, None, {"body": EXAMPLE}),
    "wrong type of body": (
        "PATCH", WASHER, BASIC | {"Content-Type": "text/plain"}, {"stock": 3},
        {"header Content-Type": "application/json"},
    ),
}  # fmt: skip


def marked(control: httpx.Client, marker: str) -> dict[str, Any]:
    """Return the latest call with this marker as a header, explained, from whatever journal."""
    found = control.post("/requests/find", json={"headers": {"x-marker": marker}}).json()["requests"]
    return control.get(f"/requests/{found[-1]['id']}").json()  # type: ignore[no-any-return]


def sent_again(control: httpx.Client, call: dict[str, Any], **body: Any) -> dict[str, Any]:
    answer = control.post(f"/requests/{call['id']}/send", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


@pytest.mark.console(15)
@pytest.mark.parametrize(("vendor", "name"), REFUSALS, ids=lambda part: part)
def test_smallest_change_of_each_refusal_succeeds(
    client: httpx.Client, control_client: httpx.Client, sandbox: str, vendor: str, name: str
) -> None:
    exchange = REFUSALS[vendor, name]
    client.headers["X-Marker"] = sandbox
    for earlier in exchange.given:
        assert send(client, EXCHANGES[vendor, earlier]).is_success
    assert send(client, exchange).status_code == exchange.status
    call = marked(control_client, sandbox)
    explanation = call["explanation"]
    if (vendor, name) in WITHOUT_EDITS:
        assert (explanation["edits"], explanation["smallest_change"]) == (None, WITHOUT_EDITS[vendor, name])
        refused = control_client.post(f"/requests/{call['id']}/send", json={"smallest_change": True})
        assert refused.status_code == 400
        assert LEAVE_OUT in refused.json()["message"]
        return
    again = sent_again(control_client, call, smallest_change=True)
    assert (again["response"]["status"], again["explanation"]["check"]) == (200, None)
    assert explanation["edits"], "and it would not have succeeded without them"
    assert all(edit["text"] for edit in explanation["edits"])


@pytest.mark.console(15)
@pytest.mark.parametrize("name", CASES)
def test_smallest_change_is_the_smallest(
    api: httpx.Client, control_client: httpx.Client, sandbox: str, name: str
) -> None:
    method, target, headers, body, expected = CASES[name]
    content = body if body is None or isinstance(body, bytes) else json.dumps(body)
    control_client.post("/sandboxes", json={"name": sandbox})
    marks = {"X-Marker": sandbox, "X-Mock-Sandbox": sandbox}
    answer = api.request(method, target, headers={**headers, **marks}, content=content)
    assert answer.is_error
    call = marked(control_client, sandbox)
    edits = {
        f"{'-' if edit['action'] == 'remove' else ''}{edit['place']} {edit['name']}".strip(): edit["value"]
        for edit in call["explanation"]["edits"]
    }
    assert edits == expected
    again = sent_again(control_client, call, smallest_change=True)
    assert again["response"]["status"] == 200
    assert again["id"] != call["id"]
    assert not control_client.get(f"/requests/{again['id']}").json()["explanation"]["edits"]


def test_misspelt_name_is_corrected_and_its_value_is_kept(
    client: httpx.Client, control_client: httpx.Client, sandbox: str
) -> None:
    client.patch(WASHER, content='{"stok": 3, "price_net": 1.50}', auth=AUTH)
    client.patch(WASHER, json={"stok": 3, "stock": 4}, auth=AUTH)
    first, second = entries(control_client, sandbox)
    again = sent_again(control_client, first, smallest_change=True)
    assert again["request"]["body"] == '{"stock":3,"price_net":1.50}'
    assert sent_again(control_client, second, smallest_change=True)["request"]["body"] == '{"stock":4}'


def test_edit_tells_where_its_value_comes_from(
    client: httpx.Client, control_client: httpx.Client, sandbox: str
) -> None:
    client.patch(WASHER, json={"price_net": "abc", "stock": -1}, auth=AUTH)
    (call,) = entries(control_client, sandbox)
    edits = control_client.get(f"/requests/{call['id']}").json()["explanation"]["edits"]
    origins = {edit["name"]: (edit["origin"], edit["allowed"]) for edit in edits}
    assert origins["price_net"] == ("record", "a number from 0 to 1000000000")
    assert origins["stock"][0] == "request"


def test_call_is_sent_as_it_was(client: httpx.Client, control_client: httpx.Client, sandbox: str) -> None:
    """Its secrets come along, though no one sees them; it counts as a call, and changes records."""
    secret = {"X-Api-Key": "s3cret", "Content-Type": "application/json"}
    client.patch(WASHER, json={"stock": {"adjust_by": 5}}, auth=AUTH, headers=secret)
    (first,) = entries(control_client, sandbox)
    again = sent_again(control_client, first)
    assert again["request"] == first["request"]
    assert again["request"]["headers"]["x-api-key"] == "***"
    assert again["changes"][0]["before"]["stock"] == first["changes"][0]["after"]["stock"]
    assert [call["id"] for call in entries(control_client, sandbox)] == [first["id"], again["id"]]


def test_refused_credential_is_refused_again(
    client: httpx.Client, control_client: httpx.Client, sandbox: str
) -> None:
    client.get(WASHER, auth=("s3cret", ""), headers={"X-Marker": sandbox})
    first = marked(control_client, sandbox)
    again = sent_again(control_client, first)
    assert (again["sandbox"], again["response"]["status"]) == ("-", 401)


def test_rate_limits_and_faults_apply(
    client: httpx.Client, control_client: httpx.Client, sandbox: str
) -> None:
    limits = {"enabled": True, "overrides": {"merchantpro": {"minute": 1}}}
    control_client.post("/sandboxes", json={"name": sandbox})
    client.get(WASHER, auth=AUTH)
    control_client.put(
        f"/sandboxes/{sandbox}/faults", json=[{"fault": {"type": "status", "status": 503}, "times": 1}]
    )
    (first,) = entries(control_client, sandbox)
    failed = sent_again(control_client, first)
    assert (failed["response"]["status"], failed["fault"]) == (503, "status")
    control_client.put(f"/sandboxes/{sandbox}/limits", json=limits)
    assert sent_again(control_client, first)["response"]["status"] == 200
    limited = sent_again(control_client, first)
    assert (limited["response"]["status"], limited["explanation"]["check"]) == (429, "limits")
    assert limited["explanation"]["edits"] is None
    refused = control_client.post(f"/requests/{limited['id']}/send", json={"smallest_change": True})
    assert refused.status_code == 400
    assert "wait, advance the clock" in refused.json()["message"]


def test_call_that_would_succeed_by_now_needs_no_edits(
    client: httpx.Client, control_client: httpx.Client, sandbox: str
) -> None:
    record = f"/sandboxes/{sandbox}/records/merchantpro/inventory/10001"
    control_client.post("/sandboxes", json={"name": sandbox})
    saved = control_client.get(record).json()
    control_client.delete(record)
    client.get(WASHER, auth=AUTH)
    (first,) = entries(control_client, sandbox)
    assert control_client.get(f"/requests/{first['id']}").json()["explanation"]["edits"]
    control_client.put(record, json=saved)
    assert control_client.get(f"/requests/{first['id']}").json()["explanation"]["edits"] == []
    assert sent_again(control_client, first, smallest_change=True)["response"]["status"] == 200


@pytest.mark.parametrize(
    ("body", "smallest_change", "message"),
    [
        ({"stock": 3}, True, "the call was not refused"),
        ({"stock": 3, "x": "y" * 65 * 1024}, False, "does not have all of its body"),
        ({"stock": 3, "x": "y" * 65 * 1024}, True, "does not have all of its body"),
    ],
)
def test_call_that_cannot_be_sent(
    client: httpx.Client,
    control_client: httpx.Client,
    sandbox: str,
    body: Any,
    smallest_change: bool,
    message: str,
) -> None:
    client.patch(WASHER, json=body, auth=AUTH)
    (call,) = entries(control_client, sandbox)
    path = f"/requests/{call['id']}/send"
    answer = control_client.post(path, json={"smallest_change": smallest_change})
    assert answer.status_code == 400
    assert message in answer.json()["message"]
    assert len(entries(control_client, sandbox)) == 1


def test_search_leaves_no_trace(client: httpx.Client, control_client: httpx.Client, sandbox: str) -> None:
    client.patch("/api/v2/inventory/id/10003", json={"stock": 3}, auth=AUTH)
    before = control_client.get(f"/sandboxes/{sandbox}/export").json()
    (call,) = entries(control_client, sandbox)
    assert control_client.get(f"/requests/{call['id']}").json()["explanation"]["edits"]
    assert control_client.get(f"/sandboxes/{sandbox}/export").json() == before
    assert control_client.get(f"/sandboxes/{sandbox}").json()["calls"] == 1
    assert len(entries(control_client, sandbox)) == 1


def test_client_sends_a_call_again(mockserver: RunningServer, client: httpx.Client, sandbox: str) -> None:
    client.patch(WASHER, json={"stock": -1}, auth=AUTH)
    requests = Client(mockserver.url).sandbox(sandbox).requests
    (call,) = requests
    edits = requests.explain(call).edits
    assert edits
    assert [(edit.action, edit.place, edit.name, edit.value) for edit in edits] == [
        ("set", "body", "stock", 0)
    ]
    assert requests.send(call).status == 400
    mended = requests.send(call, smallest_change=True)
    assert (mended.status, mended.body) == (200, '{"stock":0}')
    assert mended in [*requests]
    with pytest.raises(Refused, match="was not refused"):
        requests.send(mended, smallest_change=True)


def test_control_token_sends_only_the_calls_of_its_sandbox(
    client: httpx.Client, base_url: str, control_client: httpx.Client, sandbox: str
) -> None:
    client.get(WASHER, auth=AUTH)
    own = control_client.post("/sandboxes", json={"credential": "issued"}).json()
    headers = own["credentials"]["merchantpro"]["headers"]
    assert httpx.get(base_url + WASHER + "0", headers=headers).status_code == 404
    bearer = {"Authorization": f"Bearer {own['control_token']}"}
    with httpx.Client(base_url=f"{base_url}/_mock", headers=bearer) as owner:
        answer = owner.post(f"/requests/{sandbox}.1/send", json={})
        assert (answer.status_code, answer.json()["message"]) == (404, f"there is no sandbox {sandbox}")
        again = sent_again(owner, {"id": f"{own['name']}.1"}, smallest_change=True)
    assert (again["sandbox"], again["response"]["status"]) == (own["name"], 200)


BUGS = {
    "in a handler": {
        "    if item is None:": "    if item:\n        raise KeyError(1)\n    if item is None:",
    },
    "in items": {
        'Collection("items", "id"': 'Collection("items", "id", items=lambda record: record["none"]',
        'sample="/items/1"': 'sample="/items/9"',
    },
}


@pytest.mark.parametrize("bug", BUGS)
def test_explanation_does_not_fail_with_the_code_of_a_users_vendor(tmp_path: Path, bug: str) -> None:
    module = write_vendor(tmp_path) / MODULE
    for old, new in BUGS[bug].items():
        assert old in module.read_text()
        module.write_text(module.read_text().replace(old, new))
    mock = app.build(names=["acme"], vendors_from=tmp_path)
    with serving(mock.application) as url, httpx.Client(base_url=url) as api:
        refused = api.get("/acme/items/2?limit=1", headers={"Authorization": "Bearer demo"})
        explanation = api.get("/_mock/requests/demo.1").json()["explanation"]
    assert (refused.status_code, explanation["check"], explanation["edits"]) == (404, "record", None)


def test_explanation_of_a_call_sent_again_does_not_run_on_the_event_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mock, threads = app.build(names=["merchantpro"]), []
    operations = mock.contracts[0].vendor.operations
    update = operations["update-inventory"]

    def recording_handler(call: Any) -> Any:
        threads.append(current_thread().name)
        return update(call)

    monkeypatch.setitem(operations, "update-inventory", recording_handler)
    with serving(mock.application) as url, httpx.Client(base_url=url) as client:
        for stock in (1, 1, -1):  # the first call of a server imports Faker in a thread
            client.patch(WASHER, json={"stock": stock}, auth=("demo", ""))
        loop, seen = threads[-1], len(threads)
        assert client.post("/_mock/requests/demo.3/send", json={}).json()["explanation"]["edits"]
    assert len(threads) > seen
    assert loop not in threads[seen:]
