"""HighLevel's products over HTTP: lists, filters, order, writes, and what they change elsewhere."""

from typing import Any

import pytest

from mockserver.data.catalog.catalog import SeededCatalog
from tests.vendors.highlevel.shop import LOCATION, Shop

PAGE_PRODUCT, PAGE_PRICE = "6241712be68f7a98102ba270", "6241712be68f7a98102ba272"
SHOWN = ["_id", "description", "locationId", "name", "productType", "availableInStore", "createdAt",
         "updatedAt", "image", "isTaxesEnabled"]  # fmt: skip
NEW = {"name": "Mug", "locationId": LOCATION, "productType": "PHYSICAL"}


def names(products: list[dict[str, Any]]) -> list[str]:
    return [product["name"] for product in products]


def test_list_has_the_product_of_the_page_and_those_of_the_catalog(shop: Shop) -> None:
    products, catalog = shop.products(), SeededCatalog(42, 99)
    assert products[0]["_id"] == PAGE_PRODUCT
    assert len(products) == 1 + catalog.product_count
    for number, product in enumerate(products[1:]):
        original = catalog.product(number)
        assert list(product) == SHOWN
        assert (product["_id"], product["name"]) == (original.object_id, original.name)
        assert product["availableInStore"] is original.active
    assert {item["product"] for item in shop.inventory()} == {product["_id"] for product in products}


@pytest.mark.parametrize("path", ["/products/", "/products", "/highlevel/products/"])
def test_slash_at_the_end_may_be_left_out(shop: Shop, path: str) -> None:
    assert shop.get(path, locationId=LOCATION).content == shop.get("/products/", locationId=LOCATION).content
    assert shop.api.post(path, json=NEW).status_code == 201


@pytest.mark.parametrize("location", [LOCATION, "3SwdhCsvxI8Au3KsPJt6", "Zürich"])
def test_products_belong_to_the_location_that_is_asked_for(shop: Shop, location: str) -> None:
    body = shop.get("/products/", locationId=location, limit=3).json()
    assert [product["locationId"] for product in body["products"]] == [location] * 3
    assert body["total"] == [{"total": 41}]


@pytest.mark.parametrize("limit", [1, 7, 40, 41, 100])
@pytest.mark.parametrize("filters", [{}, {"search": "jeans"}, {"sortOrder": "desc"}])
def test_pages_of_any_size_cover_the_list_once(shop: Shop, limit: int, filters: dict[str, Any]) -> None:
    everything = shop.products(**filters)
    paged: list[dict[str, Any]] = []
    for offset in range(0, len(everything), limit):
        paged += shop.products(limit=limit, offset=offset, **filters)
    assert paged == everything
    assert shop.products(limit=limit, offset=len(everything), **filters) == []


@pytest.mark.parametrize(("query", "passes"), [
    ({"search": "jEaNs"}, lambda one: "Jeans" in one["name"]),
    ({"search": ""}, lambda one: True),
    ({"search": "no such product"}, lambda one: False),
    ({"availableInStore": "true"}, lambda one: one["availableInStore"]),
    ({"availableInStore": "false"}, lambda one: not one["availableInStore"]),
    ({"includedInStore": "false"}, lambda one: not one["availableInStore"]),
    ({"availableInStore": "true", "search": "t-shirt"},
     lambda one: one["availableInStore"] and "t-shirt" in one["name"].lower()),
    ({"collectionIds": "65d71377c326ea78e1c47df5,x"}, lambda one: one["_id"] == PAGE_PRODUCT),
    ({"collectionIds": "x"}, lambda one: False),
    ({"collectionSlug": "shirts"}, lambda one: False),
    ({"storeId": "any", "expand": "tax"}, lambda one: True),
    ({"productIds": [PAGE_PRODUCT, "x"]}, lambda one: one["_id"] == PAGE_PRODUCT),
    ({"productIds": f"x,{PAGE_PRODUCT}"}, lambda one: one["_id"] == PAGE_PRODUCT),
    ({"productIds[]": [PAGE_PRODUCT]}, lambda one: one["_id"] == PAGE_PRODUCT),
    ({"productIds": [PAGE_PRODUCT], "search": "jeans"}, lambda one: False),
])  # fmt: skip
def test_filters(shop: Shop, query: dict[str, Any], passes: Any) -> None:
    body = shop.get("/products/", locationId=LOCATION, **query).json()
    expected = [product for product in shop.products() if passes(product)]
    assert body == {"products": expected, "total": [{"total": len(expected)}]}


@pytest.mark.parametrize("filters", [{}, {"search": "jeans"}, {"availableInStore": "true"}])
def test_sort_order_is_by_date(shop: Shop, filters: dict[str, Any]) -> None:
    shop.created(NEW)
    shop.delete(f"/products/{shop.products(**filters)[1]['_id']}")
    expected = sorted(shop.products(**filters), key=lambda product: product["createdAt"])
    assert shop.products(sortOrder="asc", **filters) == expected
    assert shop.products(sortOrder="desc", **filters) == expected[::-1]


