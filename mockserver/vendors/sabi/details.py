"""One product of Sabi Trace: read, created and changed.

Source: the vendor's pages on products beside "Retrieve Products". They show the bodies of requests, and few
answers. The spec says what each answer rests on.
"""

from typing import Any

from mockserver.vendor_api import Answer, Call, Problem, Record, iso_timestamp
from mockserver.vendors.sabi.records import IDS, no_details, prices_of, stock_level

CREATED = "Product created successfully."
UPDATED = "Product updated successfully."
UNKNOWN = "Product not found."
# The fields of bodies that are fields of a record in `products` and in `details`.
LISTED = (
    "name", "description", "quantity", "costPrice", "sellingPrice", "currencyCode", "businessId",
    "productTypeId", "state", "city",
)  # fmt: skip
DETAILED = (*IDS, "productTypeDetail", "productUnitType", "address", "deliveryCapacity", "batches")
# The fields that a body may have. Others are ignored: no schema has checked them.
V1 = (*LISTED, *IDS, "photos", "productTypeDetail")
V2 = (
    "productTypeId", "quantity", "productUnitType", "state", "city", "address", "deliveryCapacity",
    "businessId", *IDS,
)  # fmt: skip
OF_BATCH = ("businessId", *IDS)


def retrieve_product_details(call: Call) -> Record:
    """Return one product with all its photos, and without what only the list shows."""
    product, details = _product(call)
    photos = [product["photoUrl"], *details["morePhotos"]] if product["photoUrl"] else []
    return {
        **{name: product[name] for name in ("productId", "name", "description", "quantity")},
        **prices_of(product),
        "currencyCode": product["currencyCode"],
        "photos": photos,
        "businessId": product["businessId"],
        **{name: details[name] for name in IDS},
        "productTypeId": product["productTypeId"],
        "productTypeDetail": details["productTypeDetail"],
    }


def create_product(call: Call, fields: tuple[str, ...] = V1) -> Answer:
    """Add a product. Ids that are only in the headers are taken from there."""
    product_id = _create(call, _known(call.body, fields), "productId")
    return Answer(201, {"message": CREATED, "productId": product_id})


def create_product_batch(call: Call) -> Answer:
    """Add a product without stock for each product type."""
    common = _known(call.body, OF_BATCH)
    created = [
        _create(call, {**common, "productTypeId": kind}, f"productId {number}")
        for number, kind in enumerate(call.body["productTypeIds"])
    ]
    return Answer(201, {"message": "Products created successfully.", "productIds": created})


def update_product_details(call: Call, fields: tuple[str, ...] = V1) -> Record:
    """Change the fields of a product that are in the body."""
    product, details = _product(call)
    _put(call, product, details, _known(call.body, fields))
    return {"message": UPDATED, "productId": product["productId"]}


def update_quantity(call: Call) -> Answer:
    """Set the quantity of a product, and keep the batches that it comes from."""
    product, details = _product(call)
    body = call.body
    change = {"quantity": body["quantity"], "batches": body.get("batches", [])}
    _put(call, product, details, change)
    message = "Product quantity updated successfully."
    return Answer(201, {"message": message, "productId": product["productId"]})


def _product(call: Call) -> tuple[Record, Record]:
    """Return the records of a product in both collections. Raise Problem if there is none."""
    product_id = call.path["productId"]
    product = call.records("products").get(product_id)
    if product is None:
        raise Problem("not_found", UNKNOWN)
    return product, call.records("details").get(product_id) or no_details(product_id)


def _known(body: Record, fields: tuple[str, ...]) -> Record:
    return {name: value for name, value in body.items() if name in fields}


def _create(call: Call, body: Record, purpose: str) -> str:
    """Add a product with the fields of a body, and return its id.

    A body may have no name, as those of version 2 and of batches: the type of the product is all that it has.
    """
    product_id = call.new_object_id(purpose)
    product: Record = {
        "productId": product_id,
        "name": f"Product of type {body['productTypeId']}",
        "description": "",
        "quantity": 0,
        "costPrice": 0,
        "sellingPrice": 0,
        "currencyCode": "USD",
        "isActive": True,
        "businessId": "",
        "productTypeId": "",
        "stockLevel": stock_level(0),
        "photoUrl": "",
        "reserved": 0,
        "state": "",
        "city": "",
        "createdAt": iso_timestamp(call.now),
    }
    details = {**no_details(product_id), **{name: call.headers[name] for name in IDS if name in call.headers}}
    call.records("details").put(details)
    _put(call, product, details, body)
    return product_id


def _put(call: Call, product: Record, details: Record, change: Record) -> None:
    """Store a product with the fields of a change."""
    listed: dict[str, Any] = {**product, **{name: change[name] for name in LISTED if name in change}}
    detailed = {**details, **{name: change[name] for name in DETAILED if name in change}}
    if "photos" in change:
        listed["photoUrl"], detailed["morePhotos"] = (change["photos"] or [""])[0], change["photos"][1:]
    if "quantity" in change:
        listed["stockLevel"] = stock_level(listed["quantity"] - listed["reserved"])
    call.records("products").put(listed)
    if detailed != details:
        call.records("details").put(detailed)
