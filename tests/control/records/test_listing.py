"""Records found by a text, told apart from what they were at the beginning, and put back to that."""

from typing import Any
from urllib.parse import quote

import httpx
import pytest

from mockserver import app
from mockserver.server.pipeline.pending import Pending
from mockserver.vendor_api.raw_request import RawRequest
from mockserver.vendor_api.request import Headers
from tests.conftest import exact

SHELVES = {
    "highlevel": ("inventory", "_id", {"availableQuantity": 777}),
    "merchantpro": ("inventory", "id", {"stock": 777}),
    "narvar": ("items", "id", {"retailer": "somebody"}),
    "sabi": ("products", "productId", {"quantity": 777}),
    "shoplazza": ("products", "product_id", {"variants": []}),
}


@pytest.fixture
def shop(api: httpx.Client, sandbox: str) -> str:
    """Return the path of a new sandbox with 30 products."""
    api.post("/_mock/sandboxes", json={"name": sandbox, "products": 30}).raise_for_status()
    return f"/_mock/sandboxes/{sandbox}"


def collection(shop: str, vendor: str) -> str:
    return f"{shop}/records/{vendor}/{SHELVES[vendor][0]}"


def listed(api: httpx.Client, path: str, **query: Any) -> dict[str, Any]:
    answer: dict[str, Any] = api.get(path, params={"limit": 100, **query}).raise_for_status().json()
    assert len(answer["records"]) == min(answer["total"], 100)
    return answer


def record_of(api: httpx.Client, shop: str, vendor: str, q: str = "10010") -> str:
    """Return the path of a vendor's record of the product that a text finds."""
    (product,) = api.get(f"{shop}/products", params={"q": q}).json()["products"]
    return f"{collection(shop, vendor)}/{quote(product['vendors'][vendor]['key'], '')}"


@pytest.mark.parametrize("vendor", SHELVES)
def test_record_is_found_by_what_is_known_of_its_product(api: httpx.Client, shop: str, vendor: str) -> None:
    (product,) = api.get(f"{shop}/products", params={"q": "10010"}).json()["products"]
    record = api.get(record_of(api, shop, vendor)).json()
    key = product["vendors"][vendor]["key"]
    for text in (product["sku"], product["sku"][2:].lower(), product["name"].upper(), product["ean"], key):
        found = listed(api, collection(shop, vendor), q=text)
        assert record in found["records"], text
        assert found["total"] < 20 and found["changed"] == []
    assert listed(api, collection(shop, vendor), q="no such thing")["records"] == []


@pytest.mark.parametrize("vendor", SHELVES)
def test_changed_record_is_told_apart_and_still_found(api: httpx.Client, shop: str, vendor: str) -> None:
    path, (_, key_name, change) = record_of(api, shop, vendor), SHELVES[vendor]
    (product,) = api.get(f"{shop}/products", params={"q": "10010"}).json()["products"]
    changed = api.patch(path, json=change).raise_for_status().json()
    key = str(changed[key_name])
    for query in ({}, {"changed": True}, {"changed": True, "q": product["sku"]}, {"q": product["sku"]}):
        found = listed(api, collection(shop, vendor), **query)
        assert changed in found["records"]
        assert found["changed"] == [key]
        if "changed" in query:
            assert found["total"] == 1
    assert listed(api, collection(shop, vendor), changed=True, q="no such thing")["total"] == 0


def test_text_may_be_anywhere_in_records_of_the_page_and_of_clients(api: httpx.Client, shop: str) -> None:
    path = collection(shop, "sabi")
    apple = api.get(f"{path}/1001").json()
    assert listed(api, path, q="SAN francisco")["records"][0] == apple
    pear = {**apple, "productId": "pear", "description": "A Juicy one"}
    api.post(path, json=pear).raise_for_status()
    api.patch(f"{path}/1002", json={"description": "juicy, too"}).raise_for_status()
    found = listed(api, path, q="juicy")
    assert [one["productId"] for one in found["records"]] == ["1002", "pear"]
    assert found["changed"] == ["1002", "pear"]
    nested = listed(api, f"{shop}/records/merchantpro/inventory", q="depozit furnizor")
    assert [one["id"] for one in nested["records"]][:1] == [10003]


def test_pages_of_what_is_found(api: httpx.Client, shop: str) -> None:
    path = collection(shop, "sabi")
    for key in ("1009", "1003", "1005"):
        api.patch(f"{path}/{key}", json={"quantity": 777}).raise_for_status()
    assert listed(api, path, changed=True)["changed"] == ["1003", "1005", "1009"]
    api.delete(f"{path}/1005").raise_for_status()
    first = api.get(path, params={"changed": True, "limit": 1}).json()
    second = api.get(path, params={"changed": True, "limit": 1, "offset": 1}).json()
    assert [first["changed"], second["changed"], first["total"]] == [["1003"], ["1009"], 2]


