"""HighLevel's prices over HTTP: they and the inventory list show the same name, SKU and stock."""

from typing import Any

import pytest

from mockserver.data.catalog.catalog import SeededCatalog
from tests.vendors.highlevel.shop import LOCATION, Shop

PRODUCT, PRICE = "6241712be68f7a98102ba270", "6241712be68f7a98102ba272"
SHOWN = ["_id", "locationId", "product", "name", "type", "currency", "amount", "createdAt", "updatedAt",
         "trackInventory", "availableQuantity", "allowOutOfStockPurchases"]  # fmt: skip
NEW = {"name": "Red / S", "type": "one_time", "currency": "USD", "amount": 99.99, "locationId": LOCATION}
NUMBER = "must be a number conforming to the specified constraints"


def test_every_item_of_the_inventory_is_a_price_of_its_product(shop: Shop) -> None:
    items = {item["_id"]: item for item in shop.inventory()}
    seen = set()
    for product in shop.products():
        prices = shop.prices(product["_id"])
        assert prices
        for price in prices:
            item = items[price["_id"]]
            assert list(price) == SHOWN
            assert price["product"] == item["product"] == product["_id"]
            for name in ("name", "availableQuantity", "allowOutOfStockPurchases", "updatedAt"):
                assert price[name] == item[name]
            assert (item["productName"], item["image"]) == (product["name"], product["image"])
        seen.update(price["_id"] for price in prices)
    assert seen == items.keys()


def test_amounts_are_those_of_the_catalog_as_javascript_writes_them(shop: Shop) -> None:
    catalog = SeededCatalog(42, 99)
    for number in range(20):
        product, variant = catalog.variant(number)
        price = shop.price(product.object_id, variant.object_id)
        assert (price["amount"], price["currency"]) == (float(variant.price), "USD")
        assert price["trackInventory"] is variant.tracked
        text = shop.get(f"/products/{product.object_id}/price/{variant.object_id}", locationId=LOCATION).text
        assert f'"amount":{float(variant.price):g},' in text


def test_price_list_is_paged_and_filtered(shop: Shop) -> None:
    product = next(one["_id"] for one in shop.products() if len(shop.prices(one["_id"])) == 4)
    prices = shop.prices(product)
    for limit in (1, 2, 3, 4, 100):
        paged = [
            one for offset in range(0, 4, limit) for one in shop.prices(product, limit=limit, offset=offset)
        ]
        assert paged == prices
    assert shop.prices(product, offset=4) == []
    assert shop.prices(product, ids=f"{prices[2]['_id']}, {prices[0]['_id']},x") == [prices[0], prices[2]]
    assert shop.prices(product, ids=PRICE) == []
    body = shop.get(f"/products/{product}/price", locationId=LOCATION, limit=1).json()
    assert body == {"prices": prices[:1], "total": 4}


@pytest.mark.parametrize("offset", [10**9, "1e300"])
def test_offset_past_the_end_gives_an_empty_page(shop: Shop, offset: Any) -> None:
    assert shop.prices(PRODUCT, offset=offset, limit=5) == []
    assert shop.products(offset=offset, limit=5) == []


def test_new_price_is_an_item_of_the_inventory(shop: Shop) -> None:
    price = shop.create_price(PRODUCT, name="Red / S", sku="RED-S", availableQuantity=5, trackInventory=True)
    assert shop.prices(PRODUCT) == [shop.price(PRODUCT, PRICE), price]
    assert shop.price(PRODUCT, price["_id"]) == price
    assert shop.inventory()[-1] == {
        "_id": price["_id"], "name": "Red / S", "availableQuantity": 5, "sku": "RED-S",
        "allowOutOfStockPurchases": False, "product": PRODUCT, "updatedAt": shop.now,
        "image": "https://example.com/images/product.jpg", "productName": "T-shirt",
    }  # fmt: skip
    assert shop.inventory(search="red-s") == shop.inventory(search="RED / s") == shop.inventory()[-1:]


def test_price_without_stock_and_tracking_is_in_the_inventory_with_none(shop: Shop) -> None:
    price = shop.create_price(PRODUCT)
    assert "trackInventory" not in price
    item = shop.inventory()[-1]
    assert (item["_id"], item["availableQuantity"], item["sku"]) == (price["_id"], 0, "")
    assert item["allowOutOfStockPurchases"] is False


