"""Records through the control API: any vendor's, by its own key, checked before they count."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from mockserver import app
from mockserver.catalog.catalog import SeededCatalog
from mockserver.contract.contract import Contract
from mockserver.store.records import Records
from mockserver.store.state import Draft, State
from tests.conftest import exact

KEYS = {
    ("highlevel", "inventory"): "6241712be68f7a98102ba272",
    ("highlevel", "locations"): "inactiveLocation0001",
    ("merchantpro", "inventory"): "10001",
    ("narvar", "items"): "9999",
    ("sabi", "products"): "1001",
    ("shoplazza", "products"): "f854e9a2-986d-4e2b-9df0-8e4c139ae80e",
    ("shoplazza", "shops"): "inactive",
}


@pytest.fixture
def api(base_url: str, sandbox: str) -> Iterator[httpx.Client]:
    """A client of this test's sandbox under control."""
    httpx.post(f"{base_url}/_mock/sandboxes", json={"name": sandbox})
    with httpx.Client(base_url=f"{base_url}/_mock/sandboxes/{sandbox}") as one:
        yield one


@pytest.fixture
def shop(base_url: str, sandbox: str) -> Iterator[httpx.Client]:
    """A client of the vendors in the same sandbox."""
    headers = {"X-Mock-Sandbox": sandbox, "Version": "v3", "tenantId": "a", "userId": "b", "countryCode": "c"}
    with httpx.Client(base_url=base_url, headers=headers) as one:
        yield one


def path(vendor: str, collection: str, key: str = "") -> str:
    return f"/records/{vendor}/{collection}" + (f"/{key}" if key else "")


@pytest.mark.parametrize("where", KEYS, ids="/".join)
def test_a_record_is_read_replaced_edited_deleted_and_made_again(
    api: httpx.Client, where: tuple[str, str]
) -> None:
    one = path(*where, KEYS[where])
    record, total = api.get(one).text, api.get(path(*where)).json()["total"]
    headers = {"Content-Type": "application/json"}
    assert exact(api.put(one, content=record, headers=headers).text) == exact(record)
    assert exact(api.patch(one, content="{}", headers=headers).text) == exact(record)
    assert api.post(path(*where), content=record, headers=headers).status_code == 409
    assert api.delete(one).status_code == 204
    assert [api.request(method, one).status_code for method in ("GET", "DELETE")] == [404, 404]
    assert api.get(path(*where)).json()["total"] == total - 1
    assert exact(api.post(path(*where), content=record, headers=headers).text) == exact(record)
    assert exact(api.get(path(*where)).text)[1] == ("total", total)
    assert exact(api.get(one).text) == exact(record)


@pytest.mark.parametrize("where", KEYS, ids="/".join)
@pytest.mark.parametrize("body", [{}, {"nonsense": 1}, {"id": 5}], ids=str)
def test_a_record_that_breaks_the_vendors_schema_changes_nothing(
    api: httpx.Client, where: tuple[str, str], body: dict[str, Any]
) -> None:
    one = path(*where, KEYS[where])
    before = api.get(one).text
    for response in (api.put(one, json=body), api.post(path(*where), json=body)):
        assert response.status_code == 400
        assert response.json()["message"].startswith(f"{where[0]}/{where[1]}: ")
    if body:
        assert api.patch(one, json=body).status_code == 400
    assert api.get(one).text == before


def test_a_sku_belongs_to_one_record(api: httpx.Client) -> None:
    washer = api.get(path("merchantpro", "inventory", "10001")).json()
    double = washer | {"id": 777001, "ean": None}
    assert api.post(path("merchantpro", "inventory"), json=double).status_code == 409
    shirt = path("merchantpro", "inventory", "10002")
    assert api.patch(shirt, json={"sku": washer["sku"]}).status_code == 409
    for sku in ("first", "second"):
        assert api.patch(shirt, json={"sku": sku}).status_code == 200
    assert api.delete(shirt).status_code == 204


@pytest.mark.parametrize(
    ("where", "field", "value"),
    [
        (("merchantpro", "inventory"), "price_net", 1e40),
        (("merchantpro", "inventory"), "stock", 10**40),
        (("sabi", "products"), "costPrice", 10**30),
        (("sabi", "products"), "createdAt", "2020-13-45T"),
        (("sabi", "products"), "quantity", -5),
    ],
)
def test_what_a_vendor_could_not_answer_with_is_not_taken(
    api: httpx.Client, where: tuple[str, str], field: str, value: Any
) -> None:
    assert api.patch(path(*where, KEYS[where]), json={field: value}).status_code == 400


