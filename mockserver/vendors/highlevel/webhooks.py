"""HighLevel's webhooks about products and prices.

Sources: the official page of each event, the webhook guide, and the official SDK, which verifies the
signature. `X-WH-Signature`, which was signed with RSA, has ended. The pages name no event in its body: an app
sets the address of each event apart.
"""

from base64 import b64encode
from collections.abc import Iterable, Iterator
from typing import Any

from mockserver.vendor_api import Commit, Message, Record, Webhooks, iso_timestamp
from mockserver.vendors.highlevel.account import LOCATION
from mockserver.vendors.highlevel.values import pick

# In the order of the pages.
PRICE_FIELDS = (
    "_id", "membershipOffers", "variantOptionIds", "locationId", "product", "userId", "name", "type",
    "currency", "amount", "recurring", "createdAt", "updatedAt", "compareAtPrice", "trackInventory",
    "availableQuantity", "allowOutOfStockPurchases",
)  # fmt: skip
PRODUCT_FIELDS = (
    "_id", "description", "variants", "medias", "locationId", "name", "productType", "availableInStore",
    "userId", "createdAt", "updatedAt", "statementDescriptor", "image",
)  # fmt: skip
TOO_MANY_REQUESTS, RETRIES, RETRY_SECONDS = 429, 6, 600
Change = tuple[Record | None, Record | None]  # what an event would say before and after


def _products(commit: Commit) -> Iterator[Change]:
    for (collection, _), change in commit.changes.items():
        if collection == "products":
            before, after = (record and _product(record) for record in change)
            yield before, after


def _product(product: Record) -> Record:
    return pick({**product, "locationId": LOCATION}, PRODUCT_FIELDS)


def _prices(commit: Commit) -> Iterator[Change]:
    """Yield the changes of prices. Their inventory items are one half of them."""
    keys = dict.fromkeys(key for collection, key in commit.changes if collection in ("inventory", "prices"))
    for key in keys:
        items, prices = (_change(commit, collection, key) for collection in ("inventory", "prices"))
        yield _price(items[0], prices[0]), _price(items[1], prices[1])


def _change(commit: Commit, collection: str, key: str) -> Change:
    if (change := commit.changes.get((collection, key))) is not None:
        return change
    record = commit.records(collection).get(key)
    return record, record


def _price(item: Record | None, price: Record | None) -> Record | None:
    if item is None or price is None:
        return None
    return pick({**price, **item, "locationId": LOCATION}, PRICE_FIELDS)


def _created(changes: Iterable[Change]) -> list[Record]:
    return [after for before, after in changes if before is None and after is not None]


def _updated(changes: Iterable[Change]) -> list[Record]:
    return [after for before, after in changes if before and after and before != after]


def _deleted(changes: Iterable[Change]) -> list[Record]:
    return [before for before, after in changes if before is not None and after is None]


def _created_price(price: Record) -> Record:
    """Return a price as the event of its creation has it: with another name for its type."""
    return {"priceType" if name == "type" else name: value for name, value in price.items()}


def body(value: Record, message: Message) -> dict[str, Any]:
    """Return the object with the fields that every event has.

    The SDK ignores an event whose `appId` is not the first part of the app's client id.
    """
    return {
        **value,
        "appId": message.client_id.partition("-")[0],
        "timestamp": iso_timestamp(message.instant),
        "webhookId": message.id,
    }


def headers(body: bytes, message: Message) -> dict[str, str]:
    """Return the headers, with the signature of the body."""
    return {
        "Content-Type": "application/json",
        "X-GHL-Signature": b64encode(message.sign(body)).decode(),
    }


def retry_after(status: int, attempt: int) -> float | None:
    """Return the time until the next attempt. Only a receiver that is asked too often is asked again."""
    return RETRY_SECONDS if status == TOO_MANY_REQUESTS and attempt <= RETRIES else None


webhooks = Webhooks(
    topics={
        "ProductCreate": lambda commit: _created(_products(commit)),
        "ProductUpdate": lambda commit: _updated(_products(commit)),
        "ProductDelete": lambda commit: _deleted(_products(commit)),
        "PriceCreate": lambda commit: map(_created_price, _created(_prices(commit))),
        "PriceUpdate": lambda commit: _updated(_prices(commit)),
        "PriceDelete": lambda commit: _deleted(_prices(commit)),
    },
    body=body,
    headers=headers,
    retry_after=retry_after,
    signed_by="key",
)