@pytest.mark.parametrize(("sent", "shown"), [
    ("99.90", "99.9"), ("100.00", "100"), ("0", "0"), ("1e2", "100"), ("0.1", "0.1"), ("1E-7", "1e-7"),
    ("19.989999999999998", "19.99"), ("999999999999", "999999999999"),
])  # fmt: skip
def test_numbers_are_shown_as_javascript_writes_them(shop: Shop, sent: str, shown: str) -> None:
    body = f'{{"name":"P","type":"one_time","currency":"USD","locationId":"{LOCATION}","amount":{sent}}}'
    headers = {"Content-Type": "application/json"}
    response = shop.api.post(f"/products/{PRODUCT}/price", content=body, headers=headers)
    assert response.status_code == 201, response.text
    assert f'"amount":{shown},' in response.text
    price_id = response.json()["_id"]
    assert shop.get(f"/products/{PRODUCT}/price/{price_id}", locationId=LOCATION).text == response.text


FULL = {
    "membershipOffers": [{"label": "top_50", "value": "50", "_id": "655b33aa2209e60b6adb87a7"}],
    "variantOptionIds": ["h4z7u0im2q8", "h3nst2ltsnn"], "userId": "6YAtzfzpmHAdj0e8GkKp",
    "recurring": {"interval": "day", "intervalCount": 1}, "compareAtPrice": 120.5, "trackInventory": False,
    "availableQuantity": -3, "allowOutOfStockPurchases": True,
}  # fmt: skip
NOT_SHOWN = {
    "description": "x", "trialPeriod": 7, "totalCycles": 12, "setupFee": 10.99, "sku": "sku_123",
    "meta": {"source": "stripe", "stripePriceId": "price_123", "internalSource": "agency_plan"},
    "shippingOptions": {"weight": {"value": 10, "unit": "kg"},
                        "dimensions": {"height": 1, "width": 1, "length": 1.5, "unit": "cm"}},
    "isDigitalProduct": True, "digitalDelivery": ["https://example.com/file"],
}  # fmt: skip


def test_all_fields_of_a_price_are_accepted_and_the_documented_ones_shown(shop: Shop) -> None:
    price = shop.create_price(PRODUCT, **FULL, **NOT_SHOWN)
    assert {name: price[name] for name in FULL} == FULL
    assert not NOT_SHOWN.keys() & price.keys()
    nothing = dict.fromkeys([*FULL, *NOT_SHOWN])
    assert shop.put(f"/products/{PRODUCT}/price/{price['_id']}", {**NEW, **nothing}).json() == {
        **price, "name": "Red / S", "amount": 99.99,
    }  # fmt: skip


def test_price_that_is_changed_shows_in_the_inventory(shop: Shop) -> None:
    items = shop.inventory()
    item = items[7]
    shop.clock(action="advance", seconds=90)
    body = {**NEW, "availableQuantity": 3, "sku": "NEW-SKU", "allowOutOfStockPurchases": True}
    price = shop.put(f"/products/{item['product']}/price/{item['_id']}", body).json()
    assert price["updatedAt"] == "2026-05-04T12:01:30.000Z"
    assert (price["amount"], price["availableQuantity"]) == (99.99, 3)
    changed = {
        "name": "Red / S", "availableQuantity": 3, "sku": "NEW-SKU", "allowOutOfStockPurchases": True,
        "updatedAt": price["updatedAt"],
    }  # fmt: skip
    assert shop.inventory() == [*items[:7], {**item, **changed}, *items[8:]]
    assert shop.price(item["product"], item["_id"]) == price
    assert shop.product(item["product"])["updatedAt"] != price["updatedAt"]


def test_price_that_is_deleted_is_not_in_the_inventory(shop: Shop) -> None:
    items = shop.inventory()
    path = f"/products/{items[7]['product']}/price/{items[7]['_id']}"
    assert shop.delete(path).json() == {"status": True}
    assert shop.inventory() == [*items[:7], *items[8:]]
    assert items[7]["_id"] not in [price["_id"] for price in shop.prices(items[7]["product"])]
    for method in ("GET", "DELETE"):
        response = shop.api.request(method, path, params={"locationId": LOCATION})
        assert (response.status_code, response.json()) == (400, NO_PRICE)
    assert shop.put(path, NEW).json() == NO_PRICE


NO_PRICE = {"message": "Price not found", "error": "Bad Request", "statusCode": 400}


def test_price_of_another_product_is_not_found(shop: Shop) -> None:
    other = shop.inventory()[7]["_id"]
    for price in (other, PRODUCT, "x", "655b33aa2209e60b6adb87a7"):
        response = shop.get(f"/products/{PRODUCT}/price/{price}", locationId=LOCATION)
        assert (response.status_code, response.json()) == (400, NO_PRICE)


