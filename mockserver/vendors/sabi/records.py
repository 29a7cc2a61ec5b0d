"""The records of Sabi Trace, made from the catalog.

A product is in two collections: `products` has what the list shows and its filters use, `details` all else.
"""

from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from mockserver.vendor_api import Catalog, Item, Record, iso_timestamp

FIRST_ID = 1002  # id 1001 is the example on the vendor's page
FIRST_TYPE = 123
CENT = Decimal("0.01")
IDS = {"userId": "USR456", "tenantId": "TEN123", "countryCode": "US"}  # as in the page's example request


def product_record(catalog: Catalog, number: int) -> Record:
    """Return a variant as a product, because Sabi has no variants. None of its stock is reserved."""
    product, variant = catalog.variant(number)
    quantity = max(variant.quantity, 0)
    return {
        "productId": str(FIRST_ID + number),
        "name": product.title(variant),
        "description": product.description,
        "quantity": quantity,
        "costPrice": (variant.price * Decimal("0.6")).quantize(CENT),
        "sellingPrice": variant.price,
        "currencyCode": "USD",
        "isActive": product.active,
        "businessId": f"BIZ{product.brand.upper()[:3]}",
        "productTypeId": str(FIRST_TYPE + product.kind_number),
        "stockLevel": stock_level(quantity),
        "photoUrl": product.image,
        "reserved": 0,
        "state": product.state,
        "city": product.city,
        "createdAt": iso_timestamp(product.created),
    }


def details_record(catalog: Catalog, number: int) -> Record:
    """Return what the list does not show of a variant."""
    product, _ = catalog.variant(number)
    return no_details(str(FIRST_ID + number)) | {
        "productTypeDetail": {"category": product.kind, "labels": [product.material]}
    }


def no_details(product_id: str) -> dict[str, Any]:
    """Return the details of a product of which only the list's fields are known."""
    return {
        "productId": product_id,
        "morePhotos": [],
        **IDS,
        "productTypeDetail": {"category": "", "labels": []},
        "productUnitType": "",
        "address": "",
        "deliveryCapacity": None,
        "batches": [],
    }


def prices_of(product: Record) -> dict[str, Decimal]:
    """Return both prices of a product with two decimals."""
    return {name: Decimal(product[name]).quantize(CENT) for name in ("costPrice", "sellingPrice")}


def stock_level(free: int) -> str:
    """Return the word for a quantity that is not reserved."""
    return "Low" if free <= 10 else "Medium" if free <= 100 else "High"


def items(record: Record) -> list[Item]:
    key = record["productId"]
    path = f"/api/v1/products?{urlencode({'productIds': key})}"
    return [
        Item(key, {"productId": key}, path, record["name"], record["quantity"], (record["sellingPrice"],))
    ]


def id_numbers(catalog: Catalog, number: int) -> tuple[int]:
    return (FIRST_ID + number,)
