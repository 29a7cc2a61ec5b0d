"""Shoplazza's inventory of version 2026-01: items, levels that only grow, and locations."""

import base64
from typing import Any
from uuid import UUID

import httpx
import pytest

from mockserver.data.catalog.catalog import SeededCatalog
from tests.vendors.shoplazza.conftest import PAGE_PRODUCT, PAGE_VARIANT, V1, V2, Control, every

CATALOG = SeededCatalog(42, 99)
VARIANTS = [CATALOG.variant(number) for number in range(99)]
PAGE_LOCATION = "327627904831724000"
LEVELS, ITEMS = f"{V2}/inventory_levels", f"{V2}/inventory_items"
Key = tuple[str, str]


def data(response: httpx.Response) -> Any:
    """Return what an answer of version 2026-01 holds, after checking its envelope."""
    assert response.status_code == 200, response.text
    body = response.json()
    assert [*body] == ["code", "message", "data"]
    assert body["code"] == "Success"
    return body["data"]


def item_of(shop: httpx.Client, *variants: str) -> list[str]:
    """Return the ids of the inventory items of variants."""
    found = data(shop.get(f"{ITEMS}/variant", params={"variant_ids": variants}))["variant_inventory_items"]
    assert [one["variant_id"] for one in found] == [*variants]
    return [one["inventory_item_id"] for one in found]


def levels(shop: httpx.Client, **query: Any) -> dict[Key, int]:
    """Return the stock at all levels, from all pages."""
    found = every(shop, LEVELS, "inventory_levels", **query)
    stock = {(one["inventory_item_id"], one["location_id"]): one.get("stock", 0) for one in found}
    assert len(stock) == len(found), "a level is shown twice"
    return stock


def expected(shop: httpx.Client) -> dict[Key, int]:
    """Return the stock at all levels, as the catalog has it."""
    ids = item_of(shop, *(variant.uuid for _, variant in VARIANTS))
    stock = {
        (item, str(location.uint64)): max(quantity, 0)
        for item, (_, variant) in zip(ids, VARIANTS, strict=True)
        for location, quantity in variant.stock
    }
    return stock | {(*item_of(shop, PAGE_VARIANT), PAGE_LOCATION): 1}


@pytest.mark.parametrize("page_size", [1, 7, 50, 250, 0, 1000])
def test_list_shows_every_level_once(shop: httpx.Client, page_size: int) -> None:
    if page_size == 1:
        query = {"page_size": 1, "location_ids": str(CATALOG.locations()[2].uint64)}
        wanted = {key: n for key, n in expected(shop).items() if key[1] == query["location_ids"]}
        assert levels(shop, **query) == wanted
    else:
        assert levels(shop, page_size=page_size) == expected(shop)


def test_stock_of_nothing_is_left_out(shop: httpx.Client) -> None:
    found = every(shop, LEVELS, "inventory_levels", page_size=250)
    assert {one.get("stock") for one in found} >= {None}
    for level in found:
        full = ["inventory_item_id", "location_id", "stock", "updated_at"]
        assert [*level] == [name for name in full if name in level]
        assert level.get("stock") != 0


FILTERS: dict[str, Any] = {
    "one location": (lambda ids: {"location_ids": [str(CATALOG.locations()[1].uint64)]}),
    "the page's location": (lambda ids: {"location_ids": [PAGE_LOCATION]}),
    "two locations": (lambda ids: {"location_ids": [PAGE_LOCATION, str(CATALOG.locations()[2].uint64)]}),
    "an unknown location": (lambda ids: {"location_ids": ["7"]}),
    "two items": (lambda ids: {"inventory_item_ids": [ids[4], ids[50]]}),
    "items with commas": (lambda ids: {"inventory_item_ids": f"{ids[4]},{ids[50]}"}),
    "an item at a location": (
        lambda ids: {"inventory_item_ids": ids[:9], "location_ids": [str(CATALOG.locations()[1].uint64)]}
    ),
    "unknown item": (lambda ids: {"inventory_item_ids": [PAGE_VARIANT]}),
}