def test_product_that_is_created_has_no_price_yet(shop: Shop) -> None:
    before = shop.inventory()
    product = shop.created(NEW)
    assert list(product) == [
        "_id",
        "locationId",
        "name",
        "productType",
        "createdAt",
        "updatedAt",
        "isTaxesEnabled",
    ]
    assert product["createdAt"] == product["updatedAt"] == shop.now
    assert shop.product(product["_id"]) == product
    assert shop.products()[-1] == product
    assert shop.prices(product["_id"]) == []
    assert shop.inventory() == before


FULL = {
    "description": "A mug.", "image": "https://example.com/mug.png", "statementDescriptor": "MUG",
    "availableInStore": True, "isTaxesEnabled": True, "taxes": ["654492a4e6bef380114de15a"],
    "automaticTaxCategoryId": "65d71377c326ea78e1c47df5", "collectionIds": ["65d71377c326ea78e1c47df5"],
    "variants": [{"id": "38s63qmxfr4", "name": "Size", "options": [{"id": "h4z7u0im2q8", "name": "XL"}]}],
    "label": {"title": "Featured", "startDate": "2024-06-26T05:43:35.000Z"}, "slug": "mug",
}  # fmt: skip
NOT_SHOWN = {
    "medias": [{"id": "m", "url": "https://example.com/m.png", "type": "image", "isFeatured": True}],
    "isLabelEnabled": True, "seo": {"title": "Mug"}, "taxInclusive": True,
}  # fmt: skip


def test_all_fields_of_a_product_are_accepted_and_the_documented_ones_shown(shop: Shop) -> None:
    product = shop.created(NEW | FULL | NOT_SHOWN)
    assert {name: product[name] for name in FULL} == FULL
    assert not NOT_SHOWN.keys() & product.keys()
    changed = shop.put(f"/products/{product['_id']}", {**NEW, "prices": [PAGE_PRICE], "slug": None}).json()
    assert changed == {**product, "updatedAt": shop.now}


def test_product_that_is_renamed_has_its_name_and_image_in_the_inventory(shop: Shop) -> None:
    item = shop.inventory()[5]
    body = {
        "name": "Cape",
        "locationId": LOCATION,
        "productType": "PHYSICAL",
        "image": "https://example.com/c",
    }
    assert shop.put(f"/products/{item['product']}", body).json()["name"] == "Cape"
    for one in shop.inventory():
        of_product = one["product"] == item["product"]
        assert ((one["productName"], one["image"]) == ("Cape", "https://example.com/c")) is of_product
    assert shop.inventory(search="cape") == [
        one for one in shop.inventory() if one["product"] == item["product"]
    ]
    assert names(shop.products(search="cape")) == ["Cape"]


def test_product_that_is_deleted_takes_its_prices_and_inventory_with_it(shop: Shop) -> None:
    product = shop.inventory()[3]["product"]
    new = shop.create_price(product, sku="NEW-1")
    ids = [price["_id"] for price in shop.prices(product)]
    assert new["_id"] in ids and len(ids) > 1
    left = [item for item in shop.inventory() if item["_id"] not in ids]
    assert shop.delete(f"/products/{product}").json() == {"status": True}
    assert shop.inventory() == left
    assert product not in [one["_id"] for one in shop.products()]
    for path in ("", "/price", f"/price/{ids[0]}"):
        response = shop.get(f"/products/{product}{path}", locationId=LOCATION)
        assert (response.status_code, response.json()["message"]) == (400, "Product not found")
    assert shop.write([{"priceId": ids[0], "availableQuantity": 1}]).status_code == 400


NO_PRODUCT = {"message": "Product not found", "error": "Bad Request", "statusCode": 400}


@pytest.mark.parametrize("product", ["655b33a82209e60b6adb87a5", PAGE_PRICE, "t-shirt", "x", "..%2f"])
def test_unknown_product(shop: Shop, product: str) -> None:
    path, price = f"/products/{product}", {"type": "one_time", "currency": "USD", "amount": 1, **NEW}
    del price["productType"]
    calls = [("GET", "", None), ("PUT", "", NEW), ("DELETE", "", None), ("GET", "/price", None),
             ("POST", "/price", price), ("GET", f"/price/{PAGE_PRICE}", None),
             ("PUT", f"/price/{PAGE_PRICE}", price), ("DELETE", f"/price/{PAGE_PRICE}", None)]  # fmt: skip
    for method, rest, body in calls:
        query = None if body else {"locationId": LOCATION}
        response = shop.api.request(method, path + rest, params=query, json=body)
        assert (response.status_code, response.json()) == (400, NO_PRODUCT), (method, rest)


