"""MerchantPro's writes of products over HTTP. What is written by one operation shows in all others."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.conftest import decimals

PRODUCTS, STOCK = "/api/v2/products", "/api/v2/inventory"
PARENT, VARIANT = 20_000_000, 10_004  # the first generated product, and its first variant
MUG = {"sku": "MUG", "name": "Mug"}
SOCK = {"type": "multi_variant", "sku": "SOCK", "name": "Sock"}


def made(shop: httpx.Client, body: dict[str, Any]) -> Any:
    response = shop.post(PRODUCTS, json=body)
    assert response.status_code == 201, response.text
    return decimals(response.text)


def changed(shop: httpx.Client, product_id: int, body: dict[str, Any]) -> Any:
    response = shop.patch(f"{PRODUCTS}/{product_id}", json=body)
    assert response.status_code == 200, response.text
    return decimals(response.text)


def read(shop: httpx.Client, path: str) -> Any:
    response = shop.get(path)
    assert response.status_code == 200, response.text
    return decimals(response.text)


def details(response: httpx.Response) -> Any:
    assert response.status_code == 400, response.text
    return response.json()["error"]["details"]


def product(shop: httpx.Client, product_id: int) -> Any:
    return read(shop, f"{PRODUCTS}/{product_id}")


def item(shop: httpx.Client, item_id: int) -> Any:
    fields = "id,sku,ean,name,inventory_enabled,stock,price_net,price_gross,old_price_net,old_price_gross"
    return read(shop, f"{STOCK}/id/{item_id}?fields={fields}")


# One store: every write shows in the other operations.


def test_change_of_stock_shows_in_the_product(shop: httpx.Client) -> None:
    shop.patch(f"{STOCK}/id/10001", json={"stock": 3, "price_gross": 1190, "old_price_net": 1500})
    shown = product(shop, 10001)
    prices = [shown[name] for name in ("price_net", "price_gross", "old_price_net", "old_price_gross")]
    assert (shown["stock"], prices) == (3, [1000, 1190, 1500, 1785])
    shop.patch(f"{STOCK}/id/{VARIANT}", json={"stock": 5, "inventory_enabled": "off"})
    assert "stock" not in product(shop, PARENT)["variants"][0]
    shop.patch(f"{STOCK}/id/10003", json={"warehouses": [{"name": "Depozit central", "stock": 1}]})
    assert product(shop, 10003)["stock"] == 16


def test_change_of_a_product_shows_in_its_stock(shop: httpx.Client) -> None:
    change = {"name": "Washer", "sku": "W", "ean": "1", "stock": 2, "price_net": 100, "old_price_gross": 238}
    changed(shop, 10001, change)
    assert item(shop, 10001) == {
        "id": 10001, "sku": "W", "ean": "1", "name": "Washer", "inventory_enabled": "on", "stock": 2,
        "price_net": 100, "price_gross": 119, "old_price_net": 200, "old_price_gross": 238,
    }  # fmt: skip
    assert read(shop, f"{STOCK}/sku/W")["id"] == read(shop, f"{STOCK}/ean/1")["id"] == 10001
    assert shop.get(f"{STOCK}/sku/WMY71443LB2").status_code == 404


def test_name_of_a_product_is_part_of_the_names_of_its_variants(shop: httpx.Client) -> None:
    before = [one["id"] for one in product(shop, PARENT)["variants"]]
    names = [item(shop, one)["name"] for one in before]
    old = product(shop, PARENT)["name"]
    changed(shop, PARENT, {"name": "Gown"})
    assert [item(shop, one)["name"] for one in before] == [name.replace(old, "Gown") for name in names]


def test_basic_product_that_was_added_is_everywhere(shop: httpx.Client) -> None:
    body = {**MUG, "ean": "5941234567899", "inventory_enabled": "on", "stock": 7, "price_gross": 23.80}
    mug = made(shop, body)
    assert mug == product(shop, mug["id"]) and mug["type"] == "basic"
    shown = {"id": mug["id"], "sku": "MUG", "ean": "5941234567899", "inventory_enabled": "on", "stock": 7,
             "price_net": 20, "price_gross": Decimal("23.80")}  # fmt: skip
    for path in (f"id/{mug['id']}", "sku/MUG", "ean/5941234567899"):
        assert read(shop, f"{STOCK}/{path}") == shown
    assert read(shop, f"{PRODUCTS}?start=43&fields=id")["data"] == [{"id": mug["id"]}]


def test_product_with_variants_that_was_added_is_everywhere(shop: httpx.Client) -> None:
    sizes = [{"sku": f"SOCK-{size}", "variant_options": [{"name": "Size", "value": size}]} for size in "SM"]
    sock = made(shop, {**SOCK, "variants": sizes, "inventory_enabled": "on"})
    assert sock == product(shop, sock["id"])
    assert sock["variant_attributes"] == [{"name": "Size", "options": [{"value": "S"}, {"value": "M"}]}]
    for variant, name in zip(sock["variants"], ("S Sock", "M Sock"), strict=True):
        assert item(shop, variant["id"])["name"] == name
        assert shop.get(f"{PRODUCTS}/{variant['id']}").status_code == 404
    assert shop.get(f"{STOCK}/id/{sock['id']}").status_code == 404


@pytest.mark.parametrize("product_id", [10001, 10008, PARENT])
def test_deleted_product_is_nowhere(shop: httpx.Client, product_id: int) -> None:
    before = product(shop, product_id)
    variants = before.get("variants", [before])
    response = shop.delete(f"{PRODUCTS}/{product_id}")
    assert (response.status_code, response.content) == (204, b"")
    assert shop.get(f"{PRODUCTS}/{product_id}").status_code == 404
    assert shop.delete(f"{PRODUCTS}/{product_id}").status_code == 404
    for variant in variants:
        assert shop.get(f"{STOCK}/id/{variant['id']}").status_code == 404
        assert shop.get(f"{STOCK}/sku/{variant['sku'].replace('/', '%2F')}").status_code == 404
    assert read(shop, f"{PRODUCTS}?limit=1")["meta"]["count"]["total"] == 42


def test_product_of_the_control_api_is_a_basic_product(shop: httpx.Client, control: str) -> None:
    body = {"name": "Anvil", "sku": "ANVIL-1", "quantity": 7, "price": 12.50}
    response = shop.post(f"{control}/products", json=body)
    assert response.status_code == 201, response.text
    anvil = read(shop, f"{PRODUCTS}?sku=ANVIL-1")["data"][0]
    assert (anvil["type"], anvil["name"], anvil["stock"]) == ("basic", "Anvil", 7)
    assert anvil["id"] == read(shop, f"{STOCK}/sku/ANVIL-1")["id"]
    assert shop.delete(f"{PRODUCTS}/{anvil['id']}").status_code == 204
    assert shop.get(f"{STOCK}/sku/ANVIL-1").status_code == 404


def test_item_that_the_control_api_deletes_is_no_product(shop: httpx.Client, control: str) -> None:
    records = f"{control}/records/merchantpro/inventory"
    for item_id in (10001, VARIANT):
        assert shop.delete(f"{records}/{item_id}").status_code == 204
    for method in ("GET", "PATCH"):
        response = shop.request(method, f"{PRODUCTS}/10001", json={} if method == "PATCH" else None)
        assert response.status_code == 404
    assert 10001 not in [one["id"] for one in read(shop, f"{PRODUCTS}?fields=id")["data"]]
    assert VARIANT not in [one["id"] for one in product(shop, PARENT)["variants"]]


# Stock below zero.


@pytest.mark.parametrize("path", [f"{PRODUCTS}/10001", f"{STOCK}/id/10001"])
@pytest.mark.parametrize("backorders", [False, True])
def test_no_operation_makes_stock_negative(shop: httpx.Client, path: str, backorders: bool) -> None:
    changed(shop, 10001, {"allow_backorders": backorders})
    assert details(shop.patch(path, json={"stock": -1})) == {"stock": "must not be negative"}
    assert item(shop, 10001)["stock"] == 10


def test_stock_below_zero_can_be_seeded_and_raised(shop: httpx.Client, control: str) -> None:
    path = f"{control}/records/merchantpro/inventory/10001"
    assert shop.patch(path, json={"stock": -5}).status_code == 200
    assert item(shop, 10001)["stock"] == product(shop, 10001)["stock"] == -5
    assert changed(shop, 10001, {"status": "inactive"})["stock"] == -5
    refused = shop.patch(f"{STOCK}/id/10001", json={"stock": {"adjust_by": -1}})
    assert details(refused) == {"stock": "must not be negative"}
    raised = [shop.patch(f"{STOCK}/id/10001", json={"stock": {"adjust_by": by}}) for by in (1, 4, 2)]
    assert [answer.json().get("stock") for answer in raised] == [-4, 0, 2]


# Variants.


def test_variants_are_changed_by_id_and_added_without(shop: httpx.Client) -> None:
    before = product(shop, PARENT)["variants"]
    new = {
        "sku": "NEW",
        "ext_ref": "n",
        "weight": 0.125,
        "variant_options": [{"name": "Size", "value": "XXL"}],
    }
    after = changed(shop, PARENT, {"variants": [{"id": VARIANT, "stock": 1, "ext_ref": "one"}, new]})[
        "variants"
    ]
    assert after[1:4] == before[1:4]
    assert after[0] == {**before[0], "stock": 1, "ext_ref": "one"}
    assert {name: after[4][name] for name in ("sku", "ext_ref", "weight")} == {
        "sku": "NEW", "ext_ref": "n", "weight": Decimal("0.125")
    }  # fmt: skip
    assert after[4]["variant_options"] == [{"attribute": "Size", "value": "XXL"}]
    assert product(shop, PARENT)["variants"] == after


def test_inventory_function_of_a_product_is_that_of_all_its_variants(shop: httpx.Client) -> None:
    for state in ("off", "on"):
        after = changed(shop, PARENT, {"inventory_enabled": state})
        assert after["inventory_enabled"] == state
        assert {one["inventory_enabled"] for one in after["variants"]} == {state}


REFUSED_BY_PARENTS = (
    "stock",
    "price_net",
    "price_gross",
    "old_price_net",
    "old_price_gross",
    "weight",
    "ean",
)


@pytest.mark.parametrize("field", REFUSED_BY_PARENTS)
@pytest.mark.parametrize("query", ["", "?ignore_nonexistent_fields=1"])
def test_product_with_variants_refuses_what_belongs_to_them(
    shop: httpx.Client, field: str, query: str
) -> None:
    before = product(shop, PARENT)
    value = "1" if field == "ean" else 1
    refusal = {field: "cannot be set on a product with variants"}
    response = shop.patch(f"{PRODUCTS}/{PARENT}{query}", json={"name": "x", field: value})
    assert details(response) == refusal
    assert details(shop.post(f"{PRODUCTS}{query}", json={**SOCK, field: value})) == refusal
    assert product(shop, PARENT) == before


# Prices, taxes and categories.


@pytest.mark.parametrize(("given", "shown"), [
    ({"price_net": 1.5}, {"price_net": "1.50", "price_gross": "1.79"}),
    ({"price_gross": 16499, "price_net": 13864.7059}, {"price_net": "13864.71", "price_gross": "16499.00"}),
    ({"old_price_gross": 2000}, {"old_price_net": "1680.67", "old_price_gross": "2000.00"}),
    ({"cost_net": 10}, {"cost_net": "10.00", "cost_gross": "11.90"}),
    ({"cost_gross": None}, {"cost_net": None, "cost_gross": None}),
    ({"tax_id": 5}, {"tax_name": "TVA 21%", "tax_value": "21.00", "price_net": "1428.57",
                     "price_gross": "1728.57", "cost_gross": "1452.00"}),
    ({"tax_id": 4, "price_gross": 5}, {"tax_name": "TVA 0%", "price_net": "5.00", "price_gross": "5.00"}),
    ({"weight": 0.375}, {"weight": "0.375"}),
    ({"category_id": 20}, {"category_id": "20", "category_name": "Household appliances"}),
    ({"category_id": None}, {"category_id": None, "category_name": None}),
])  # fmt: skip
def test_changed_numbers(shop: httpx.Client, given: dict[str, Any], shown: dict[str, str | None]) -> None:
    after = changed(shop, 10001, given)
    assert {name: None if after[name] is None else str(after[name]) for name in shown} == shown


def test_old_price_ends_with_null(shop: httpx.Client) -> None:
    changed(shop, 10001, {"old_price_net": 5})
    assert changed(shop, 10001, {"old_price_net": None, "old_price_gross": None})["old_price_gross"] is None
    assert "old_price_net" not in item(shop, 10001)


def test_new_category_is_among_the_categories(shop: httpx.Client) -> None:
    after = changed(shop, 10001, {"category_id": 5, "category_name": "Sale", "categories": [{"id": 9}]})
    assert after["category_name"] == "Sale"
    assert after["categories"] == [{"id": 5, "name": "Sale"}, {"id": 9, "name": None}]


def test_dates_follow_the_clock_of_the_sandbox(shop: httpx.Client, control: str) -> None:
    clock = f"{control}/clock"
    assert shop.put(clock, json={"action": "freeze", "instant": "2031-05-06T07:08:09Z"}).status_code == 200
    created = made(shop, MUG)["id"]
    changed(shop, 10001, {"description": "x"})
    dates = f"{PRODUCTS}/%d?fields=date_created,date_modified"
    noon = "2031-05-06T09:08:09+02:00"
    assert read(shop, dates % created) == {"date_created": noon, "date_modified": noon}
    assert read(shop, dates % 10001)["date_modified"] == noon


# Unknown fields, and everything else that is refused.


def test_unknown_fields_are_ignored_on_demand(shop: httpx.Client) -> None:
    body = {**MUG, "color": "red", "meta_title": None}
    refusal = {name: "is not a known field" for name in ("color", "meta_title")}
    for query in ("", "?ignore_nonexistent_fields=0"):
        assert details(shop.post(PRODUCTS + query, json=body)) == refusal
    mug = shop.post(f"{PRODUCTS}?ignore_nonexistent_fields=1", json=body)
    assert mug.status_code == 201 and "color" not in mug.json()
    nested = {"variants": [{"id": VARIANT, "stock": 1, "color": "red"}]}
    assert details(shop.patch(f"{PRODUCTS}/{PARENT}", json=nested)) == {
        "variants.0.color": "is not a known field"
    }
    ignoring = f"{PRODUCTS}/{PARENT}?ignore_nonexistent_fields=1"
    assert shop.patch(ignoring, json=nested).json()["variants"][0]["stock"] == 1


BAD: dict[str, tuple[int, dict[str, Any], dict[str, str]]] = {
    "another id": (10001, {"id": 5}, {"id": "cannot be changed"}),
    "another type": (10001, {"type": "multi_variant"}, {"type": "cannot be changed"}),
    "an address": (10001, {"url": "x"}, {"url": "cannot be changed"}),
    "a date": (10001, {"date_created": "x"}, {"date_created": "cannot be changed"}),
    "variants of a basic product": (10001, {"variants": [{"sku": "x"}]},
                                    {"variants": "cannot be set on a basic product"}),
    "a SKU in use": (10001, {"sku": "TShirt.Blk.XL"}, {"sku": "is already in use"}),
    "an EAN in use": (10001, {"ean": "7332543402632"}, {"ean": "is already in use"}),
    "an unknown tax": (10001, {"tax_id": 99}, {"tax_id": "does not exist"}),
    "prices that contradict": (10001, {"price_net": 1, "price_gross": 5},
                               {"price_gross": "does not agree with price_net"}),
    "costs that contradict": (10001, {"cost_net": 1, "cost_gross": 5},
                              {"cost_gross": "does not agree with cost_net"}),
    "stock where warehouses exist": (
        10003, {"stock": 1}, {"stock": "cannot be changed directly where warehouses exist, use warehouses"}),
    "a variant of another product": (PARENT, {"variants": [{"id": 10001}]},
                                     {"variants.0.id": "is not a variant of the product"}),
    "a new variant without SKU": (PARENT, {"variants": [{"id": VARIANT}, {"stock": 1}]},
                                  {"variants.1.sku": "is required"}),
    "a SKU twice": (PARENT, {"variants": [{"sku": "a"}, {"sku": "a"}]},
                    {"variants.1.sku": "is already in use"}),
    "an option without attribute": (
        PARENT, {"variants": [{"sku": "a", "variant_options": [{"value": "x"}]}]},
        {"variants.0.variant_options": "must have an attribute and a value"}),
    "a type": (10001, {"stock": "1"}, {"stock": "must be of type integer"}),
    "an empty name": (10001, {"name": ""}, {"name": "must not be empty"}),
    "a long SKU": (10001, {"sku": "x" * 256}, {"sku": "must not be longer than 255 characters"}),
    "a state": (10001, {"status": "open"}, {"status": "must be one of active, inactive"}),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_refused_change_changes_nothing(shop: httpx.Client, case: str) -> None:
    product_id, body, expected = BAD[case]
    before = product(shop, product_id)
    # `description` alone would be accepted.
    assert details(shop.patch(f"{PRODUCTS}/{product_id}", json={"description": "x", **body})) == expected
    assert product(shop, product_id) == before


def test_what_was_read_can_be_sent_back(shop: httpx.Client) -> None:
    for product_id in (10001, PARENT):
        body = shop.get(f"{PRODUCTS}/{product_id}").json()
        assert shop.patch(f"{PRODUCTS}/{product_id}", json=body).json() == body


@pytest.mark.parametrize(("body", "expected"), [
    ({"sku": "x"}, {"name": "is required"}),
    ({"name": "x"}, {"sku": "is required"}),
    ({"name": "x", "sku": None}, {"sku": "is required"}),
    ({**MUG, "id": 5}, {"id": "cannot be changed"}),
    ({**MUG, "sku": "TShirt.Blk.XL"}, {"sku": "is already in use"}),
    ({**MUG, "stock": -1}, {"stock": "must not be negative"}),
    ({**SOCK, "variants": [{"sku": "s", "stock": -1}]}, {"variants.0.stock": "must not be negative"}),
])  # fmt: skip
def test_refused_product_is_not_added(
    shop: httpx.Client, body: dict[str, Any], expected: dict[str, str]
) -> None:
    assert details(shop.post(PRODUCTS, json=body)) == expected
    assert read(shop, f"{PRODUCTS}?limit=1")["meta"]["count"]["total"] == 43


def test_product_has_at_most_a_hundred_added_variants(shop: httpx.Client) -> None:
    sock = made(shop, {**SOCK, "variants": [{"sku": f"s{n}"} for n in range(100)]})
    assert len({one["id"] for one in sock["variants"]}) == 100
    response = shop.patch(f"{PRODUCTS}/{sock['id']}", json={"variants": [{"sku": "more"}]})
    assert details(response) == {"variants.0.id": "the product has as many variants as it can have"}


def test_new_ids_are_free(shop: httpx.Client, control: str) -> None:
    first = made(shop, MUG)["id"]
    record = {"id": first + 1, "sku": "taken", "ean": None, "name": "x", "inventory_enabled": "off",
              "stock": 0, "price_net": 0, "price_gross": 0, "vat": 0.19}  # fmt: skip
    records = f"{control}/records/merchantpro/inventory"
    assert shop.post(records, json=record).status_code == 201
    shop.delete(f"{PRODUCTS}/{first}")
    made_ids = [made(shop, {**MUG, "sku": f"m{n}"})["id"] for n in range(3)]
    assert len({*made_ids, first + 1}) == 4


def test_sandboxes_do_not_see_each_others_products(
    new_client: Callable[..., httpx.Client], sandbox: str
) -> None:
    one, two = (new_client(auth=(f"sbx_{sandbox}-{n}", "x")) for n in (1, 2))
    made(one, MUG)
    assert two.get(f"{STOCK}/sku/MUG").status_code == 404
    assert read(two, f"{PRODUCTS}?limit=1")["meta"]["count"]["total"] == 43