@pytest.mark.parametrize("name", FILTERS)
def test_filters_select_levels(shop: httpx.Client, name: str) -> None:
    everything = expected(shop)
    query = FILTERS[name]([*dict.fromkeys(item for item, _ in everything)])
    items, places = query.get("inventory_item_ids"), query.get("location_ids")
    wanted = {
        key: stock for key, stock in everything.items()
        if (items is None or key[0] in items) and (places is None or key[1] in places)
    }  # fmt: skip
    assert levels(shop, page_size=3, **query) == wanted


def test_updated_at_min_finds_what_was_written_since(shop: httpx.Client, control: Control) -> None:
    control.freeze("2030-01-01T00:00:00Z")
    one, two = item_of(shop, VARIANTS[7][1].uuid, VARIANTS[60][1].uuid)
    place = str(CATALOG.locations()[0].uint64)
    body = {"inventory_item_id": one, "location_id": place, "stock_adjustment": 2}
    assert data(shop.put(LEVELS, json=body))["inventory_level"]["updated_at"] == "2030-01-01T00:00:00Z"
    shop.put(f"{V1}/variants/{VARIANTS[60][1].uuid}", json={"variant": {"note": "x"}})
    found = levels(shop, updated_at_min="2030-01-01T00:00:00Z", page_size=1)
    assert {item for item, _ in found} == {one, two}
    first = str(CATALOG.locations()[0].uint64)
    both = levels(shop, updated_at_min="2030-01-01T00:00:00Z", location_ids=[first, "7"], page_size=1)
    assert both == {key: stock for key, stock in found.items() if key[1] == first}
    assert not levels(shop, updated_at_min="2030-01-01T00:00:01Z")
    assert levels(shop, updated_at_min="2020-01-01T00:00:00Z", page_size=250)


@pytest.mark.parametrize("shift", ["delete the product", "delete the level", "add stock", "connect"])
def test_page_that_shifts_omits_no_level_and_repeats_none(shop: httpx.Client, shift: str) -> None:
    before, seen, gone = expected(shop), [], set()
    query: dict[str, Any] = {"page_size": 9}
    for _ in range(60):
        page = data(shop.get(LEVELS, params=query))
        last = [(one["inventory_item_id"], one["location_id"]) for one in page["inventory_levels"]]
        seen += last
        if not page["has_more"]:
            break
        item, place = last[-1]
        named = {"inventory_item_id": item, "location_id": place}
        if shift == "delete the product":
            product = data(shop.get(f"{ITEMS}/{item}"))["inventory_item"]["product_id"]
            variants = shop.get(f"{V1}/products/{product}/variants").json()["variants"]
            shop.delete(f"{V1}/products/{product}").raise_for_status()
            ids = item_of_deleted(variants)
            gone |= {key for key in before if key[0] in ids}
        elif shift == "delete the level":
            assert data(shop.request("DELETE", LEVELS, json=named)) == {}
        elif shift == "add stock":
            data(shop.put(LEVELS, json={**named, "stock_adjustment": 1}))
        else:
            data(shop.post(LEVELS, json={**named, "location_id": PAGE_LOCATION}))
        query["cursor"] = page["cursor"]
    assert len(seen) == len(set(seen))
    assert before.keys() <= set(seen) | gone


def item_of_deleted(variants: list[dict[str, Any]]) -> set[str]:
    return {str(UUID(int=UUID(one["id"]).int ^ 0xA5A5A5A5A5A5)) for one in variants}


