"""The smallest change of a refused call: it is tried out, and as small as can be."""

import base64
import json
from typing import Any

import httpx
import pytest

from tests.control.journal.conftest import AUTH, WASHER, entries, marked, sent_again
from tests.vendors.test_exchanges import EXCHANGES, dialect_of_sandboxes, send

BEARER = {"Authorization": "Bearer demo", "Version": "2021-07-28"}
SABI = {"Authorization": "Bearer demo", "tenantId": "t", "userId": "u", "countryCode": "US"}
BASIC = {"Authorization": "Basic " + base64.b64encode(b"demo:").decode()}
JSON = BASIC | {"Content-Type": "application/json"}
SHOPLAZZA = {"access-token": "demo", "Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
LEAVE_OUT = "leave the call out, or add the path to a copy of the vendor: see --vendors-from"
# Refusals for which no edit helps, with the advice instead.
WITHOUT_EDITS = {("sabi", "metrics, which are no product"): [LEAVE_OUT]}
REFUSALS = {key: exchange for key, exchange in EXCHANGES.items() if exchange.status >= 400}
# (method, target, headers, body): the edits, as place and name, with `-` for those that leave something out
ID = "f854e9a2-986d-4e2b-9df0-8e4c139ae80e"
VARIANT = "5723299f-238a-4491-8b42-a187462e748a"
LIST, PRODUCTS, IN_WAREHOUSES = "/products/inventory", "/api/v1/products", "/api/v2/inventory/id/10003"
LEVEL = {
    "inventory_item_id": "5723299f-238a-4491-8b42-0422e38bd12f",
    "location_id": "327627904831724000", "stock": 4,
}  # fmt: skip
EXAMPLE = {"stock": 20, "price_net": 1344.54}
SAVED: dict[str, dict[str, Any]] = {
    "products": {"productType": "SERVICE"},
    "prices": {"type": "recurring", "currency": "EUR", "amount": 7},
}
CASES: dict[str, tuple[str, str, dict[str, str], Any, dict[str, Any]]] = {
    "several violations": (
        "GET", f"{LIST}?limit=x&offset=-1&altId=a&color=1", BEARER, None,
        {"-query color": None, "query limit": "20", "query offset": "0"},
    ),
    "missing fields with an example in the spec": (
        "POST", "/products/", BEARER | {"Content-Type": "application/json"}, {"name": "X"},
        {"body locationId": "6578278e879ad2646715ba9c", "body productType": "PHYSICAL"},
    ),
    "parameter sent twice": ("GET", f"{LIST}?altId=a&altId=b", BEARER, None, {"query altId": "a"}),
    "header and parameter missing": (
        "GET", LIST, {"Authorization": "Bearer demo"}, None,
        {"header Version": "2021-07-28", "query altId": "6578278e879ad2646715ba9c"},
    ),
    "nothing right": (
        "POST", "/merchantpro/api/v2/inventry/id/10001", {}, b"{",
        {"path": WASHER, "method": "PATCH", "header Authorization": "Basic ZGVtbzpkZW1v", "body": EXAMPLE},
    ),
    # The body of a refused method is not read, so the search has to send another one.
    "POST for PATCH": ("POST", WASHER, JSON, {"stock": 3}, {"method": "PATCH", "body": EXAMPLE}),
    "PATCH for PUT": (
        "PATCH", f"/openapi/2022-01/variants/{VARIANT}", SHOPLAZZA, {"variant": {"price": 5}},
        {"method": "PUT", "body": {"variant": {"price": "189.00", "inventory_quantity": 5}}},
    ),
    "a write of what can only be read or deleted": (
        "PUT", f"/openapi/2022-01/products/{ID}?x=1", SHOPLAZZA, {"title": "X"}, {"method": "GET"},
    ),
    "DELETE of what can only be read or changed": ("DELETE", WASHER, BASIC, None, {"method": "GET"}),
    "GET of what can only be written": (
        "GET", "/openapi/2026-01/inventory_levels/set", SHOPLAZZA, None, {"method": "POST", "body": LEVEL},
    ),
    "vendor misspelled": ("GET", f"/merchantpr{WASHER}", BASIC, None, {"path": f"/merchantpro{WASHER}"}),
    "path nearly right": (
        "GET", "/openapi/2022-01/product/x/inventories", {"access-token": "demo"}, None,
        {"path": f"/openapi/2022-01/products/{ID}/inventory"},
    ),
    "path without its first variable": (
        "GET", "/merchantpro/api/v2/inventory/10001", BASIC, None, {"path": WASHER},
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
    "form with a wrong choice": (
        "POST", "/oauth/token", FORM, b"client_id=a&client_secret=demo&grant_type=client_credential",
        {"body grant_type": "client_credentials"},
    ),
    "form without the credential of a sandbox": (
        "POST", "/oauth/token", FORM, b"client_id=a&client_secret=x&grant_type=client_credentials",
        {"body client_secret": "demo"},
    ),
    "JSON for a form": (
        "POST", "/oauth/token", JSON,
        {"client_id": "a", "client_secret": "demo", "grant_type": "client_credentials"},
        {"header Content-Type": "application/x-www-form-urlencoded"},
    ),
    "JSON sent as a form": (
        "PATCH", WASHER, BASIC | FORM, {"stock": 5}, {"header Content-Type": "application/json"},
    ),
    "JSON with several fields sent as a form": (
        "PATCH", WASHER, BASIC | FORM, {"stock": {"adjust_by": 2}, "price_net": 1.5},
        {"header Content-Type": "application/json"},
    ),
    "JSON with a wrong value sent as a form": (
        "PATCH", WASHER, BASIC | FORM, {"stock": -5},
        {"header Content-Type": "application/json", "body stock": 0},
    ),
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


@pytest.mark.console(15)
@pytest.mark.parametrize(("vendor", "name"), REFUSALS, ids=lambda part: part)
def test_smallest_change_of_each_refusal_succeeds(
    client: httpx.Client, control_client: httpx.Client, sandbox: str, vendor: str, name: str
) -> None:
    exchange = REFUSALS[vendor, name]
    client.headers["X-Marker"] = sandbox
    with dialect_of_sandboxes(client, exchange.dialect):
        for earlier in exchange.given:
            assert send(client, EXCHANGES[vendor, earlier]).is_success
        assert send(client, exchange).status_code == exchange.status
        call = marked(control_client, sandbox)
        edits, change = call["explanation"]["edits"], call["explanation"]["smallest_change"]
        if (vendor, name) in WITHOUT_EDITS:
            assert (edits, change) == (None, WITHOUT_EDITS[vendor, name])
            refused = control_client.post(f"/requests/{call['id']}/send", json={"smallest_change": True})
            assert refused.status_code == 400
            assert LEAVE_OUT in refused.json()["message"]
            return
        again = sent_again(control_client, call, smallest_change=True)
    assert (again["response"]["status"] in (200, 201, 204), again["explanation"]["check"]) == (True, None)
    assert edits, "and it would not have succeeded without them"
    assert all(edit["text"] for edit in edits)


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
    assert again["response"]["status"] in (200, 201)
    assert again["id"] != call["id"]
    assert not control_client.get(f"/requests/{again['id']}").json()["explanation"]["edits"]


def test_missing_fields_get_the_values_of_the_record(
    api: httpx.Client, control_client: httpx.Client, sandbox: str
) -> None:
    """Otherwise the change would damage the record. Reading it takes a query of its own at this vendor."""
    control_client.post("/sandboxes", json={"name": sandbox})
    records = f"/sandboxes/{sandbox}/records/highlevel"
    product, price = "6241712be68f7a98102ba270", "6241712be68f7a98102ba272"
    for path in (f"products/{product}", f"prices/{price}"):
        saved = control_client.get(f"{records}/{path}").json()
        control_client.put(f"{records}/{path}", json=saved | SAVED[path.split("/")[0]])
    for path, key in ((f"/products/{product}", "products"), (f"/products/{product}/price/{price}", "prices")):
        marks = {"X-Marker": f"{sandbox}-{key}", "X-Mock-Sandbox": sandbox}
        assert api.put(path, json={"name": "X"}, headers=BEARER | marks).status_code == 422
        call = marked(control_client, f"{sandbox}-{key}")
        edits = call["explanation"]["edits"]
        values = {edit["name"]: edit["value"] for edit in edits}
        assert values == SAVED[key] | {"locationId": "6578278e879ad2646715ba9c"}
        assert {edit["origin"] for edit in edits} == {"record"}
        assert sent_again(control_client, call, smallest_change=True)["response"]["status"] == 200


def test_misspelt_name_is_corrected_and_its_value_is_kept(
    client: httpx.Client, control_client: httpx.Client, sandbox: str
) -> None:
    client.patch(WASHER, content='{"stok": 3, "price_net": 1.50}', auth=AUTH)
    client.patch(WASHER, json={"stok": 3, "stock": 4}, auth=AUTH)
    first, second = entries(control_client, sandbox)
    again = sent_again(control_client, first, smallest_change=True)
    assert again["request"]["body"] == '{"stock":3,"price_net":1.50}'
    assert sent_again(control_client, second, smallest_change=True)["request"]["body"] == '{"stock":4}'


def test_json_sent_as_a_form_is_kept_as_it_was(
    client: httpx.Client, control_client: httpx.Client, sandbox: str
) -> None:
    """`curl -d` names a form as the type of what it sends, so only the header is wrong."""
    body = '{"stock": 5,  "price_net": 1.50}'
    client.patch(WASHER, content=body, auth=AUTH, headers=FORM)
    (call,) = entries(control_client, sandbox)
    again = sent_again(control_client, call, smallest_change=True)
    assert again["request"]["body"] == body
    assert [change["after"]["stock"] for change in again["changes"]] == [5]


def test_edit_tells_where_its_value_comes_from(
    client: httpx.Client, control_client: httpx.Client, sandbox: str
) -> None:
    client.patch(WASHER, json={"price_net": "abc", "stock": -1}, auth=AUTH)
    (call,) = entries(control_client, sandbox)
    edits = control_client.get(f"/requests/{call['id']}").json()["explanation"]["edits"]
    origins = {edit["name"]: (edit["origin"], edit["allowed"]) for edit in edits}
    assert origins["price_net"] == ("record", "a number from 0 to 1,000,000,000")
    assert origins["stock"][0] == "request"
