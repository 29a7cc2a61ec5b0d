"""Records in the control API: found by their vendor's key, and checked against their vendor's schema."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from mockserver import app
from mockserver.contract.contract import Contract
from mockserver.data.catalog.catalog import SeededCatalog
from mockserver.data.store.records import Records
from mockserver.data.store.state import Draft, State
from mockserver.server.pipeline.pending import Pending
from mockserver.vendor_api.raw_request import RawRequest
from mockserver.vendor_api.request import Headers
from tests.conftest import NO_CERTIFICATES, TIMEOUT, exact

EXISTING_KEYS = {  # the key of the first record in each collection's fixtures
    base.id: str(base.fixtures[0][base.collection.key])
    for vendor in app.vendor_names()
    for base in app.load_contract(vendor).base_records.values()
    if base.fixtures
}


@pytest.fixture
def control(base_url: str, sandbox: str) -> Iterator[httpx.Client]:
    """Yield an HTTP client whose base URL is this test's sandbox in the control API."""
    httpx.post(f"{base_url}/_mock/sandboxes", json={"name": sandbox})
    with httpx.Client(
        base_url=f"{base_url}/_mock/sandboxes/{sandbox}", verify=NO_CERTIFICATES, timeout=TIMEOUT
    ) as http_client:
        yield http_client


@pytest.fixture
def vendor_client(base_url: str, sandbox: str) -> Iterator[httpx.Client]:
    """Yield an HTTP client that calls the vendors in the same sandbox."""
    headers = {"X-Mock-Sandbox": sandbox, "Version": "v3", "tenantId": "a", "userId": "b", "countryCode": "c"}
    with httpx.Client(
        base_url=base_url, headers=headers, verify=NO_CERTIFICATES, timeout=TIMEOUT
    ) as http_client:
        yield http_client


def path_of(vendor: str, collection: str, key: str = "") -> str:
    return f"/records/{vendor}/{collection}" + (f"/{key}" if key else "")


@pytest.mark.parametrize("collection", EXISTING_KEYS, ids="/".join)
def test_record_lifecycle(control: httpx.Client, collection: tuple[str, str]) -> None:
    all_records, one_record = path_of(*collection), path_of(*collection, EXISTING_KEYS[collection])
    record, total = control.get(one_record).text, control.get(all_records).json()["total"]
    headers = {"Content-Type": "application/json"}
    assert exact(control.put(one_record, content=record, headers=headers).text) == exact(record)
    assert exact(control.patch(one_record, content="{}", headers=headers).text) == exact(record)
    assert control.post(all_records, content=record, headers=headers).status_code == 409
    assert control.delete(one_record).status_code == 204
    assert [control.request(method, one_record).status_code for method in ("GET", "DELETE")] == [404, 404]
    assert control.get(all_records).json()["total"] == total - 1
    assert exact(control.post(all_records, content=record, headers=headers).text) == exact(record)
    assert exact(control.get(all_records).text)[1] == ("total", total)
    assert exact(control.get(one_record).text) == exact(record)


@pytest.mark.parametrize("collection", EXISTING_KEYS, ids="/".join)
@pytest.mark.parametrize("body", [{}, {"nonsense": 1}, {"id": 5}], ids=str)
def test_record_that_breaks_its_schema_is_refused(
    control: httpx.Client, collection: tuple[str, str], body: dict[str, Any]
) -> None:
    all_records, one_record = path_of(*collection), path_of(*collection, EXISTING_KEYS[collection])
    before = control.get(one_record).text
    for response in (control.put(one_record, json=body), control.post(all_records, json=body)):
        assert response.status_code == 400
        assert response.json()["message"].startswith(f"{'/'.join(collection)}: ")
    if body:
        assert control.patch(one_record, json=body).status_code == 400
    assert control.get(one_record).text == before


def test_sku_of_another_record_is_a_conflict(control: httpx.Client) -> None:
    washer = control.get(path_of("merchantpro", "inventory", "10001")).json()
    copy = washer | {"id": 777001, "ean": None}
    assert control.post(path_of("merchantpro", "inventory"), json=copy).status_code == 409
    shirt = path_of("merchantpro", "inventory", "10002")
    assert control.patch(shirt, json={"sku": washer["sku"]}).status_code == 409
    for sku in ("first", "second"):
        assert control.patch(shirt, json={"sku": sku}).status_code == 200
    assert control.delete(shirt).status_code == 204


@pytest.mark.parametrize(
    ("collection", "field", "value"),
    [
        (("merchantpro", "inventory"), "price_net", 1e40),
        (("merchantpro", "inventory"), "stock", 10**40),
        (("sabi", "products"), "costPrice", 10**30),
        (("sabi", "products"), "createdAt", "2020-13-45T"),
        (("sabi", "products"), "quantity", -5),
    ],
)
def test_value_that_a_vendor_cannot_send_is_refused(
    control: httpx.Client, collection: tuple[str, str], field: str, value: Any
) -> None:
    url = path_of(*collection, EXISTING_KEYS[collection])
    assert control.patch(url, json={field: value}).status_code == 400


@pytest.mark.parametrize("uuid", ["NOT-A-UUID", "F854E9A2-986D-4E2B-9DF0-8E4C139AE80E", ""])
def test_shoplazza_product_needs_a_canonical_uuid(control: httpx.Client, uuid: str) -> None:
    response = control.post(path_of("shoplazza", "products"), json={"product_id": uuid, "variants": []})
    assert response.status_code == 400


