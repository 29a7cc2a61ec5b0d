"""HighLevel's webhooks: what they say, and that the official SDK accepts their signature."""

import asyncio
import base64
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from mockserver.client import Sandbox
from mockserver.client.webhooks import Webhook
from mockserver.vendors.highlevel.webhooks import retry_after
from tests.receiver import Received, Receiver

PRICE, PRODUCT = "6241712be68f7a98102ba272", "6241712be68f7a98102ba270"  # those of the page
LOCATION = "6578278e879ad2646715ba9c"
NOW = "2026-01-02T03:04:05.000Z"
TOPICS = ["ProductCreate", "ProductUpdate", "ProductDelete", "PriceCreate", "PriceUpdate", "PriceDelete"]
ALT = {"altId": LOCATION, "altType": "location"}
NEW_PRICE = {"name": "Red", "type": "one_time", "currency": "USD", "amount": 9.5, "locationId": LOCATION}
NEW_PRODUCT = {"name": "Cup", "locationId": LOCATION, "productType": "PHYSICAL"}


@pytest.fixture
def webhook(mock_sandbox: Sandbox, receiver: Receiver) -> Webhook:
    """Register the receiver for all topics, in a sandbox whose clock stands still."""
    mock_sandbox.clock.freeze(NOW)
    webhook = mock_sandbox.webhooks.create("highlevel", receiver.url, client_id="65f0c1a2-lqx1")
    assert webhook.topics == TOPICS
    return webhook


class Shop:
    """The location of a sandbox, called as a client does, and the calls of its webhooks."""

    def __init__(self, sandbox: Sandbox, receiver: Receiver) -> None:
        self.sandbox, self.receiver = sandbox, receiver
        access = sandbox.vendors["highlevel"]
        self.client = httpx.Client(base_url=access.base_url, headers=access.headers)

    def call(self, method: str, path: str, body: Any = None, **query: str) -> Any:
        answer = self.client.request(method, path, json=body, params=query)
        assert answer.is_success, answer.text
        return answer.json()

    def calls(self, count: int = 1) -> list[tuple[str, Received]]:
        """Return the topics and calls so far, of which there are `count`."""
        calls = self.sandbox.webhooks.wait_for(count=count)
        assert len(calls) == count == len(self.receiver.calls)
        topics = [call.operation for call in calls]
        return list(zip(topics, self.receiver.calls, strict=True))


@pytest.fixture
def shop(mock_sandbox: Sandbox, webhook: Webhook, receiver: Receiver) -> Iterator[Shop]:
    shop = Shop(mock_sandbox, receiver)
    with shop.client:
        yield shop


def test_stock_that_a_client_writes_is_notified_as_the_whole_price(shop: Shop) -> None:
    items = [{"priceId": PRICE, "availableQuantity": 7}]
    shop.call("POST", "/products/inventory", {**ALT, "items": items})
    ((topic, call),) = shop.calls()
    body = call.json()
    (price,) = shop.call("GET", f"/products/{PRODUCT}/price", locationId=LOCATION)["prices"]
    assert (topic, body["availableQuantity"], body["updatedAt"]) == ("PriceUpdate", 7, NOW)
    assert len(body["webhookId"]) == 36
    assert [*body.items()] == [
        *price.items(), ("appId", "65f0c1a2"), ("timestamp", NOW), ("webhookId", body["webhookId"])
    ]  # fmt: skip


def test_each_item_of_a_write_is_notified(shop: Shop) -> None:
    ids = [one["_id"] for one in shop.call("GET", "/products/inventory", **ALT, limit="3")["inventory"]]
    items = [{"priceId": id, "availableQuantity": 7} for id in ids]
    shop.call("POST", "/products/inventory", {**ALT, "items": items})
    assert [call.json()["_id"] for _, call in shop.calls(3)] == ids


def test_change_by_the_control_api_is_notified_too(shop: Shop) -> None:
    shop.sandbox.records("highlevel", "inventory").patch(PRICE, availableQuantity=7)
    ((topic, call),) = shop.calls()
    assert (topic, call.json()["availableQuantity"]) == ("PriceUpdate", 7)


def test_amount_is_part_of_the_price(shop: Shop) -> None:
    shop.call("PUT", f"/products/{PRODUCT}/price/{PRICE}", {**NEW_PRICE, "amount": 12.5})
    ((topic, call),) = shop.calls()
    assert (topic, call.json()["amount"], call.json()["type"]) == ("PriceUpdate", 12.5, "one_time")


