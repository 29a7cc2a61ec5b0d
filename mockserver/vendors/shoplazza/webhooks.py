"""Shoplazza's webhooks about products: a change of a variant or of its stock is one of its product.

Sources: the vendor's pages "Webhook Properties", "Supported Webhook Events" and "Webhook best practices".
"""

import hmac
from base64 import b64encode
from collections.abc import Callable, Iterator
from functools import partial

from mockserver.vendor_api import Commit, Message, Record, Webhooks
from mockserver.vendors.shoplazza.goods.product import Goods

SHOP, VERSION = "demo.myshoplazza.com", "2022-01"
# Minutes until the next attempt: two days in all. Then the vendor deletes the webhook.
INTERVALS = (1, 2, 2, 5, 20, 30, 60, 120, *[240] * 11)
Show = Callable[[Goods], Record]
OF_PRODUCT = {"product_details": "id", "products": "product_id", "variants": "product_id"}


def _created(commit: Commit) -> set[str]:
    """Return the ids of the products that did not exist before."""
    changes = commit.changes.items()
    return {key for (name, key), (before, _) in changes if name == "product_details" and before is None}


def _changed(commit: Commit) -> Iterator[str]:
    """Yield the ids of the products of which something has changed."""
    for (name, _), (before, after) in commit.changes.items():
        if name in OF_PRODUCT and before != after:
            record = after or before
            assert record is not None
            yield record[OF_PRODUCT[name]]


def _bodies(show: Show, commit: Commit, *, created: bool) -> Iterator[Record]:
    """Yield the body for each product that has changed: of the new ones, or of the others."""
    new = _created(commit)
    for id in dict.fromkeys(id for id in _changed(commit) if (id in new) is created):
        if (goods := Goods.with_id(commit, id)) is not None:
            yield {"product": show(goods)}


def headers(body: bytes, message: Message) -> dict[str, str]:
    """Return the headers, with the signature of the body by the secret of the app."""
    digest = hmac.digest(message.client_secret.encode(), body, "sha256")
    return {
        "Content-Type": "application/json",
        "X-Shoplazza-Topic": message.topic,
        "X-Shoplazza-Hmac-Sha256": b64encode(digest).decode(),
        "X-Shoplazza-Shop-Domain": SHOP,
        "X-Shoplazza-Api-Version": VERSION,
        "X-Shoplazza-Deduplication-ID": message.id,
    }


def retry_after(status: int, attempt: int) -> float | None:
    """Return the time until the next attempt, which gets longer, or None after two days."""
    return INTERVALS[attempt - 1] * 60 if attempt <= len(INTERVALS) else None


def webhooks(show: Show) -> Webhooks:
    """Return the webhooks. `show` returns a product as a client reads it."""
    return Webhooks(
        topics={
            "products/create": partial(_bodies, show, created=True),
            "products/update": partial(_bodies, show, created=False),
        },
        headers=headers,
        retry_after=retry_after,
        ends_with_failure=True,
    )
