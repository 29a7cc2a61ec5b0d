"""Shoplazza's variants of version 2022-01: absolute stock, prices, and changes by SKU."""

from typing import Any
from urllib.parse import quote

import httpx
import pytest

from mockserver.data.catalog.catalog import SeededCatalog
from tests.vendors.shoplazza.conftest import PAGE_PRODUCT, PAGE_VARIANT, V1, Control

CATALOG = SeededCatalog(42, 99)
VARIANTS = [CATALOG.variant(number) for number in range(99)]
AT_THREE = next((product, one) for product, one in VARIANTS if len(one.stock) == 3 and one.stock[0][1] > 5)
ANOTHER = VARIANTS[20]


def change(shop: httpx.Client, key: str, **fields: Any) -> httpx.Response:
    return shop.put(f"{V1}/variants/{key}", json={"variant": fields})


def stock(shop: httpx.Client, product: str, variant: str) -> list[int]:
    """Return the stock of a variant by location, as the stock page has it."""
    variants = shop.get(f"{V1}/products/{product}/inventory").json()["variants"]
    return [i["stock"] for one in variants if one["variant_id"] == variant for i in one["location_items"]]


def test_variant_is_the_same_wherever_it_is_shown(shop: httpx.Client) -> None:
    for product, variant in VARIANTS[:30:3]:
        alone = shop.get(f"{V1}/variants/{variant.uuid}").json()["variant"]
        of_product = shop.get(f"{V1}/products/{product.uuid}/variants").json()["variants"]
        inside = shop.get(f"{V1}/products/{product.uuid}").json()["product"]["variants"]
        [by_sku] = shop.get(f"{V1}/products/sku/{quote(variant.sku, safe='')}/variants").json()["variants"]
        assert alone in of_product
        assert alone in inside
        assert by_sku == {**alone, "wholesale_price": [], "extend": None}
        count = shop.get(f"{V1}/products/{product.uuid}/variants/count").json()
        assert count == {"count": len(product.variants)} == {"count": len(of_product)}


@pytest.mark.parametrize(("added", "expected"), [
    (+10, lambda first, second, third: [first + 10, second, third]),
    (0, lambda first, second, third: [first, second, third]),
    (-3, lambda first, second, third: [first - 3, second, third]),
])  # fmt: skip
def test_quantity_is_absolute_and_counts_at_the_first_location(
    shop: httpx.Client, added: int, expected: Any
) -> None:
    product, variant = AT_THREE
    response = change(shop, variant.uuid, inventory_quantity=variant.quantity + added)
    assert response.json()["variant"]["inventory_quantity"] == variant.quantity + added
    assert stock(shop, product.uuid, variant.uuid) == expected(*(quantity for _, quantity in variant.stock))


def test_other_locations_give_what_the_first_one_does_not_have(shop: httpx.Client) -> None:
    product, variant = AT_THREE
    (_, first), (_, second), (_, third) = variant.stock
    change(shop, variant.uuid, inventory_quantity=third)
    assert stock(shop, product.uuid, variant.uuid) == [0, 0, third]
    change(shop, variant.uuid, inventory_quantity=0)
    assert stock(shop, product.uuid, variant.uuid) == [0, 0, 0]
    assert first and second


def test_variant_without_a_location_gets_the_default_one(shop: httpx.Client, control: Control) -> None:
    bare = {"product_id": PAGE_PRODUCT, "variants": [{"variant_id": PAGE_VARIANT, "location_items": []}]}
    control.put("products", PAGE_PRODUCT, bare)
    assert shop.get(f"{V1}/variants/{PAGE_VARIANT}").json()["variant"]["inventory_quantity"] == 0
    change(shop, PAGE_VARIANT, inventory_quantity=4)
    inventory = shop.get(f"{V1}/products/{PAGE_PRODUCT}/inventory").json()
    default = CATALOG.locations()[0].uint64
    assert inventory["variants"][0]["location_items"] == [{"location_id": default, "stock": 4}]


CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "price": ({"price": "5"}, {"price": "5.00"}),
    "price rounded": ({"price": "5.005"}, {"price": "5.01"}),
    "empty price": ({"price": "0.00"}, {"price": "0.00"}),
    "old price": ({"compare_at_price": "250.5"}, {"compare_at_price": "250.50"}),
    "cost": ({"cost_price": "123.123"}, {"cost_price": "123.123"}),
    "weight": ({"weight": "2.5", "weight_unit": "kg"}, {"weight": "2.5", "weight_unit": "kg"}),
    "unit as in the API description": ({"weigh_unit": "oz"}, {"weight_unit": "oz"}),
    "options make the title": (
        {"option1": "L", "option2": "Red"}, {"option1": "L", "option2": "Red", "title": "L / Red"},
    ),
    "texts": ({"sku": "A/1", "barcode": "", "note": "é"}, {"sku": "A/1", "barcode": "", "note": "é"}),
    "image": (
        {"image": {"src": "//x/y.png"}},
        {"image": {"src": "//x/y.png", "width": 0, "height": 0, "alt": ""}},
    ),
    "fields that are not known": ({"color": "red", "id": "x", "position": 9}, {}),
    "nothing": ({}, {}),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_change_shows_everywhere_and_touches_nothing_else(shop: httpx.Client, name: str) -> None:
    sent, expected = CHANGES[name]
    before = shop.get(f"{V1}/variants/{PAGE_VARIANT}").json()["variant"]
    after = change(shop, PAGE_VARIANT, **sent).json()["variant"]
    assert after == {**before, "updated_at": after["updated_at"], **expected}
    assert shop.get(f"{V1}/variants/{PAGE_VARIANT}").json()["variant"] == after
    product = shop.get(f"{V1}/products/{PAGE_PRODUCT}").json()["product"]
    assert after in product["variants"]
    assert product["updated_at"] == after["updated_at"] > before["updated_at"]


def test_update_has_the_time_of_the_sandbox_and_is_found_by_it(shop: httpx.Client, control: Control) -> None:
    control.freeze("2030-05-06T07:08:09.999Z")
    assert change(shop, PAGE_VARIANT, note="x").json()["variant"]["updated_at"] == "2030-05-06T07:08:09Z"
    found = shop.get(f"{V1}/products", params={"updated_at_min": "2030-05-06T07:08:09Z"}).json()
    assert [one["id"] for one in found["products"]] == [PAGE_PRODUCT]


@pytest.mark.parametrize("key", [PAGE_VARIANT, *(variant.uuid for _, variant in VARIANTS[:9:4])])
def test_variant_can_be_sent_back_as_it_was_read(shop: httpx.Client, key: str) -> None:
    read = shop.get(f"{V1}/variants/{key}").json()["variant"]
    assert read["image"] is None
    written = change(shop, key, **read)
    assert written.status_code == 200, written.text
    assert written.json()["variant"] == {**read, "updated_at": written.json()["variant"]["updated_at"]}


def test_null_changes_nothing(shop: httpx.Client) -> None:
    read = shop.get(f"{V1}/variants/{PAGE_VARIANT}").json()["variant"]
    nulls = dict.fromkeys((*read, "retail_price", "weigh_unit", "Weight"))
    bodies = {f"{V1}/variants/{PAGE_VARIANT}": {"variant": nulls}, f"{V1}/variants/sku/IPOD2008GREEN": nulls}
    for path, body in bodies.items():
        response = shop.put(path, json=body)
        assert response.status_code == 200, response.text
        after = shop.get(f"{V1}/variants/{PAGE_VARIANT}").json()["variant"]
        assert after == {**read, "updated_at": after["updated_at"]}


