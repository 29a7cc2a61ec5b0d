"""Shoplazza's webhooks: what they say, how they are signed, and for how long they are tried."""

import base64
import hashlib
import hmac
from collections.abc import Iterator

import httpx
import pytest

from mockserver.client import Sandbox
from mockserver.client.webhooks import Webhook
from mockserver.vendors.shoplazza.webhooks import INTERVALS, retry_after
from tests.receiver import Received, Receiver

PRODUCT = "f854e9a2-986d-4e2b-9df0-8e4c139ae80e"  # the one of the page
SECRET = "test-secret"
TWO_DAYS = 2 * 24 * 60


@pytest.fixture
def webhook(mock_sandbox: Sandbox, receiver: Receiver) -> Webhook:
    """Register the receiver for all topics, in a sandbox whose clock stands still."""
    mock_sandbox.clock.freeze("2026-01-02T03:04:05Z")
    webhook = mock_sandbox.webhooks.create("shoplazza", receiver.url, client_secret=SECRET)
    assert webhook.topics == ["products/create", "products/update"]
    assert webhook.public_key is None
    return webhook


@pytest.fixture
def shop(mock_sandbox: Sandbox, webhook: Webhook) -> Iterator[httpx.Client]:
    """Yield a client of the shop."""
    access = mock_sandbox.vendors["shoplazza"]
    with httpx.Client(base_url=access.base_url, headers=access.headers) as client:
        yield client


def calls_of(sandbox: Sandbox, receiver: Receiver, count: int = 1) -> list[Received]:
    """Return the calls to the receiver, of which there are `count`."""
    sandbox.webhooks.wait_for(count=count)
    assert len(receiver.calls) == count
    return receiver.calls


def test_changed_variant_is_notified_as_its_product(
    shop: httpx.Client, mock_sandbox: Sandbox, receiver: Receiver
) -> None:
    product = shop.get(f"/openapi/2022-01/products/{PRODUCT}").json()["product"]
    variant = product["variants"][0]["id"]
    answer = shop.put(f"/openapi/2022-01/variants/{variant}", json={"variant": {"price": "12.50"}})
    assert answer.is_success, answer.text
    (call,) = calls_of(mock_sandbox, receiver)
    assert call.json() == shop.get(f"/openapi/2022-01/products/{PRODUCT}").json()
    assert call.json()["product"]["variants"][0]["price"] == "12.50"
    assert call.json()["product"]["updated_at"] == "2026-01-02T03:04:05Z"
    assert call.headers["x-shoplazza-topic"] == "products/update"


def test_changed_stock_is_notified_as_its_product(
    shop: httpx.Client, mock_sandbox: Sandbox, receiver: Receiver
) -> None:
    products = mock_sandbox.records("shoplazza", "products")
    stock = products.get(PRODUCT)
    variant = stock["variants"][0]
    item = {**variant["location_items"][0], "stock": 77}
    products.put(PRODUCT, {**stock, "variants": [{**variant, "location_items": [item]}]})
    (call,) = calls_of(mock_sandbox, receiver)
    assert call.json()["product"]["inventory_quantity"] == 77


def test_product_of_the_control_api_is_created(
    webhook: Webhook, mock_sandbox: Sandbox, receiver: Receiver
) -> None:
    mock_sandbox.add_product("CUP-1", "Cup", quantity=3)
    (call,) = calls_of(mock_sandbox, receiver)
    assert call.headers["x-shoplazza-topic"] == "products/create"
    assert [one["sku"] for one in call.json()["product"]["variants"]] == ["CUP-1"]


def test_deleted_product_calls_nobody(shop: httpx.Client, mock_sandbox: Sandbox, receiver: Receiver) -> None:
    assert shop.delete(f"/openapi/2022-01/products/{PRODUCT}").is_success
    mock_sandbox.add_product("CUP-1", "Cup")
    (call,) = calls_of(mock_sandbox, receiver)
    assert call.headers["x-shoplazza-topic"] == "products/create"


def test_body_is_signed_with_the_secret_of_the_app(
    webhook: Webhook, mock_sandbox: Sandbox, receiver: Receiver
) -> None:
    mock_sandbox.add_product("CUP-1", "Cup")
    (call,) = calls_of(mock_sandbox, receiver)
    digest = hmac.new(SECRET.encode(), call.body, hashlib.sha256).digest()
    headers = {name: value for name, value in call.headers.items() if name.startswith("x-shoplazza-")}
    assert len(headers.pop("x-shoplazza-deduplication-id")) == 36
    assert headers == {
        "x-shoplazza-topic": "products/create",
        "x-shoplazza-hmac-sha256": base64.b64encode(digest).decode(),
        "x-shoplazza-shop-domain": "demo.myshoplazza.com",
        "x-shoplazza-api-version": "2022-01",
    }


def test_webhook_is_removed_after_two_days_of_failures(
    webhook: Webhook, mock_sandbox: Sandbox, receiver: Receiver
) -> None:
    receiver.statuses.extend([503] * 20)
    mock_sandbox.add_product("CUP-1", "Cup")
    for attempt, minutes in enumerate(INTERVALS, 1):
        mock_sandbox.webhooks.wait_for(count=attempt)
        assert [one.id for one in mock_sandbox.webhooks] == [webhook.id]
        mock_sandbox.clock.advance(minutes * 60)
    mock_sandbox.webhooks.wait_for(count=20)
    (delivery,) = mock_sandbox.webhooks.deliveries()
    assert (delivery.state, len(delivery.attempts)) == ("failed", 20)
    assert [*mock_sandbox.webhooks] == []
    assert len({call.headers["x-shoplazza-deduplication-id"] for call in receiver.calls}) == 1


def test_one_success_ends_the_attempts(webhook: Webhook, mock_sandbox: Sandbox, receiver: Receiver) -> None:
    receiver.statuses.append(500)
    mock_sandbox.add_product("CUP-1", "Cup")
    mock_sandbox.webhooks.wait_for()
    mock_sandbox.clock.advance(60)
    mock_sandbox.webhooks.wait_for(count=2)
    (delivery,) = mock_sandbox.webhooks.deliveries()
    assert delivery.state == "delivered"


def test_intervals_are_two_days_in_all() -> None:
    assert (len(INTERVALS), sum(INTERVALS)) == (19, TWO_DAYS)
    assert [retry_after(status, 1) for status in (0, 302, 404, 500)] == [60] * 4
    assert retry_after(500, 20) is None
