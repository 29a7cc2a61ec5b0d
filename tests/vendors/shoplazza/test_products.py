"""Shoplazza's products of version 2022-01: list, filters, deletion, and cursors while pages shift."""

import base64
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from mockserver.data.catalog.catalog import SeededCatalog
from tests.vendors.shoplazza.conftest import PAGE_PRODUCT, V1, Control, every

CATALOG = SeededCatalog(42, 99)
PRODUCTS = [CATALOG.product(number) for number in range(CATALOG.product_count)]
SECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def listed(shop: httpx.Client, **query: Any) -> list[dict[str, Any]]:
    """Return the products of all pages."""
    return every(shop, f"{V1}/products", "products", **{"per_page": 50, **query})


def created(moment: Any) -> str:
    return moment.isoformat()[:19] + "Z"


def test_list_shows_every_product_once_and_the_newest_first(shop: httpx.Client) -> None:
    found = listed(shop, per_page=7)
    assert sorted(one["id"] for one in found) == sorted([PAGE_PRODUCT, *(one.uuid for one in PRODUCTS)])
    times = [one["created_at"] for one in found]
    assert times == sorted(times, reverse=True)
    assert all(map(SECONDS.fullmatch, times))


def test_generated_product_shows_what_the_catalog_has(shop: httpx.Client) -> None:
    for product in PRODUCTS[:8]:
        shown = shop.get(f"{V1}/products/{product.uuid}").json()["product"]
        assert shown["title"] == product.name
        assert shown["published"] == product.active == (shown["published_at"] is not None)
        assert shown["created_at"] == created(product.created)
        assert shown["inventory_quantity"] == sum(variant.quantity for variant in product.variants)
        assert [
            (one["id"], one["sku"], one["barcode"], one["price"], one["inventory_quantity"], one["position"])
            for one in shown["variants"]
        ] == [
            (one.uuid, one.sku, one.ean, str(one.price), one.quantity, position)
            for position, one in enumerate(product.variants, 1)
        ]
        assert [one["values"] for one in shown["options"]] == [
            [*dict.fromkeys(one.size for one in product.variants)],
            [*dict.fromkeys(one.color for one in product.variants)],
        ]
        assert [one["position"] for one in shown["images"]] == [
            str(n + 1) for n in range(len(shown["images"]))
        ]
        assert [one["position"] for one in shown["options"]] == [1, 2]


@pytest.mark.parametrize("per_page", [1, 3, 41])
def test_pre_cursor_leads_back_over_the_same_pages(shop: httpx.Client, per_page: int) -> None:
    pages, query = [], {"per_page": per_page}
    while True:
        pages.append(shop.get(f"{V1}/products", params=query).json())
        if not pages[-1]["cursor"]:
            break
        query = {"per_page": per_page, "cursor": pages[-1]["cursor"]}
    assert not pages[0]["pre_cursor"]
    for page, earlier in zip(pages[:0:-1], pages[-2::-1], strict=True):
        query = {"per_page": per_page, "pre_cursor": page["pre_cursor"]}
        assert shop.get(f"{V1}/products", params=query).json() == earlier


def test_cursor_is_time_and_id_of_the_last_product_and_pre_cursor_of_the_first(shop: httpx.Client) -> None:
    first = shop.get(f"{V1}/products", params={"per_page": 2}).json()
    page = shop.get(f"{V1}/products", params={"per_page": 2, "cursor": first["cursor"]}).json()
    for name, product in (("pre_cursor", page["products"][0]), ("cursor", page["products"][-1])):
        text = base64.b64decode(page[name]).decode()
        assert text == f"{product['created_at']}#{product['id']}"


def test_cursor_counts_if_there_are_both(shop: httpx.Client) -> None:
    page = shop.get(f"{V1}/products", params={"per_page": 2}).json()
    both = {"per_page": 2, "cursor": page["cursor"], "pre_cursor": page["cursor"]}
    assert shop.get(f"{V1}/products", params=both).json() == shop.get(
        f"{V1}/products", params={"per_page": 2, "cursor": page["cursor"]}
    ).json()  # fmt: skip


