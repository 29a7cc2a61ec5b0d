"""Everything that a vendor's module imports.

A module in `mockserver/vendors` defines one `Vendor` named `vendor`. Its handlers take a `Call` and return a
body or an `Answer`, or raise a `Problem`. Each kind of record is a `Collection`, which generates its records
from the products and variants of a `Catalog`.
"""

from mockserver.data.catalog.products import (
    EAN_FORMAT,
    OBJECT_ID_SUFFIX,
    SKU_SUFFIX,
    Catalog,
    Location,
    Product,
    Variant,
    iso_timestamp,
)
from mockserver.data.store.base_records import Collection, Item, ItemDetails, Record
from mockserver.data.store.ranked import Place, Ranked
from mockserver.data.store.records import Records
from mockserver.vendor_api.answer import Answer
from mockserver.vendor_api.auth import (
    basic_header,
    basic_user,
    bearer_header,
    bearer_token,
    redeem_code,
    require_accepted,
    use_refresh_token,
)
from mockserver.vendor_api.call import ACCESS, Call
from mockserver.vendor_api.credential import DEFAULT_SANDBOX, DENIED, Credential
from mockserver.vendor_api.memo import memoized
from mockserver.vendor_api.problem import Problem, Violation
from mockserver.vendor_api.rate_limits import LeakyBucket, Window
from mockserver.vendor_api.request import Request
from mockserver.vendor_api.vendor import Commit, Edit, Message, Vendor, Webhooks, numbered_from

__all__ = [
    "ACCESS",
    "DEFAULT_SANDBOX",
    "DENIED",
    "EAN_FORMAT",
    "OBJECT_ID_SUFFIX",
    "SKU_SUFFIX",
    "Answer",
    "Call",
    "Catalog",
    "Collection",
    "Commit",
    "Credential",
    "Edit",
    "Item",
    "ItemDetails",
    "LeakyBucket",
    "Location",
    "Message",
    "Place",
    "Problem",
    "Product",
    "Ranked",
    "Record",
    "Records",
    "Request",
    "Variant",
    "Vendor",
    "Violation",
    "Webhooks",
    "Window",
    "basic_header",
    "basic_user",
    "bearer_header",
    "bearer_token",
    "iso_timestamp",
    "memoized",
    "numbered_from",
    "redeem_code",
    "require_accepted",
    "use_refresh_token",
]  # fmt: skip