REFUSED: dict[str, tuple[Any, int, Any]] = {
    "negative quantity": (
        {"variant": {"inventory_quantity": -1}},
        422, {"inventory_quantity": ["must be greater than or equal to 0"]},
    ),
    "quantity beyond int32": (
        {"variant": {"inventory_quantity": 2**31}},
        422, {"inventory_quantity": ["must be less than or equal to 2147483647"]},
    ),
    "price that is no number": ({"variant": {"price": "1,5"}}, 422, {"price": ["is invalid"]}),
    "negative price": ({"variant": {"price": "-1"}}, 422, {"price": ["is invalid"]}),
    "unit": ({"variant": {"weight_unit": "stone"}}, 422, {"weight_unit": ["is invalid"]}),
    "several": (
        {"variant": {"note": "x", "price": "", "weight": "heavy"}},
        422, {"price": ["is invalid"], "weight": ["is invalid"]},
    ),
    "no variant": ({"price": "5"}, 422, ["param is missing or the value is empty: variant"]),
    "number as price": ({"variant": {"price": 5}}, 400, ["Bad Request"]),
    "text as quantity": ({"variant": {"inventory_quantity": "5"}}, 400, ["Bad Request"]),
    "list": ([], 400, ["Bad Request"]),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_wrong_change_is_refused_and_changes_nothing(shop: httpx.Client, name: str) -> None:
    body, status, errors = REFUSED[name]
    before = shop.get(f"{V1}/variants/{PAGE_VARIANT}").json()
    response = shop.put(f"{V1}/variants/{PAGE_VARIANT}", json=body)
    assert (response.status_code, response.json()) == (status, {"errors": errors})
    assert shop.get(f"{V1}/variants/{PAGE_VARIANT}").json() == before


@pytest.mark.parametrize(("key", "status", "text"), [
    ("0123456789", 500, "invalid UUID length: 10"),
    ("g" + PAGE_VARIANT[1:], 500, "invalid UUID format"),
    (PAGE_PRODUCT, 404, "Record not found"),
    (PAGE_VARIANT.replace("-", "").upper(), 200, None),
])  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_ids_of_variants_are_read_as_those_of_products(
    shop: httpx.Client, method: str, key: str, status: int, text: str | None
) -> None:
    body = {"json": {"variant": {}}} if method == "PUT" else {}
    response = shop.request(method, f"{V1}/variants/{key}", **body)
    assert response.status_code == status
    if text:
        assert response.json() == {"errors": [text]}


def test_variants_with_the_same_sku_change_together_unless_refused(shop: httpx.Client) -> None:
    (_, one), (_, two) = VARIANTS[0], VARIANTS[1]  # of one product
    for variant in (one, two, ANOTHER[1]):
        change(shop, variant.uuid, sku="SAME 1")
    found = shop.get(f"{V1}/products/sku/SAME%201/variants").json()["variants"]
    assert [variant["id"] for variant in found] == [one.uuid, two.uuid, ANOTHER[1].uuid]
    assert not shop.get(f"{V1}/products/sku/{quote(one.sku, safe='')}/variants").json()["variants"]

    refused = shop.put(f"{V1}/variants/sku/SAME%201", json={"price": "1", "refuse_multi_result": True})
    assert (refused.status_code, refused.json()) == (422, {"errors": ["sku matches more than one variant"]})
    assert "1.00" not in {variant["price"] for variant in found}

    body = {"price": "2", "inventory_quantity": 3, "Weight": "9", "sku": "ignored", "barcode": "b"}
    changed = shop.put(f"{V1}/variants/sku/SAME%201", json=body).json()["variants"]
    names = ("id", "price", "inventory_quantity", "weight", "sku", "barcode")
    shown = [tuple(variant[name] for name in names) for variant in changed]
    assert shown == [(key.uuid, "2.00", 3, "9", "SAME 1", "b") for key in (one, two, ANOTHER[1])]
    for variant in changed:
        alone = shop.get(f"{V1}/variants/{variant['id']}").json()["variant"]
        assert alone == {name: variant[name] for name in alone}


def test_variants_with_the_same_sku_can_be_exported_edited_and_put_back(
    shop: httpx.Client, control: Control, sandbox: str
) -> None:
    one, another = AT_THREE[1].uuid, ANOTHER[1].uuid
    initial = shop.get(f"{V1}/variants/{one}").json()["variant"]
    path = f"/_mock/sandboxes/{sandbox}"
    change(shop, one, sku="ANOTHER 1")
    change(shop, another, sku=initial["sku"])
    assert shop.post(f"{path}/records/shoplazza/variants/{one}/revert").json()["sku"] == initial["sku"]
    control.edit("variants", another, {"note": "edited"})
    document = shop.get(f"{path}/export").json()
    response = shop.put(f"{path}/import", json=document)
    assert response.is_success, response.text
    found = shop.get(f"{V1}/products/sku/{quote(initial['sku'], safe='')}/variants").json()["variants"]
    assert sorted(one["id"] for one in found) == sorted([one, another])


def test_sku_that_no_variant_has_cannot_be_changed(shop: httpx.Client) -> None:
    response = shop.put(f"{V1}/variants/sku/ROCKET", json={"price": "2"})
    assert (response.status_code, response.json()) == (404, {"errors": ["Record not found"]})


def test_empty_change_by_sku_returns_the_variant(shop: httpx.Client) -> None:
    [variant] = shop.put(f"{V1}/variants/sku/IPOD2008GREEN", json={"inventory_quantity": None}).json()[
        "variants"
    ]
    assert (variant["inventory_quantity"], variant["wholesale_price"], variant["retail_price"]) == (
        1,
        [],
        "0.00",
    )