def test_official_example_of_a_cursor_is_read(shop: httpx.Client) -> None:
    cursor = "MjAyMS0wNy0wOVQwMToxNzowNFojN2JiMWUwMTUtMDVhMi00Yzk0LWIxNDktMTE1MDEzYmEwODEz"
    found = shop.get(f"{V1}/products", params={"cursor": cursor, "per_page": 250}).json()["products"]
    older = [one for one in PRODUCTS if created(one.created) < "2021-07-09T01:17:04Z"]
    assert {one["id"] for one in found} == {PAGE_PRODUCT, *(one.uuid for one in older)}


@pytest.mark.parametrize("shift", ["delete the last", "delete others", "change", "add"])
def test_page_that_shifts_omits_no_product_and_repeats_none(
    shop: httpx.Client, control: Control, shift: str
) -> None:
    before, seen, query = [one["id"] for one in listed(shop)], [], {"per_page": 4}
    deleted: set[str] = set()

    def delete(key: str) -> None:
        assert shop.delete(f"{V1}/products/{key}").json() == {}
        deleted.add(key)

    for turn in range(20):
        page = shop.get(f"{V1}/products", params=query).json()
        seen += [one["id"] for one in page["products"]]
        if not page["cursor"]:
            break
        if shift == "delete the last":
            delete(seen[-1])
        elif shift == "delete others":
            delete(seen[-2])
            waiting = [key for key in before if key not in seen and key not in deleted]
            if len(waiting) > 2:
                delete(waiting[1])
        elif shift == "change":
            for product in page["products"]:
                variant = product["variants"][0]["id"]
                shop.put(f"{V1}/variants/{variant}", json={"variant": {"inventory_quantity": turn}})
        else:
            control.add_product(f"New {turn}", f"NEW-{turn}")
        query = {"per_page": 4, "cursor": page["cursor"]}
    assert len(seen) == len(set(seen))
    assert set(before) <= set(seen) | deleted


FILTERS: dict[str, tuple[dict[str, str], Callable[[Any], bool]]] = {
    "title": ({"title": "JACKET"}, lambda one: "Jacket" in one.name),
    "published": ({"published_status": "published"}, lambda one: one.active),
    "unpublished": ({"published_status": "unpublished"}, lambda one: not one.active),
    "any": ({"published_status": "any"}, lambda one: True),
    "created from": (
        {"created_at_min": "2022-01-01T02:00:00+02:00"},
        lambda one: created(one.created) >= "2022-01-01T00:00:00Z",
    ),
    "created until": (
        {"created_at_max": "2022-01-01T00:00:00.5Z"},
        lambda one: created(one.created) <= "2022-01-01T00:00:00Z",
    ),
    "updated": (
        {"updated_at_min": "2021-01-01T00:00:00Z", "updated_at_max": "2023-01-01T00:00:00Z"},
        lambda one: "2021-01-01" <= created(one.updated) < "2023-01-01T00:00:01Z",
    ),
    "published from": (
        {"published_at_min": "2022-01-01T00:00:00Z"},
        lambda one: one.active and created(one.created) >= "2022-01-01T00:00:00Z",
    ),
    "nothing sent": ({"title": "", "ids": "", "cursor": "", "created_at_min": ""}, lambda one: True),
}


@pytest.mark.parametrize("name", FILTERS)
def test_filters_select_products_and_are_counted(shop: httpx.Client, name: str) -> None:
    query, passes = FILTERS[name]
    expected = {one.uuid for one in PRODUCTS if passes(one)}
    assert {one["id"] for one in listed(shop, **query)} - {PAGE_PRODUCT} == expected
    counted = shop.get(f"{V1}/products/count", params=query).json()["count"]
    assert counted == len(listed(shop, **query))


def test_ids_select_products_in_the_order_of_the_list(shop: httpx.Client) -> None:
    wanted = [PRODUCTS[3].uuid.upper(), PAGE_PRODUCT, PRODUCTS[1].uuid, "0" * 32, PAGE_PRODUCT]
    found = [one["id"] for one in listed(shop, ids=",".join(wanted), per_page=2)]
    newest_first = sorted((PRODUCTS[3], PRODUCTS[1]), key=lambda one: one.created, reverse=True)
    assert found == [*(one.uuid for one in newest_first), PAGE_PRODUCT]