@pytest.mark.parametrize(("method", "path", "name"), [
    ("PUT", LEVELS, "stock_adjustment"), ("POST", f"{LEVELS}/set", "stock"),
])  # fmt: skip
def test_both_writes_only_add_and_show_in_all_versions(
    shop: httpx.Client, method: str, path: str, name: str
) -> None:
    product, variant = next((p, v) for p, v in VARIANTS if len(v.stock) == 2)
    [item] = item_of(shop, variant.uuid)
    location, quantity = variant.stock[1]
    named = {"inventory_item_id": item, "location_id": str(location.uint64)}
    level = data(shop.request(method, path, json={**named, name: 5}))["inventory_level"]
    assert {**level, "updated_at": ""} == {**named, "stock": quantity + 5, "updated_at": ""}
    shown = shop.get(f"{V1}/variants/{variant.uuid}").json()["variant"]
    assert shown["inventory_quantity"] == variant.quantity + 5
    assert shown["updated_at"] == level["updated_at"]
    inventory = shop.get(f"{V1}/products/{product.uuid}/inventory").json()["variants"]
    [items] = [one["location_items"] for one in inventory if one["variant_id"] == variant.uuid]
    assert items[1] == {"location_id": location.uint64, "stock": quantity + 5}

    for added in (0, -1, -quantity - 5):
        refused = shop.request(method, path, json={**named, name: added})
        text = f"{name} must be greater than 0"
        assert (refused.status_code, refused.json()) == (422, {"code": "InvalidParameter", "message": text})
    refused = shop.request(method, path, json={**named, name: -quantity - 6})
    body = {"error": "insufficient_stock", "current_stock": quantity + 5}
    assert (refused.status_code, refused.json()) == (422, body)
    assert shop.get(f"{V1}/variants/{variant.uuid}").json()["variant"] == shown


def test_what_version_2022_writes_shows_in_the_levels(shop: httpx.Client) -> None:
    shop.put(f"{V1}/variants/{PAGE_VARIANT}", json={"variant": {"inventory_quantity": 0}})
    [item] = item_of(shop, PAGE_VARIANT)
    [level] = data(shop.get(LEVELS, params={"inventory_item_ids": item}))["inventory_levels"]
    assert "stock" not in level


def test_level_is_connected_grows_and_is_deleted(shop: httpx.Client) -> None:
    [item] = item_of(shop, PAGE_VARIANT)
    named = {"inventory_item_id": item, "location_id": str(CATALOG.locations()[0].uint64)}
    refused = shop.put(LEVELS, json={**named, "stock_adjustment": 3})
    message = {"code": "NotFound", "message": "inventory level not found"}
    assert (refused.status_code, refused.json()) == (404, message)
    assert "stock" not in data(shop.post(LEVELS, json=named))["inventory_level"]
    data(shop.put(LEVELS, json={**named, "stock_adjustment": 3}))
    assert data(shop.post(LEVELS, json=named))["inventory_level"]["stock"] == 3
    assert shop.get(f"{V1}/variants/{PAGE_VARIANT}").json()["variant"]["inventory_quantity"] == 4
    assert data(shop.request("DELETE", LEVELS, json=named)) == {}
    assert shop.request("DELETE", LEVELS, json=named).json() == message
    assert shop.get(f"{V1}/variants/{PAGE_VARIANT}").json()["variant"]["inventory_quantity"] == 1


