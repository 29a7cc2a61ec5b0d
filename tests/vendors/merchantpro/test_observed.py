"""The dialect `observed`: what clients show that the live vendor does otherwise than its page says."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import httpx
import pytest

from tests.vendors.merchantpro.test_inventory import number_text

AUTH = ("demo", "")
DOCUMENTED = "must not be negative"


@pytest.fixture
def live(client: httpx.Client, sandbox: str) -> httpx.Client:
    """Return a client whose sandbox speaks `observed`."""
    client.post("/_mock/sandboxes", json={"name": sandbox, "dialect": "observed"}).raise_for_status()
    return client


def new_product(client: httpx.Client, *, backorders: bool) -> str:
    """Add a product with a stock of 2, and return the path of its stock."""
    body = {"sku": "MUG-1", "name": "Mug", "inventory_enabled": "on", "stock": 2, "price_gross": 9.99,
            "allow_backorders": backorders}  # fmt: skip
    made = client.post("/api/v2/products", json=body, auth=AUTH)
    assert made.status_code == 201, made.text
    return f"/api/v2/inventory/id/{made.json()['id']}"


@pytest.mark.parametrize(("change", "stock"), [({"adjust_by": -5}, -3), (-1, -1), (0, 0)])
def test_stock_may_be_negative_with_backorders(live: httpx.Client, change: Any, stock: int) -> None:
    path = new_product(live, backorders=True)
    changed = live.patch(path, json={"stock": change}, auth=AUTH)
    assert (changed.status_code, changed.json()["stock"]) == (200, stock)
    assert live.get(path, auth=AUTH).json()["stock"] == stock
    product = live.get(path.replace("inventory/id", "products"), auth=AUTH)
    assert product.json()["stock"] == stock


@pytest.mark.parametrize("change", [{"adjust_by": -5}, -1])
def test_stock_is_not_negative_without_backorders(live: httpx.Client, change: Any) -> None:
    refused = live.patch(new_product(live, backorders=False), json={"stock": change}, auth=AUTH)
    assert (refused.status_code, refused.json()["error"]["details"]) == (400, {"stock": DOCUMENTED})


@pytest.mark.parametrize("backorders", [True, False])
def test_both_operations_have_one_rule_for_stock_below_zero(live: httpx.Client, backorders: bool) -> None:
    stock = new_product(live, backorders=backorders)
    for path in (stock, stock.replace("inventory/id", "products")):
        answer = live.patch(path, json={"stock": -1}, auth=AUTH)
        if backorders:
            assert (answer.status_code, answer.json()["stock"]) == (200, -1)
        else:
            assert (answer.status_code, answer.json()["error"]["details"]) == (400, {"stock": DOCUMENTED})


def test_stock_below_zero_can_be_raised_when_back_orders_are_no_longer_allowed(live: httpx.Client) -> None:
    path = new_product(live, backorders=True)
    product = path.replace("inventory/id", "products")
    ended = live.patch(product, json={"stock": -5, "allow_backorders": True}, auth=AUTH)
    ended = live.patch(product, json={"stock": -5, "allow_backorders": False}, auth=AUTH)
    assert ended.status_code == 200, ended.text
    for change, status in (({"adjust_by": 1}, 200), ({"adjust_by": -1}, 400), (-6, 400), (-3, 200)):
        assert live.patch(path, json={"stock": change}, auth=AUTH).status_code == status


def test_documented_stock_api_refuses_negative_stock_with_backorders(client: httpx.Client) -> None:
    refused = client.patch(new_product(client, backorders=True), json={"stock": {"adjust_by": -5}}, auth=AUTH)
    assert (refused.status_code, refused.json()["error"]["details"]) == (400, {"stock": DOCUMENTED})


PRICES = ("price_net", "price_gross")


@pytest.mark.parametrize(("sent", "net", "gross"), [
    ('{"price_gross": 16499}', "13864.7059", "16499"),
    ('{"price_gross": 1600.50}', "1344.958", "1600.5"),
    ('{"price_net": 100}', "100", "119"),
    ('{"price_net": 8.125}', "8.125", "9.67"),
    ('{"price_net": 8.12345}', "8.1235", "9.67"),
    ('{"price_net": 13864.7059, "price_gross": 16499}', "13864.7059", "16499"),
    ('{"price_gross": 0}', "0", "0"),
])  # fmt: skip
def test_prices_are_written_as_in_recorded_orders(
    live: httpx.Client, sandbox: str, sent: str, net: str, gross: str
) -> None:
    """The page writes two decimals always. What is stored is the same in both dialects."""
    stock, product = "/api/v2/inventory/id/10001", "/api/v2/products/10001"
    changed = live.patch(stock, content=sent, auth=AUTH, headers={"Content-Type": "application/json"})
    listed = "/api/v2/products?limit=1&fields=price_net,price_gross"
    for answer in (
        changed,
        live.get(stock, auth=AUTH),
        live.get(product, auth=AUTH),
        live.get(listed, auth=AUTH),
    ):
        assert [number_text(answer, name) for name in PRICES] == [net, gross], answer.text
    live.put(f"/_mock/sandboxes/{sandbox}/dialect", json={"dialect": "documented"}).raise_for_status()
    for path in (stock, product):
        texts = [number_text(live.get(path, auth=AUTH), name) for name in PRICES]
        assert texts == [str(Decimal(net).quantize(Decimal("0.01"), ROUND_HALF_UP)), f"{Decimal(gross):.2f}"]


def test_every_operation_on_products_writes_prices_in_the_same_way(live: httpx.Client) -> None:
    made = live.post("/api/v2/products", auth=AUTH, json={
        "sku": "MUG-1", "name": "Mug", "price_gross": 16499, "cost_net": 1.5, "old_price_gross": 20000,
    })  # fmt: skip
    path = f"/api/v2/products/{made.json()['id']}"
    names = (*PRICES, "old_price_net", "old_price_gross", "cost_net", "cost_gross")
    for answer in (made, live.get(path, auth=AUTH), live.patch(path, json={}, auth=AUTH)):
        texts = [number_text(answer, name) for name in names]
        assert texts == ["13864.7059", "16499", "16806.7227", "20000", "1.5", "1.79"]


WAREHOUSES = [{"name": "Depozit central", "stock": 6, "shelf": 3}]
UNKNOWN = "is not a known field"


@pytest.mark.parametrize(("query", "body", "details"), [
    ("?ignore_nonexistent_fields=1", {"stock": 3, "color": "red"}, None),
    ("?ignore_nonexistent_fields=0", {"stock": 3, "color": "red"}, {"color": UNKNOWN}),
    ("", {"stock": 3, "color": "red", "size": 1}, {"color": UNKNOWN, "size": UNKNOWN}),
    ("?ignore_nonexistent_fields=1", {"stock": 3, "sku": "x"}, {"sku": "cannot be changed"}),
    ("?ignore_nonexistent_fields=yes", {"stock": 3},
     {"ignore_nonexistent_fields": "must be one of 0, 1"}),
])  # fmt: skip
def test_fields_that_do_not_exist_are_ignored_on_request(
    live: httpx.Client, query: str, body: dict[str, Any], details: dict[str, str] | None
) -> None:
    answer = live.patch(f"/api/v2/inventory/id/10001{query}", json=body, auth=AUTH)
    if details is None:
        assert (answer.status_code, answer.json()["stock"]) == (200, 3)
    else:
        assert (answer.status_code, answer.json()["error"]["details"]) == (400, details)


@pytest.mark.parametrize(("query", "status"), [("?ignore_nonexistent_fields=1", 200), ("", 400)])
def test_fields_of_warehouses_are_ignored_too(live: httpx.Client, query: str, status: int) -> None:
    path = f"/api/v2/inventory/id/10003{query}"
    answer = live.patch(path, json={"warehouses": WAREHOUSES}, auth=AUTH)
    assert answer.status_code == status
    if status == 200:
        assert answer.json()["warehouses"][0] == {"id": 1, "stock": 6, "name": "Depozit central"}
    else:
        assert answer.json()["error"]["details"] == {"warehouses.0.shelf": UNKNOWN}


def test_batch_speaks_the_dialect(live: httpx.Client) -> None:
    path = new_product(live, backorders=True)
    part = {"method": "PATCH", "path": f"{path}?fields=stock", "body": {"stock": -1}}
    answer = live.post("/api/v2/batch", json={"requests": [part]}, auth=AUTH)
    assert answer.json() == {"responses": [{"status": 200, "body": {"stock": -1}}]}