def test_spus_and_collection_select_products_of_a_kind(shop: httpx.Client) -> None:
    spu = shop.get(f"{V1}/products/{PRODUCTS[0].uuid}").json()["product"]["spu"]
    found = listed(shop, spus=f"IPOD2008, {spu}")
    assert {one["spu"] for one in found} == {"IPOD2008", spu}
    collection = f"9e79ca1f-9ff2-409b-976f-98be343d{PRODUCTS[0].kind_number:04x}"
    of_kind = {one.uuid for one in PRODUCTS if one.kind == PRODUCTS[0].kind}
    assert {one["id"] for one in listed(shop, collection_id=collection)} == of_kind


def test_fields_are_chosen_and_keep_their_order(shop: httpx.Client) -> None:
    [product] = listed(shop, ids=PAGE_PRODUCT, fields="variants, id,color,title")
    assert [*product] == ["id", "title", "variants"]


WRONG: dict[str, tuple[dict[str, str], Any]] = {
    "page too large": ({"per_page": "251"}, {"per_page": ["must be less than or equal to 250"]}),
    "page too small": ({"per_page": "0"}, {"per_page": ["must be greater than or equal to 1"]}),
    "page not a number": ({"per_page": "many"}, {"per_page": ["is invalid"]}),
    "status": ({"published_status": "sold"}, {"published_status": ["is invalid"]}),
    "day without time": ({"created_at_min": "2022-01-01"}, {"created_at_min": ["is invalid"]}),
    "no zone": ({"updated_at_max": "2022-01-01T00:00:00"}, {"updated_at_max": ["is invalid"]}),
    "no such day": ({"published_at_min": "2022-02-30T00:00:00Z"}, {"published_at_min": ["is invalid"]}),
    "before all time": (
        {"created_at_min": "0001-01-01T00:00:00+14:00"}, {"created_at_min": ["is invalid"]},
    ),
    "ids": ({"ids": f"{PAGE_PRODUCT},x"}, ["ids has an invalid UUID"]),
    "collection": ({"collection_id": "x"}, ["collect_id has an invalid UUID"]),
    "cursor not base64": ({"cursor": "?"}, {"cursor": ["is invalid"]}),
    "cursor of something else": ({"cursor": base64.b64encode(b"x#y").decode()}, {"cursor": ["is invalid"]}),
    "pre_cursor": ({"pre_cursor": "%FF"}, {"pre_cursor": ["is invalid"]}),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_values_are_refused(shop: httpx.Client, name: str) -> None:
    query, errors = WRONG[name]
    response = shop.get(f"{V1}/products", params=query)
    assert (response.status_code, response.json()) == (422, {"errors": errors})


@pytest.mark.parametrize("path", ["", "/variants", "/variants/count", "/inventory"])
def test_deleted_product_is_gone_everywhere(shop: httpx.Client, path: str) -> None:
    product = PRODUCTS[0]
    count = shop.get(f"{V1}/products/count").json()["count"]
    assert shop.delete(f"{V1}/products/{product.uuid}").json() == {}
    for gone in (f"products/{product.uuid}{path}", f"variants/{product.variants[0].uuid}"):
        response = shop.get(f"{V1}/{gone}")
        assert (response.status_code, response.json()) == (404, {"errors": ["Record not found"]})
    assert product.uuid not in {one["id"] for one in listed(shop)}
    assert shop.get(f"{V1}/products/count").json() == {"count": count - 1}
    sku = product.variants[0].sku
    assert shop.get(f"{V1}/products/sku/{sku}/variants").json() == {"variants": []}


@pytest.mark.parametrize("collection", ["products", "product_details"])
def test_product_deleted_by_control_is_gone_too(
    shop: httpx.Client, control: Control, collection: str
) -> None:
    control.delete(collection, PRODUCTS[5].uuid)
    assert PRODUCTS[5].uuid not in {one["id"] for one in listed(shop)}
    assert shop.get(f"{V1}/products/count").json() == {"count": len(PRODUCTS)}
    assert shop.get(f"{V1}/products/{PRODUCTS[5].uuid}").status_code == 404


def test_product_added_by_control_is_listed_with_its_variant(shop: httpx.Client, control: Control) -> None:
    control.add_product("Anvil", "ANVIL-1", price=49.5, quantity=7)
    [product] = listed(shop, title="anvil")
    [variant] = product["variants"]
    assert product["has_only_default_variant"]
    assert (variant["sku"], variant["price"], variant["inventory_quantity"]) == ("ANVIL-1", "49.50", 7)
    assert shop.get(f"{V1}/products/sku/ANVIL-1/variants").json()["variants"][0]["id"] == variant["id"]