@pytest.mark.parametrize("uuid", ["NOT-A-UUID", "F854E9A2-986D-4E2B-9DF0-8E4C139AE80E", ""])
def test_a_product_of_shoplazza_has_a_canonical_uuid(api: httpx.Client, uuid: str) -> None:
    response = api.post(path("shoplazza", "products"), json={"product_id": uuid, "variants": []})
    assert response.status_code == 400


@pytest.mark.parametrize("tail", ["%FF/x", "sabi/%FF", "sabi/products/%FF"])
def test_keys_that_are_no_text_are_not_found(api: httpx.Client, tail: str) -> None:
    assert api.get(f"/records/{tail}").status_code == 404


def test_a_key_cannot_be_edited(api: httpx.Client) -> None:
    response = api.patch(path("shoplazza", "shops", "inactive"), json={"shopdomain": "other"})
    assert response.json() == {
        "error": "invalid",
        "message": "shopdomain of the record is other, its key is inactive",
    }


@pytest.mark.parametrize("where", [("acme", "x"), ("sabi", "x")], ids="/".join)
def test_an_unknown_vendor_or_collection_is_not_found(api: httpx.Client, where: tuple[str, str]) -> None:
    assert api.get(path(*where)).status_code == api.get(path(*where, "1")).status_code == 404


def test_what_control_writes_the_vendor_answers(api: httpx.Client, shop: httpx.Client) -> None:
    api.patch(path("merchantpro", "inventory", "10001"), json={"price_gross": 80, "price_net": 67.23})
    assert '"price_gross":80.00}' in shop.get("/api/v2/inventory/id/10001", auth=("demo", "")).text
    api.patch(path("sabi", "products", "1001"), json={"sellingPrice": 2, "quantity": 7})
    found = shop.get("/api/v1/products?productIds=1001", headers={"Authorization": "Bearer demo"}).text
    assert '"quantity":7,"costPrice":0.50,"sellingPrice":2.00' in found
    api.delete(path("highlevel", "inventory", "6241712be68f7a98102ba272"))
    listed = shop.get("/products/inventory?altId=x", headers={"Authorization": "Bearer demo"}).json()
    assert listed["total"] == {"total": 99}
    assert len(listed["inventory"]) == 99


def test_a_new_product_appears_at_every_vendor(api: httpx.Client, shop: httpx.Client) -> None:
    given = {"sku": "LÄMP/1 50%", "name": "Lamp", "price": 12.5, "quantity": 3, "ean": "4006381333931"}
    made = api.post("/products", json=given).json()["records"]
    keys = {one["vendor"]: one["key"] for one in made}
    assert set(keys) == set(app.vendor_names())
    bearer = {"Authorization": "Bearer demo"}
    inventory = shop.get("/products/inventory?altId=x&search=lämp", headers=bearer).json()["inventory"]
    assert [(one["name"], one["availableQuantity"]) for one in inventory] == [("Lamp", 3)]
    for found in ("sku/L%C3%84MP%2F1%2050%25", "ean/4006381333931", f"id/{keys['merchantpro']}"):
        assert shop.get(f"/api/v2/inventory/{found}", auth=("demo", "")).json()["stock"] == 3
    products = shop.get("/api/v1/products?productSearch=lamp", headers=bearer).json()["products"]
    assert [one["productId"] for one in products] == [keys["sabi"]]
    item = shop.get(f"/exchanges/inventory/{keys['narvar']}", auth=("demo", "")).json()
    assert (item["inventory"][0]["sku"], item["inventory"][0]["price"]) == (given["sku"], "12.50")
    stock = shop.get(
        f"/openapi/2022-01/products/{keys['shoplazza']}/inventory", headers={"access-token": "demo"}
    )
    assert stock.json()["variants"][0]["location_items"][0]["stock"] == 3


def test_products_made_one_after_the_other_have_ids_of_their_own(api: httpx.Client) -> None:
    made = [api.post("/products", json={"sku": f"X{n}", "name": "X"}).json()["records"] for n in range(3)]
    keys = [{(one["vendor"], one["key"]) for one in records} for records in made]
    assert not keys[0] & keys[1] | keys[1] & keys[2]


def test_a_sku_that_exists_is_a_conflict_and_leaves_nothing_behind(api: httpx.Client) -> None:
    sku = SeededCatalog(42, 99).variant(5)[1].sku
    assert api.post("/products", json={"sku": sku, "name": "X"}).status_code == 409
    assert api.get("/export").json()["records"] == {}


CONTRACTS = app.build().contracts


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.vendor.name)
def test_every_collection_has_a_schema_and_every_record_fits_it(contract: Contract) -> None:
    assert contract.spec.records.keys() == contract.base_records.keys()
    for name, base in contract.base_records.items():
        for record in Records(base, Draft(SeededCatalog(42, 99), State())):
            assert not contract.spec.records[name].difference(record)