@pytest.mark.parametrize("vendor", SHELVES)
@pytest.mark.parametrize("change", ["edit", "delete", "edit twice"])
def test_record_is_reverted(api: httpx.Client, shop: str, vendor: str, change: str) -> None:
    path = record_of(api, shop, vendor)
    before, order = api.get(path).text, listed(api, collection(shop, vendor))
    if change == "delete":
        api.delete(path).raise_for_status()
    for _ in range({"delete": 0, "edit": 1, "edit twice": 2}[change]):
        api.patch(path, json=SHELVES[vendor][2]).raise_for_status()
    assert exact(api.get(f"{path}/initial").raise_for_status().text) == exact(before)
    assert exact(api.post(f"{path}/revert").raise_for_status().text) == exact(before)
    assert exact(api.get(path).text) == exact(before)
    assert listed(api, collection(shop, vendor)) == order
    assert api.get(shop).json()["changes"] == 0, "nothing is left of the change"


def test_revert_of_an_added_record_deletes_it(api: httpx.Client, shop: str) -> None:
    path = f"{shop}/records/shoplazza/shops"
    api.post(path, json={"shopdomain": "new", "active": True}).raise_for_status()
    assert api.get(f"{path}/new/initial").status_code == 404
    assert api.post(f"{path}/new/revert").status_code == 204
    assert api.get(f"{path}/new").status_code == api.post(f"{path}/new/revert").status_code == 404


def test_beginning_is_what_was_last_imported(api: httpx.Client, shop: str) -> None:
    path = collection(shop, "sabi")
    api.patch(f"{path}/1002", json={"quantity": 5}).raise_for_status()
    api.post(path, json={**api.get(f"{path}/1001").json(), "productId": "7"}).raise_for_status()
    api.put(f"{shop}/import", json=api.get(f"{shop}/export").json()).raise_for_status()
    assert listed(api, path)["changed"] == []
    api.patch(f"{path}/1002", json={"quantity": 6}).raise_for_status()
    api.patch(f"{path}/7", json={"quantity": 6}).raise_for_status()
    api.delete(f"{path}/1003").raise_for_status()
    assert listed(api, path, changed=True)["changed"] == ["1002", "7"]
    assert api.post(f"{path}/1002/revert").json()["quantity"] == 5
    for key in ("7", "1003"):
        assert api.post(f"{path}/{key}/revert").json() == api.get(f"{path}/{key}/initial").json()
    assert listed(api, path, changed=True)["total"] == 0


def test_record_whose_sku_another_one_has_taken_is_not_reverted(api: httpx.Client, shop: str) -> None:
    path = f"{shop}/records/merchantpro/inventory"
    sku = api.get(f"{path}/10001").json()["sku"]
    api.patch(f"{path}/10001", json={"sku": "other"}).raise_for_status()
    api.patch(f"{path}/10003", json={"sku": sku}).raise_for_status()
    refused = api.post(f"{path}/10001/revert")
    assert (refused.status_code, refused.json()["message"]) == (
        409, "merchantpro/inventory: another record already has this sku",
    )  # fmt: skip
    assert api.get(f"{path}/10001").json()["sku"] == "other"
    assert api.post(f"{path}/10003/revert").status_code == api.post(f"{path}/10001/revert").status_code == 200


@pytest.mark.parametrize("tail", ["sabi/products/none", "sabi/none/1001", "nobody/products/1001"])
def test_record_that_was_never_there_is_404(api: httpx.Client, shop: str, tail: str) -> None:
    assert api.get(f"{shop}/records/{tail}/initial").status_code == 404
    assert api.post(f"{shop}/records/{tail}/revert").status_code == 404


@pytest.mark.parametrize(
    ("query", "pending"), [("", False), ("q=a", True), ("changed=true", True), ("changed=false", False)]
)
def test_search_runs_in_a_thread(query: str, pending: bool) -> None:
    mock = app.build(products=200, log=None)  # with one, each call of control is a task
    mock.sandboxes.catalog.variant(1)  # otherwise the catalog is loaded in a thread first
    path = "/_mock/sandboxes/demo/records/narvar/items"
    raw = RawRequest("GET", path, query, Headers([(b"host", b"localhost")]))
    assert isinstance(mock.application.start(raw), Pending) == pending


@pytest.mark.parametrize("vendor", app.vendor_names())
def test_collections_are_listed_with_key_and_schema(api: httpx.Client, shop: str, vendor: str) -> None:
    collections = api.get(f"/_mock/vendors/{vendor}/collections").raise_for_status().json()["collections"]
    assert [one["name"] for one in collections if one["products"]] == [SHELVES[vendor][0]]
    for one in collections:
        assert "$ref" not in str(one)
        for record in api.get(f"{shop}/records/{vendor}/{one['name']}?limit=1").json()["records"]:
            assert {one["key"], *one["aliases"]} <= record.keys() <= one["schema"]["properties"].keys()
    assert api.get("/_mock/vendors/nobody/collections").status_code == 404
