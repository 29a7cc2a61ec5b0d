"""Stale reads, and lists that change between two pages."""

from typing import Any

import httpx
import pytest

from mockserver import app
from mockserver.vendors.highlevel.account import LOCATION
from tests.sandbox.faults.test_rules import AUTH, WASHER, Put, act, made, rules, statuses

__all__ = ["made", "rules"]  # fixtures


def stock(client: httpx.Client) -> int:
    return client.get(WASHER, auth=AUTH).json()["stock"]


def set_stock(client: httpx.Client, quantity: int) -> None:
    assert client.patch(WASHER, auth=AUTH, json={"stock": quantity}).json()["stock"] == quantity


@pytest.mark.parametrize(
    ("fault", "seen"),
    [({}, [10, 3]), ({"reads": 2}, [10, 10, 3]), ({"reads": 1, "seconds": 60}, [10, 3])],
)
def test_reads_after_a_write_are_stale_for_a_number_of_reads(
    client: httpx.Client, rules: Put, fault: dict[str, Any], seen: list[int]
) -> None:
    rules({"fault": {"type": "stale_reads", **fault}, "times": 1})
    set_stock(client, 3)
    assert [stock(client) for _ in seen] == seen


def test_reads_after_a_write_are_stale_for_a_number_of_seconds(
    client: httpx.Client, made: str, rules: Put
) -> None:
    act(client, "PUT", f"{made}/clock", {"action": "freeze"})
    rules({"fault": {"type": "stale_reads", "seconds": 5}})
    set_stock(client, 3)
    assert [stock(client) for _ in range(3)] == [10] * 3
    act(client, "PUT", f"{made}/clock", {"action": "advance", "seconds": 4.9})
    adjusted = client.patch(WASHER, auth=AUTH, json={"stock": {"adjust_by": 1}})
    assert adjusted.json()["stock"] == 4, "writes must see the current record"
    assert stock(client) == 3, "a write must make reads stale again"
    act(client, "PUT", f"{made}/clock", {"action": "advance", "seconds": 5})
    assert stock(client) == 4


def test_stale_reads_do_not_affect_the_control_api(client: httpx.Client, made: str, rules: Put) -> None:
    rules({"fault": {"type": "stale_reads", "reads": 100}})
    set_stock(client, 3)
    assert act(client, "GET", f"{made}/records/merchantpro/inventory/10001")["stock"] == 3
    act(client, "POST", f"{made}/fork", {"name": f"{made}-child"})
    act(client, "DELETE", f"{made}/faults")
    assert stock(client) == 3, "reads must be current once the rule is gone"
    child = client.get(WASHER, auth=AUTH, headers={"X-Mock-Sandbox": f"{made}-child"})
    assert child.json()["stock"] == 10, "a fork must copy the stale records"


def ids_on_two_pages(client: httpx.Client, vendor: str) -> list[str]:
    """Return the ids on the first two pages of a vendor's list, with ten items per page."""
    emulated = app.load_contract(vendor).vendor
    if vendor == "sabi":
        paths = [f"/api/v1/products?page={n}&limit=10" for n in (1, 2)]
        pages = [client.get(path, headers=emulated.auth_headers("demo")).json()["products"] for path in paths]
        return [item["productId"] for page in pages for item in page]
    paths = [f"/products/inventory?altId=x&offset={n}&limit=10" for n in (0, 10)]
    pages = [client.get(path, headers=emulated.auth_headers("demo")).json()["inventory"] for path in paths]
    return [item["_id"] for page in pages for item in page]


@pytest.mark.parametrize("vendor", ["sabi", "highlevel"])
def test_item_removed_between_two_pages_hides_another_item(
    client: httpx.Client, rules: Put, vendor: str
) -> None:
    unshifted = ids_on_two_pages(client, vendor)
    rules({"fault": {"type": "page_shift", "change": "remove"}, "times": 1})
    assert ids_on_two_pages(client, vendor) == unshifted[:10] + ids_on_two_pages(client, vendor)[10:]
    assert unshifted[10] not in ids_on_two_pages(client, vendor)[10:]


@pytest.mark.parametrize("vendor", ["sabi", "highlevel"])
def test_item_inserted_between_two_pages_repeats_another_item(
    client: httpx.Client, rules: Put, vendor: str
) -> None:
    unshifted = ids_on_two_pages(client, vendor)
    rules({"fault": {"type": "page_shift", "change": "insert"}, "times": 1})
    ids = ids_on_two_pages(client, vendor)
    assert ids == unshifted[1:11] + unshifted[10:]
    assert len(set(ids)) == len(ids) - 1
    assert ids_on_two_pages(client, vendor) == unshifted


# Lists of products: the vendor, the list with two of them on a page, the name of their list and of their id.
PRODUCTS = {
    "merchantpro": ("/api/v2/products?limit=2&start=2", "data", "id"),
    "highlevel": (f"/products/?locationId={LOCATION}&limit=2", "products", "_id"),
    "shoplazza": ("/openapi/2022-01/products?per_page=2", "products", "id"),
}


def stored(client: httpx.Client, made: str, vendor: str) -> dict[str, set[str]]:
    """Return the keys of a vendor's records by collection."""
    collections = client.get(f"/_mock/vendors/{vendor}/collections").json()["collections"]
    keys: dict[str, set[str]] = {}
    for one in collections:
        records = act(client, "GET", f"{made}/records/{vendor}/{one['name']}?limit=1000")["records"]
        keys[one["name"]] = {str(record[one["key"]]) for record in records}
    return keys


@pytest.mark.parametrize("vendor", PRODUCTS)
def test_product_removed_between_two_pages_takes_along_what_the_vendor_deletes_with_it(
    client: httpx.Client, made: str, rules: Put, vendor: str
) -> None:
    path, name, key = PRODUCTS[vendor]
    headers = app.load_contract(vendor).vendor.auth_headers("demo")
    page = client.get(path, headers=headers).json()[name]
    before = stored(client, made, vendor)
    rules({"fault": {"type": "page_shift", "change": "remove"}, "times": 1})
    assert client.get(path, headers=headers).json()[name] == page
    assert client.get(path, headers=headers).json()[name][0] == page[1]
    removed = stored(client, made, vendor)
    act(client, "POST", f"{made}/reset")
    base, query = (
        path.partition("?")[0].rstrip("/"),
        {"locationId": LOCATION} if vendor == "highlevel" else {},
    )
    assert client.delete(f"{base}/{page[0][key]}", params=query, headers=headers).is_success
    assert removed == stored(client, made, vendor) != before


def test_list_inside_data_is_shifted(client: httpx.Client, rules: Put) -> None:
    path = "/openapi/2026-01/locations"
    headers = {"access-token": "demo"}
    locations = client.get(path, headers=headers).json()["data"]["locations"]
    rules({"fault": {"type": "page_shift", "change": "insert"}, "times": 1})
    shown = client.get(path, headers=headers).json()["data"]["locations"]
    assert shown == locations[1:]
    assert client.get(path, headers=headers).json()["data"]["locations"] == locations


def test_lists_in_a_record_are_not_shifted(client: httpx.Client, rules: Put) -> None:
    rules({"fault": {"type": "page_shift", "change": "remove"}})
    shown = [client.get("/api/v2/products/20000000", auth=AUTH).json() for _ in range(2)]
    assert shown[0]["variants"] == shown[1]["variants"] != []


def test_page_shift_affects_only_lists(client: httpx.Client, rules: Put) -> None:
    rules({"fault": {"type": "page_shift", "change": "remove"}})
    assert statuses(client, 2) == [200, 200]
