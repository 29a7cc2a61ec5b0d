"""What a vendor's module imports: calls, problems, answers, records, limits, and the vendor itself."""

from mockserver.catalog.products import EAN, OBJECT_END, SKU_END, Goods, Location, Product, Variant, dated
from mockserver.store.base_records import Collection, Record
from mockserver.store.records import Records
from mockserver.vendor_api.auth import admit, basic_header, basic_user, bearer_header, bearer_token
from mockserver.vendor_api.call import Answer, Call
from mockserver.vendor_api.credential import Credential
from mockserver.vendor_api.memo import remembered
from mockserver.vendor_api.problem import Problem, Violation
from mockserver.vendor_api.rate_limits import LeakyBucket, Quota, Standing, Window
from mockserver.vendor_api.request import Request
from mockserver.vendor_api.vendor import Vendor, counted_from

__all__ = [
    "EAN", "OBJECT_END", "SKU_END", "Answer", "Call", "Collection", "Credential", "Goods", "LeakyBucket",
    "Location", "Problem", "Product", "Quota", "Record", "Records", "Request", "Standing", "Variant",
    "Vendor", "Violation", "Window", "admit", "basic_header", "basic_user", "bearer_header",
    "bearer_token", "counted_from", "dated", "remembered",
]  # fmt: skip