def test_what_the_control_api_changes_shows_in_all_operations(shop: Shop) -> None:
    shop.edit_record("inventory", PRICE, availableQuantity=1, name="Medium")
    shop.edit_record("prices", PRICE, amount=1.5)
    shop.edit_record("products", PRODUCT, description="New text")
    price = shop.price(PRODUCT, PRICE)
    assert (price["name"], price["availableQuantity"], price["amount"]) == ("Medium", 1, 1.5)
    assert shop.product(PRODUCT)["description"] == "New text"


def test_product_that_the_control_api_adds_has_a_price(shop: Shop) -> None:
    shop.add_everywhere(name="Mug", sku="MUG-1", price=12.50, quantity=4)
    (item,), (product,) = shop.inventory(search="MUG-1"), shop.products(search="mug")
    (price,) = shop.prices(product["_id"])
    assert item["product"] == product["_id"]
    assert (price["_id"], price["amount"], price["availableQuantity"]) == (item["_id"], 12.5, 4)
    assert shop.write([{"priceId": price["_id"], "availableQuantity": 9}]).status_code == 201
    assert shop.price(product["_id"], price["_id"])["availableQuantity"] == 9


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize(("changes", "messages"), [
    ({"amount": "1"}, [f"amount {NUMBER}"]),
    ({"amount": None}, [f"amount {NUMBER}"]),
    ({"amount": True}, [f"amount {NUMBER}"]),
    ({"amount": -0.01}, ["amount must not be less than 0"]),
    ({"amount": 10**12}, ["amount must not be greater than 999999999999"]),
    ({"totalCycles": 0, "trialPeriod": "7"},
     ["totalCycles must not be less than 1", f"trialPeriod {NUMBER}"]),
    ({"type": "weekly"}, ["type must be a valid enum value"]),
    ({"currency": ""}, ["currency should not be empty"]),
    ({"recurring": {"interval": "hour"}}, ["recurring.interval must be a valid enum value",
                                           f"recurring.intervalCount {NUMBER}"]),
    ({"recurring": []}, ["nested property recurring must be either object or array"]),
    ({"meta": {"source": "x", "y": 1}},
     ["meta.property y should not exist", "meta.internalSource must be a valid enum value",
      "meta.internalSource should not be empty", "meta.source must be a valid enum value",
      "meta.stripePriceId must be a string", "meta.stripePriceId should not be empty"]),
    ({"shippingOptions": {"weight": {"value": "1", "unit": "stone"}}},
     [f"shippingOptions.weight.value {NUMBER}", "shippingOptions.weight.unit must be a valid enum value"]),
    ({"variantOptionIds": ["a", 1]}, ["each value in variantOptionIds must be a string"]),
    ({"trackInventory": "yes", "availableQuantity": "1", "allowOutOfStockPurchases": 0, "sku": 5},
     ["trackInventory must be a boolean value", f"availableQuantity {NUMBER}",
      "allowOutOfStockPurchases must be a boolean value", "sku must be a string"]),
    ({"price": 1}, ["property price should not exist"]),
])  # fmt: skip
def test_every_violation_is_listed(
    shop: Shop, method: str, changes: dict[str, Any], messages: list[str]
) -> None:
    path, before = f"/products/{PRODUCT}/price", (shop.prices(PRODUCT), shop.inventory())
    response = shop.api.request(
        method, path if method == "POST" else f"{path}/{PRICE}", json={**NEW, **changes}
    )
    assert response.status_code == 422, response.text
    assert sorted(response.json()["message"]) == sorted(messages)
    assert (shop.prices(PRODUCT), shop.inventory()) == before


def test_prices_at_any_catalog_size(shop: Shop, sandbox: str) -> None:
    for size in (1, 2, 5, 2_000_000):
        name = f"{sandbox}-{size}"
        shop.api.post("/_mock/sandboxes", json={"name": name, "products": size}).raise_for_status()
        shop.api.headers["Authorization"] = f"Bearer sbx_{name}"
        (item,) = shop.inventory(limit=1, offset=size - 1)
        assert item["_id"] in [price["_id"] for price in shop.prices(item["product"])]
        (total,) = shop.get("/products/", locationId=LOCATION, limit=1).json()["total"]
        (product,) = shop.products(limit=1, offset=total["total"] - 1)
        assert product["_id"] == item["product"]
        assert len(shop.products(sortOrder="desc", limit=2)) == min(2, size)
        assert shop.put(f"/products/{product['_id']}/price/{item['_id']}", NEW).status_code == 200
        assert shop.inventory(limit=1, offset=size - 1)[0]["name"] == "Red / S"