def test_price_is_created_and_deleted(shop: Shop) -> None:
    made = shop.call("POST", f"/products/{PRODUCT}/price", NEW_PRICE)
    shop.call("DELETE", f"/products/{PRODUCT}/price/{made['_id']}", locationId=LOCATION)
    (created, first), (deleted, second) = shop.calls(2)
    assert (created, deleted) == ("PriceCreate", "PriceDelete")
    assert (first.json()["priceType"], "type" in first.json()) == ("one_time", False)
    assert (second.json()["_id"], second.json()["type"]) == (made["_id"], "one_time")


def test_product_is_created_changed_and_deleted(shop: Shop) -> None:
    id = shop.call("POST", "/products/", NEW_PRODUCT)["_id"]
    shop.call("PUT", f"/products/{id}", {**NEW_PRODUCT, "name": "Mug"})
    shop.call("DELETE", f"/products/{id}", locationId=LOCATION)
    calls = shop.calls(3)
    assert [topic for topic, _ in calls] == ["ProductCreate", "ProductUpdate", "ProductDelete"]
    assert [call.json()["name"] for _, call in calls] == ["Cup", "Mug", "Mug"]
    assert {call.json()["locationId"] for _, call in calls} == {LOCATION}


def test_name_of_a_product_is_not_part_of_its_prices(shop: Shop) -> None:
    shop.call("PUT", f"/products/{PRODUCT}", {**NEW_PRODUCT, "name": "Shirt"})
    assert [topic for topic, _ in shop.calls()] == ["ProductUpdate"]


def test_product_that_is_deleted_takes_its_prices_along(shop: Shop) -> None:
    shop.call("DELETE", f"/products/{PRODUCT}", locationId=LOCATION)
    assert sorted(topic for topic, _ in shop.calls(2)) == ["PriceDelete", "ProductDelete"]


def test_product_of_the_control_api_is_created(shop: Shop) -> None:
    shop.sandbox.add_product("CUP-1", "Cup", quantity=3)
    calls = dict(shop.calls(2))
    assert sorted(calls) == ["PriceCreate", "ProductCreate"]
    assert calls["PriceCreate"].json()["availableQuantity"] == 3


def test_write_that_changes_nothing_calls_nobody(shop: Shop) -> None:
    inventory = shop.sandbox.records("highlevel", "inventory")
    inventory.patch(PRICE, availableQuantity=inventory.get(PRICE)["availableQuantity"])
    inventory.patch(PRICE, availableQuantity=8)
    ((_, call),) = shop.calls()
    assert call.json()["availableQuantity"] == 8


def test_refused_write_calls_nobody(shop: Shop) -> None:
    items = [{"priceId": PRICE, "availableQuantity": 7}, {"priceId": "0" * 24, "availableQuantity": 7}]
    answer = shop.client.post("/products/inventory", json={**ALT, "items": items})
    assert answer.status_code == 400
    shop.sandbox.records("highlevel", "inventory").patch(PRICE, availableQuantity=8)
    ((_, call),) = shop.calls()
    assert call.json()["availableQuantity"] == 8


def test_body_is_signed_with_the_published_key(shop: Shop, webhook: Webhook) -> None:
    shop.sandbox.records("highlevel", "inventory").patch(PRICE, availableQuantity=7)
    ((_, call),) = shop.calls()
    assert webhook.public_key is not None
    key: Any = load_pem_public_key(webhook.public_key.encode())
    signature = base64.b64decode(call.headers["x-ghl-signature"])
    key.verify(signature, call.body)
    with pytest.raises(InvalidSignature):
        key.verify(signature, call.body + b" ")
    assert "x-wh-signature" not in call.headers  # it was ended on 2026-09-01
    assert call.headers["content-type"] == "application/json"


def test_official_sdk_accepts_the_signature(
    shop: Shop, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = pytest.importorskip("highlevel.webhook.webhook_manager").WebhookManager
    logger = SimpleNamespace(**dict.fromkeys(("debug", "warn", "error", "info"), lambda *_: None))
    shop.sandbox.records("highlevel", "inventory").patch(PRICE, availableQuantity=7)
    ((_, call),) = shop.calls()
    monkeypatch.setenv("CLIENT_ID", webhook.client_id)
    monkeypatch.setenv("WEBHOOK_SIGNATURE_PUBLIC_KEY", webhook.public_key or "")
    request = SimpleNamespace(body=call.body, headers=httpx.Headers(call.headers), method="POST", url="/")
    asyncio.run(manager(logger, None, None).subscribe()(request))
    assert request.is_signature_valid is True
    assert request.signature_type == "ed25519"


@pytest.mark.parametrize(("status", "attempt", "seconds"), [
    (429, 1, 600), (429, 6, 600), (429, 7, None), (0, 1, None), (301, 1, None), (400, 1, None),
    (500, 1, None),
])  # fmt: skip
def test_only_a_receiver_that_is_asked_too_often_is_asked_again(
    status: int, attempt: int, seconds: float | None
) -> None:
    assert retry_after(status, attempt) == seconds
