"""Sabi Trace: the products of a tenant, filtered and paged, and one product read and written.

Source: the vendor's page "Retrieve Products", and its other pages on products.
"""

from functools import partial
from operator import attrgetter

from mockserver.vendor_api import (
    Collection,
    Vendor,
    bearer_header,
    bearer_token,
    numbered_from,
    require_accepted,
)
from mockserver.vendors.sabi.details import (
    V2,
    create_product,
    create_product_batch,
    retrieve_product_details,
    update_product_details,
    update_quantity,
)
from mockserver.vendors.sabi.listing import is_slow, retrieve_products
from mockserver.vendors.sabi.records import FIRST_ID, IDS, details_record, id_numbers, items, product_record
from mockserver.vendors.sabi.refusals import render

vendor = Vendor(
    name="sabi",
    title="Sabi Trace",
    credential=bearer_token,
    authenticate=require_accepted,
    operations={
        "retrieve-products": retrieve_products,
        "create-product": create_product,
        "retrieve-product-details": retrieve_product_details,
        "update-product-details": update_product_details,
        "create-product-v2": partial(create_product, fields=V2),
        "update-product-details-v2": partial(update_product_details, fields=V2),
        "create-product-batch": create_product_batch,
        "update-product-quantity-traceability": update_quantity,
    },
    render=render,
    collections=(
        Collection("products", key="productId", count=attrgetter("variant_count"), make=product_record,
                   locate=numbered_from(FIRST_ID),
                   items=items, id_formats={"productId": "%d"}, id_numbers=id_numbers),
        Collection("details", key="productId", count=attrgetter("variant_count"), make=details_record,
                   locate=numbered_from(FIRST_ID), id_formats={"productId": "%d"}, id_numbers=id_numbers),
    ),
    sample="/api/v1/products?limit=10",
    auth_headers=lambda credential: {
        **bearer_header(credential), **{name: IDS[name] for name in ("tenantId", "userId", "countryCode")}
    },
    slow={"retrieve-products": is_slow},
)  # fmt: skip