@pytest.mark.parametrize(("location", "status", "message"), [
    ("inactiveLocation0001", 401, "Location is not active"),
    ("anotherLocation00001", 403, "The token does not have access to this location."),
])  # fmt: skip
def test_location_is_checked_in_query_and_body(shop: Shop, location: str, status: int, message: str) -> None:
    price = {"name": "P", "type": "one_time", "currency": "USD", "amount": 1, "locationId": location}
    product = {**NEW, "locationId": location}
    one, prices = f"/products/{PAGE_PRODUCT}", f"/products/{PAGE_PRODUCT}/price"
    calls = [("GET", "/products/", None), ("POST", "/products/", product), ("GET", one, None),
             ("PUT", one, product), ("DELETE", one, None), ("GET", prices, None), ("POST", prices, price),
             ("GET", f"{prices}/{PAGE_PRICE}", None), ("PUT", f"{prices}/{PAGE_PRICE}", price),
             ("DELETE", f"{prices}/{PAGE_PRICE}", None)]  # fmt: skip
    before = shop.inventory()
    for method, path, body in calls:
        response = shop.api.request(
            method, path, params=None if body else {"locationId": location}, json=body
        )
        assert (response.status_code, response.json()["message"]) == (status, message), (method, path)
    assert shop.inventory() == before


@pytest.mark.parametrize(("query", "messages"), [
    ("", ["locationId must be a string", "locationId should not be empty"]),
    ("locationId=", ["locationId should not be empty"]),
    ("locationId=a&locationId=b", ["locationId must be a string"]),
    ("locationId=a&altId=a&limit=x", ["property altId should not exist",
                                       "limit must be a number conforming to the specified constraints"]),
    ("locationId=a&availableInStore=maybe", ["availableInStore must be a boolean value"]),
    ("locationId=a&includedInStore=true&includedInStore=true", ["includedInStore must be a boolean value"]),
    ("locationId=a&sortOrder=up&offset=-1", ["offset must not be less than 0",
                                              "sortOrder must be a valid enum value"]),
])  # fmt: skip
def test_every_violation_of_the_query_is_listed(shop: Shop, query: str, messages: list[str]) -> None:
    response = shop.api.get(f"/products/?{query}")
    assert (response.status_code, response.json()["message"]) == (422, messages)


STRING, EMPTY = "{} must be a string", "{} should not be empty"


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize(("changes", "messages"), [
    ({"name": None}, ["name must be a string", "name should not be empty"]),
    ({"name": []}, ["name must be a string"]),
    ({"productType": None},
     ["productType must be a valid enum value", "productType should not be empty"]),
    ({"productType": {}}, ["productType must be a valid enum value"]),
    ({"name": "", "locationId": 5}, ["locationId must be a string", "name should not be empty"]),
    ({"productType": "DIGITAl"}, ["productType must be a valid enum value"]),
    ({"productType": 1}, ["productType must be a valid enum value"]),
    ({"productType": ""}, ["productType must be a valid enum value", "productType should not be empty"]),
    ({"color": "red", "seo": {"x": 1}, "a.b": 1},
     ["property color should not exist", "property a.b should not exist", "seo.property x should not exist"]),
    ({"variants": [{"id": 1, "name": "Size", "options": [{"id": "a"}, "b"]}, 7]},
     ["variants.0.id must be a string", "variants.0.options.0.name must be a string",
      "variants.0.options.0.name should not be empty",
      "variants.0.options.each value in nested property options must be either object or array",
      "variants.each value in nested property variants must be either object or array"]),
    ({"taxes": "a"}, ["taxes must be an array"]),
    ({"variants": "Size"}, ["variants must be an array",
                            "each value in nested property variants must be either object or array"]),
    ({"variants": [{"id": "a", "name": "Size", "options": 7}]},
     ["variants.0.options must be an array",
      "variants.0.each value in nested property options must be either object or array"]),
    ({"variants": {}, "medias": True},
     ["variants must be an array", "medias must be an array",
      "each value in nested property medias must be either object or array"]),
    ({"taxes": ["a", 1, 2]}, ["each value in taxes must be a string"]),
    ({"label": "New"}, ["nested property label must be either object or array"]),
    ({"label": {}}, ["label.title must be a string", "label.title should not be empty"]),
    ({"medias": [{"id": "a", "url": "b", "type": "sound"}]}, ["medias.0.type must be a valid enum value"]),
    ({"availableInStore": "yes", "image": 1},
     ["availableInStore must be a boolean value", "image must be a string"]),
])  # fmt: skip
def test_every_violation_of_the_body_is_listed(
    shop: Shop, method: str, changes: dict[str, Any], messages: list[str]
) -> None:
    path, before = "/products/" if method == "POST" else f"/products/{PAGE_PRODUCT}", shop.products()
    response = shop.api.request(method, path, json={**NEW, **changes})
    assert response.status_code == 422, response.text
    assert sorted(response.json()["message"]) == sorted(messages)
    assert shop.products() == before


