"""HighLevel's stock over HTTP: written by the ids of prices, all of it or nothing."""

from typing import Any

import pytest

from tests.vendors.highlevel.shop import LOCATION, Shop

PRODUCT, PRICE = "6241712be68f7a98102ba270", "6241712be68f7a98102ba272"
WRITTEN = {"status": True, "message": "Successfully created"}
NESTED = "nested property items must be either object or array"
NUMBER = "must be a number conforming to the specified constraints"


@pytest.mark.parametrize(("fields", "changes"), [
    ({"availableQuantity": 0}, {"availableQuantity": 0}),
    ({"availableQuantity": -2}, {"availableQuantity": -2}),
    ({"availableQuantity": 2.5}, {"availableQuantity": 2.5}),
    ({"availableQuantity": 12.0}, {"availableQuantity": 12}),
    ({"allowOutOfStockPurchases": True}, {"allowOutOfStockPurchases": True}),
    ({"availableQuantity": 9, "allowOutOfStockPurchases": True}, {"availableQuantity": 9,
                                                                 "allowOutOfStockPurchases": True}),
    ({"availableQuantity": None}, {}),
    ({}, {}),
])  # fmt: skip
def test_fields_that_are_sent_are_written(
    shop: Shop, fields: dict[str, Any], changes: dict[str, Any]
) -> None:
    (item,) = shop.inventory(limit=1)
    response = shop.write([{"priceId": PRICE, **fields}])
    assert (response.status_code, response.json()) == (201, WRITTEN)
    assert shop.inventory(limit=1) == [{**item, **changes, "updatedAt": shop.now}]
    price = shop.price(PRODUCT, PRICE)
    assert {name: price[name] for name in changes} == changes
    assert price["updatedAt"] == shop.now


def test_several_items_are_written_at_once_and_of_one_the_last_counts(shop: Shop) -> None:
    items = shop.inventory()
    sent = [{"priceId": item["_id"], "availableQuantity": n} for n, item in enumerate(items)]
    assert shop.write([*sent, {"priceId": items[0]["_id"], "availableQuantity": 77}]).status_code == 201
    assert [item["availableQuantity"] for item in shop.inventory()] == [77, *range(1, 100)]
    assert {item["updatedAt"] for item in shop.inventory()} == {shop.now}


@pytest.mark.parametrize("unknown", ["655b33aa2209e60b6adb87a7", PRODUCT, "5e9f8f8f8f8f8f8f8f8f8f8", "x"])
@pytest.mark.parametrize("place", [0, 1])
def test_unknown_price_refuses_all_items(shop: Shop, unknown: str, place: int) -> None:
    before = shop.inventory()
    items = [{"priceId": PRICE, "availableQuantity": 1}]
    items.insert(place, {"priceId": unknown, "availableQuantity": 1})
    response = shop.write(items)
    assert response.status_code == 400
    assert response.json() == {"message": "Price not found", "error": "Bad Request", "statusCode": 400}
    assert shop.inventory() == before


@pytest.mark.parametrize(("body", "messages"), [
    ({}, ["altId must be a string", "altId should not be empty", "altType must be a valid enum value",
          "altType should not be empty", "items must be an array"]),
    ({"items": []}, ["items should not be empty"]),
    ({"items": {"priceId": PRICE}}, ["items must be an array"]),
    ({"items": None}, ["items must be an array"]),
    ({"items": 5}, ["items must be an array", f"each value in {NESTED}"]),
    ({"items": PRICE}, ["items must be an array", f"each value in {NESTED}"]),
    ({"items": False}, ["items must be an array", f"each value in {NESTED}"]),
    ({"items": [PRICE, 1]}, [f"items.each value in {NESTED}"]),
    ({"items": [{}]}, ["items.0.priceId must be a string", "items.0.priceId should not be empty"]),
    ({"items": [{"priceId": None}]},
     ["items.0.priceId must be a string", "items.0.priceId should not be empty"]),
    ({"items": [{"priceId": PRICE}, {"priceId": ""}]}, ["items.1.priceId should not be empty"]),
    ({"items": [{"priceId": PRICE, "availableQuantity": "5", "allowOutOfStockPurchases": "no"}]},
     [f"items.0.availableQuantity {NUMBER}", "items.0.allowOutOfStockPurchases must be a boolean value"]),
    ({"items": [{"priceId": PRICE, "sku": "X"}], "location": 1},
     ["items.0.property sku should not exist", "property location should not exist"]),
    ({"altType": "company"}, ["altType must be a valid enum value"]),
    ({"altType": ["location"]}, ["altType must be a valid enum value"]),
    ({"altId": ""}, ["altId should not be empty"]),
])  # fmt: skip
def test_every_violation_is_listed(shop: Shop, body: dict[str, Any], messages: list[str]) -> None:
    valid = {"altId": LOCATION, "altType": "location", "items": [{"priceId": PRICE, "availableQuantity": 1}]}
    before = shop.inventory()
    response = shop.api.post("/products/inventory", json={**valid, **body} if body else {})
    assert response.status_code == 422, response.text
    assert sorted(response.json()["message"]) == sorted(messages)
    assert shop.inventory() == before


def test_violations_in_many_items_are_bounded(shop: Shop) -> None:
    response = shop.write([{"priceId": 1}] * 3000)
    assert (response.status_code, len(response.json()["message"])) == (422, 50)


def test_body_of_more_than_100_kb_is_too_large(shop: Shop) -> None:
    response = shop.write([{"priceId": "x" * 110_000}])
    assert (response.status_code, response.json()) == (
        413,
        {"statusCode": 413, "message": "Payload Too Large"},
    )


@pytest.mark.parametrize(
    ("location", "status"), [("inactiveLocation0001", 401), ("anotherLocation00001", 403)]
)
def test_location_is_checked(shop: Shop, location: str, status: int) -> None:
    body = {"altId": location, "altType": "location", "items": [{"priceId": PRICE, "availableQuantity": 1}]}
    assert shop.api.post("/products/inventory", json=body).status_code == status
    assert shop.inventory(limit=1)[0]["availableQuantity"] == 50


def test_version_and_credential_come_first(shop: Shop) -> None:
    for headers, message in (
        ({"Version": "1999-01-01"}, "version header is invalid"),
        ({"Authorization": "Bearer x"}, "Invalid JWT"),
        ({"Authorization": "Bearer forbidden"}, "The token is not authorized for this scope."),
    ):
        response = shop.api.post("/products/inventory", content=b"{", headers=headers)
        assert (response.status_code, response.json()["message"]) == (401, message)
