"""Ids in the smallest change: the spec's links tell which of the vendor's answers has an id that exists."""

from typing import Any

import httpx
import pytest

from tests.control.journal.conftest import AUTH, marked, sent_again
from tests.control.journal.test_smallest_change import SABI

SHOP = {"access-token": "demo", "Content-Type": "application/json"}
HIGHLEVEL = {"Authorization": "Bearer demo", "Version": "2021-07-28"}
DELETED = "f854e9a2-986d-4e2b-9df0-8e4c139ae80e"  # the product in the spec's example
LEVELS = "/openapi/2026-01/inventory_levels"
PRICE = "/products/6241712be68f7a98102ba270/price"
LOCATION = "6578278e879ad2646715ba9c"

# (method, target, headers, body): the place and name of each edit. All its values are those of records.
CASES: dict[str, tuple[str, str, dict[str, str], str | None, set[str]]] = {
    "from a list": ("GET", "/openapi/2026-01/locations/1", SHOP, None, {"path location_id"}),
    "from a list of the spec's example": (
        "GET", "/openapi/2026-01/inventory_items/1001", SHOP, None, {"path inventory_item_id"},
    ),
    "through three answers": (
        "GET", "/openapi/2022-01/variants/0123456789", SHOP, None, {"path variant_id"},
    ),
    "in the body": (
        "PUT", LEVELS, SHOP, '{"inventory_item_id": "x", "location_id": "1", "stock_adjustment": 4}',
        {"body inventory_item_id", "body location_id"},
    ),
    "in the body, one of two": (
        "PUT", LEVELS, SHOP,
        '{"inventory_item_id": "5723299f-238a-4491-8b42-0422e38bd12f", "location_id": "1",'
        ' "stock_adjustment": 4}',
        {"body inventory_item_id", "body location_id"},
    ),
    "a number": ("GET", "/api/v1/products/5", SABI, None, {"path productId"}),
    "the second of two": (
        "GET", f"{PRICE}/655b33aa2209e60b6adb87a7?locationId={LOCATION}", HIGHLEVEL, None, {"path priceId"},
    ),
}  # fmt: skip


@pytest.mark.console(15)
@pytest.mark.parametrize("name", CASES)
def test_id_is_one_that_the_vendor_shows(
    client: httpx.Client, control_client: httpx.Client, sandbox: str, name: str
) -> None:
    method, target, headers, body, expected = CASES[name]
    client.delete(f"/openapi/2022-01/products/{DELETED}", headers=SHOP)
    answer = client.request(method, target, headers={**headers, "X-Marker": sandbox}, content=body)
    assert answer.is_error
    call = marked(control_client, sandbox)
    edits: list[dict[str, Any]] = call["explanation"]["edits"]
    assert {f"{edit['place']} {edit['name']}" for edit in edits} == expected
    assert {edit["origin"] for edit in edits} == {"record"}
    again = sent_again(control_client, call, smallest_change=True)
    assert again["response"]["status"] == 200


def test_batch_is_rehearsed_with_its_parts(
    client: httpx.Client, control_client: httpx.Client, sandbox: str
) -> None:
    batch = {"requests": [{"method": "GET", "path": "/api/v2/products/10001"}]}
    client.post("/api/v2/batch", json={**batch, "mode": "x"}, auth=AUTH, headers={"X-Marker": sandbox})
    call = marked(control_client, sandbox)
    assert [(edit["action"], edit["name"]) for edit in call["explanation"]["edits"]] == [("remove", "mode")]
    again = sent_again(control_client, call, smallest_change=True)
    assert again["response"]["status"] == 200