def test_empty_body_lacks_all_that_is_required(shop: Shop) -> None:
    assert sorted(shop.api.post("/products/", json={}).json()["message"]) == sorted(
        ["name must be a string", "name should not be empty", "locationId must be a string",
         "locationId should not be empty", "productType must be a valid enum value",
         "productType should not be empty"]
    )  # fmt: skip


@pytest.mark.parametrize("body", ["", "{", "[]", "7", "null", '"x"', "\xff"])
def test_body_that_is_no_object_is_a_bad_request(shop: Shop, body: str) -> None:
    headers = {"Content-Type": "application/json"}
    response = shop.api.post("/products/", content=body.encode("latin-1"), headers=headers)
    assert (response.status_code, response.json()) == (400, {"statusCode": 400, "message": "Bad Request"})


def test_new_ids_are_object_ids_that_a_second_run_gets_again(shop: Shop) -> None:
    first = [shop.created(NEW)["_id"], shop.create_price(PAGE_PRODUCT)["_id"]]
    assert all(len(one) == 24 and int(one, 16) for one in first) and len({*first}) == 2
    seconds = int.from_bytes(bytes.fromhex(first[0][:8]))
    assert seconds == shop.seconds
    shop.reset()
    assert [shop.created(NEW)["_id"], shop.create_price(PAGE_PRODUCT)["_id"]] == first


Edit = tuple[str, str, dict[str, Any]]  # a collection, a key, and the fields that the control API changes
RENAMES: dict[str, tuple[list[Edit], str, str]] = {
    "the product": ([("products", PAGE_PRODUCT, {"name": "Cape", "image": "c"})], "Cape", "c"),
    "only its image": ([("products", PAGE_PRODUCT, {"image": "c"})], "T-shirt", "c"),
    "an item": ([("inventory", PAGE_PRICE, {"productName": "Cape", "image": "c"})], "Cape", "c"),
    "the item, then the product": ([
        ("inventory", PAGE_PRICE, {"productName": "Cape", "image": "c"}),
        ("products", PAGE_PRODUCT, {"name": "Hat"}),
    ], "Hat", "c"),
}  # fmt: skip


@pytest.mark.parametrize("what", RENAMES)
def test_name_and_image_are_one_fact_for_the_control_api_too(shop: Shop, what: str) -> None:
    edits, name, image = RENAMES[what]
    shop.create_price(PAGE_PRODUCT, name="Second")
    for collection, key, fields in edits:
        shop.edit_record(collection, key, **fields)
    product = shop.product(PAGE_PRODUCT)
    assert (product["name"], product["image"]) == (name, image)
    items = [one for one in shop.inventory() if one["product"] == PAGE_PRODUCT]
    assert [(one["productName"], one["image"]) for one in items] == [(name, image)] * 2
    assert shop.inventory(search=name)[0]["_id"] == PAGE_PRICE
    others = [one for one in shop.inventory() if one["product"] != PAGE_PRODUCT]
    assert "c" not in [one["image"] for one in others]


def test_generated_product_that_the_control_api_renames_is_found_by_its_new_name(shop: Shop) -> None:
    product = shop.products()[1]
    shop.edit_record("products", product["_id"], name="Zeppelin")
    found = shop.inventory(search="zeppelin")
    assert len(found) == 4
    assert {one["product"] for one in found} == {product["_id"]}
    shop.revert_record("products", product["_id"])
    assert shop.inventory(search="zeppelin") == []
    assert {one["productName"] for one in shop.inventory() if one["product"] == product["_id"]} == {
        product["name"]
    }


def test_item_that_moves_to_another_product_gets_its_name(shop: Shop) -> None:
    other = shop.products()[1]
    shop.edit_record("inventory", PAGE_PRICE, product=other["_id"])
    (item,) = (one for one in shop.inventory() if one["_id"] == PAGE_PRICE)
    assert (item["productName"], item["image"]) == (other["name"], other["image"])
    assert shop.product(PAGE_PRODUCT)["name"] == "T-shirt"


def test_item_of_a_product_that_is_not_there_keeps_its_own_name(shop: Shop) -> None:
    shop.edit_record("inventory", PAGE_PRICE, product="0" * 24, productName="Cape")
    (item,) = (one for one in shop.inventory() if one["_id"] == PAGE_PRICE)
    assert item["productName"] == "Cape"


def test_product_without_an_image_takes_it_from_its_items(shop: Shop) -> None:
    shop.replace_record("products", PAGE_PRODUCT, lambda product: product.pop("image"))
    (item,) = (one for one in shop.inventory() if one["_id"] == PAGE_PRICE)
    assert "image" not in item