@pytest.mark.parametrize("tail", ["%FF/x", "sabi/%FF", "sabi/products/%FF"])
def test_path_that_is_not_utf8_is_404(control: httpx.Client, tail: str) -> None:
    assert control.get(f"/records/{tail}").status_code == 404


def test_key_cannot_be_edited(control: httpx.Client) -> None:
    response = control.patch(path_of("shoplazza", "shops", "inactive"), json={"shopdomain": "other"})
    assert response.json() == {
        "error": "invalid",
        "message": "shopdomain in the record is other; it must be equal to the key, inactive",
    }


@pytest.mark.parametrize("collection", [("acme", "x"), ("sabi", "x")], ids="/".join)
def test_unknown_vendor_or_collection_is_404(control: httpx.Client, collection: tuple[str, str]) -> None:
    assert (
        control.get(path_of(*collection)).status_code
        == control.get(path_of(*collection, "1")).status_code
        == 404
    )


def test_vendors_show_changed_records(control: httpx.Client, vendor_client: httpx.Client) -> None:
    control.patch(path_of("merchantpro", "inventory", "10001"), json={"price_gross": 80, "price_net": 67.23})
    assert '"price_gross":80.00}' in vendor_client.get("/api/v2/inventory/id/10001", auth=("demo", "")).text
    control.patch(path_of("sabi", "products", "1001"), json={"sellingPrice": 2, "quantity": 7})
    found = vendor_client.get(
        "/api/v1/products?productIds=1001", headers={"Authorization": "Bearer demo"}
    ).text
    assert '"quantity":7,"costPrice":0.50,"sellingPrice":2.00' in found
    control.delete(path_of("highlevel", "inventory", "6241712be68f7a98102ba272"))
    listed = vendor_client.get("/products/inventory?altId=x", headers={"Authorization": "Bearer demo"}).json()
    assert listed["total"] == {"total": 99}
    assert len(listed["inventory"]) == 99


def test_new_product_appears_at_every_vendor(control: httpx.Client, vendor_client: httpx.Client) -> None:
    product = {"sku": "LÄMP/1 50%", "name": "Lamp", "price": 12.5, "quantity": 3, "ean": "4006381333931"}
    created = control.post("/products", json=product).json()["records"]
    keys = {entry["vendor"]: entry["key"] for entry in created}
    assert set(keys) == set(app.vendor_names())
    bearer = {"Authorization": "Bearer demo"}
    inventory = vendor_client.get("/products/inventory?altId=x&search=lämp", headers=bearer).json()[
        "inventory"
    ]
    assert [(item["name"], item["availableQuantity"]) for item in inventory] == [("Lamp", 3)]
    for found in ("sku/L%C3%84MP%2F1%2050%25", "ean/4006381333931", f"id/{keys['merchantpro']}"):
        assert vendor_client.get(f"/api/v2/inventory/{found}", auth=("demo", "")).json()["stock"] == 3
    products = vendor_client.get("/api/v1/products?productSearch=lamp", headers=bearer).json()["products"]
    assert [product["productId"] for product in products] == [keys["sabi"]]
    item = vendor_client.get(f"/exchanges/inventory/{keys['narvar']}", auth=("demo", "")).json()
    assert (item["inventory"][0]["sku"], item["inventory"][0]["price"]) == (product["sku"], "12.50")
    stock = vendor_client.get(
        f"/openapi/2022-01/products/{keys['shoplazza']}/inventory", headers={"access-token": "demo"}
    )
    assert stock.json()["variants"][0]["location_items"][0]["stock"] == 3


def test_new_products_have_distinct_ids(control: httpx.Client) -> None:
    created = [
        control.post("/products", json={"sku": f"X{n}", "name": "X"}).json()["records"] for n in range(3)
    ]
    keys = [{(entry["vendor"], entry["key"]) for entry in records} for records in created]
    assert not keys[0] & keys[1] | keys[1] & keys[2]


def test_new_product_with_a_taken_sku_changes_nothing(control: httpx.Client) -> None:
    sku = SeededCatalog(42, 99).variant(5)[1].sku
    assert control.post("/products", json={"sku": sku, "name": "X"}).status_code == 409
    assert control.get("/export").json()["records"] == {}


CONTRACTS = app.build().contracts


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.vendor.name)
def test_every_record_fits_the_schema_of_its_collection(contract: Contract) -> None:
    assert contract.spec.records.keys() == contract.base_records.keys()
    for name, base in contract.base_records.items():
        for record in Records(base, Draft(SeededCatalog(42, 99), State())):
            assert not contract.spec.records[name].difference(record)


@pytest.mark.finding("A3")
@pytest.mark.parametrize(("limit", "pending"), [(100, False), (101, True)])
def test_long_list_is_made_in_a_thread(limit: int, pending: bool) -> None:
    mock = app.build(products=200, log=None)  # with one, each call of control is a task
    mock.sandboxes.catalog.variant(1)  # otherwise the catalog is loaded in a thread first
    path = "/_mock/sandboxes/demo/records/narvar/items"
    raw = RawRequest("GET", path, f"limit={limit}", Headers([(b"host", b"localhost")]))
    assert isinstance(mock.application.start(raw), Pending) == pending