REFUSED: dict[str, tuple[str, str, Any, int, str]] = {
    "no items": ("GET", ITEMS, None, 400, "inventory_item_ids is required"),
    "no variants": ("GET", f"{ITEMS}/variant", None, 400, "variant_ids is required"),
    "a variant id that is none": (
        "GET", f"{ITEMS}/variant?variant_ids=2001", None, 400, "variant_ids.0 is invalid",
    ),
    "a location that is no number": (
        "GET", f"{LEVELS}?location_ids=x", None, 400, "location_ids.0 is invalid",
    ),
    "a page size below 0": (
        "GET", f"{LEVELS}?page_size=-1", None, 400, "page_size must be greater than or equal to 0",
    ),
    "a cursor": ("GET", f"{LEVELS}?cursor=x", None, 400, "cursor is invalid"),
    "a cursor of items": (
        "GET", f"{ITEMS}?inventory_item_ids={PAGE_VARIANT}&cursor=eA==", None, 400, "cursor is invalid",
    ),
    "a cursor of locations": ("GET", f"{V2}/locations?cursor=eCN5", None, 400, "cursor is invalid"),
    "a time": ("GET", f"{LEVELS}?updated_at_min=today", None, 400, "updated_at_min is invalid"),
    "a status": ("GET", f"{V2}/locations?status=3", None, 400, "status is invalid"),
    "a location id": ("GET", f"{V2}/locations/main", None, 400, "location_id is invalid"),
    "nothing named": ("POST", LEVELS, {}, 400, "inventory_item_id is required; location_id is required"),
    "an empty name": (
        "POST", LEVELS, {"inventory_item_id": "", "location_id": "1"}, 400, "inventory_item_id is required",
    ),
    "a number as id": (
        "POST", LEVELS, {"inventory_item_id": 1, "location_id": "1"}, 400, "inventory_item_id is invalid",
    ),
    "more than int32": (
        "PUT", LEVELS, {"inventory_item_id": "1", "location_id": "1", "stock_adjustment": 2**31},
        400, "stock_adjustment must be less than or equal to 2147483647",
    ),
    "an unknown item": (
        "POST", LEVELS, {"inventory_item_id": "1001", "location_id": PAGE_LOCATION},
        404, "inventory item not found",
    ),
    "an unknown location": ("GET", f"{V2}/locations/1", None, 404, "location not found"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_have_code_and_message(shop: httpx.Client, name: str) -> None:
    method, path, body, status, message = REFUSED[name]
    response = shop.request(method, path, **({"json": body} if body is not None else {}))
    code = "NotFound" if status == 404 else "InvalidParameter"
    assert (response.status_code, response.json()) == (status, {"code": code, "message": message})


def test_gateway_refuses_all_versions_alike(client: httpx.Client) -> None:
    for path in (LEVELS, f"{V2}/locations", f"{V1}/products"):
        assert client.get(path).json() == {"error": "Unauthorized"}
        assert client.get(path, headers={"access-token": "forbidden"}).json() == {"error": "Forbidden"}
        shopless = client.get(path, headers={"access-token": "demo", "Host": "myshoplazza.com"})
        assert (shopless.status_code, shopless.json()) == (400, {"errors": ["No Context"]})


def test_inventory_items_are_listed_in_pages(shop: httpx.Client) -> None:
    ids = item_of(shop, *(variant.uuid for _, variant in VARIANTS[:7]))
    assert not {variant.uuid for _, variant in VARIANTS} & {*ids}
    query = {"inventory_item_ids": [*ids, PAGE_PRODUCT, ids[0]]}
    found = every(shop, ITEMS, "inventory_items", **query, page_size=3)
    assert [one["id"] for one in found] == ids
    for item, (product, variant) in zip(found, VARIANTS, strict=False):
        assert data(shop.get(f"{ITEMS}/{item['id']}")) == {"inventory_item": item}
        assert (item["variant_id"], item["product_id"]) == (variant.uuid, product.uuid)
        shown = shop.get(f"{V1}/products/{product.uuid}").json()["product"]
        assert (item["tracking"], item["tracking_policy"]) == (
            shown["inventory_tracking"], shown["inventory_policy"],
        )  # fmt: skip


def test_locations_are_listed_and_the_default_one_is_first(shop: httpx.Client, control: Control) -> None:
    found = every(shop, f"{V2}/locations", "locations", page_size=1)
    assert found[0] == data(shop.get(f"{V2}/locations/default"))["location"]
    assert [one["default"] for one in found] == [True, False, False, False]
    assert {one["id"] for one in found} == {int(PAGE_LOCATION), *(at.uint64 for at in CATALOG.locations())}
    assert data(shop.get(f"{V2}/locations/count")) == {"count": 4}
    for location in found:
        assert data(shop.get(f"{V2}/locations/{location['id']}")) == {"location": location}
    control.edit("locations", PAGE_LOCATION, {"active": False})
    for status, names in (("Activate", 3), ("1", 3), ("Deactivate", 1), ("2", 1), ("0", 4), ("Unknown", 4)):
        page = data(shop.get(f"{V2}/locations", params={"status": status, "sort_by": "priority"}))
        assert (len(page["locations"]), page["total"], page["has_more"]) == (names, names, False)


def test_location_ids_are_numbers_in_locations_and_texts_in_levels(shop: httpx.Client) -> None:
    assert f'"id":{PAGE_LOCATION},' in shop.get(f"{V2}/locations/{PAGE_LOCATION}").text
    assert f'"location_id":"{PAGE_LOCATION}"' in shop.get(f"{LEVELS}?location_ids={PAGE_LOCATION}").text


def test_cursor_of_a_level_is_base64(shop: httpx.Client) -> None:
    cursor = data(shop.get(LEVELS, params={"page_size": 1}))["cursor"]
    assert base64.b64decode(cursor).decode().count("#") == 2
