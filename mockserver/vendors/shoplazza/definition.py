"""Shoplazza 2022-01: its credential, rate limits, operations and records.

The platform is written in Go. It answers a malformed id with status 500 and the text of its UUID parser.
"""

from operator import attrgetter

from mockserver.vendor_api import (
    Call,
    Collection,
    Credential,
    ItemDetails,
    LeakyBucket,
    Problem,
    Request,
    Vendor,
    memoized,
    require_accepted,
)
from mockserver.vendors.shoplazza import inventory_items, levels, locations, products, variants
from mockserver.vendors.shoplazza.goods.records import (
    created_rank,
    details_record,
    items,
    locate_location,
    location_record,
    stock_record,
    variant_record,
    with_variant,
)
from mockserver.vendors.shoplazza.inventory import product_inventory
from mockserver.vendors.shoplazza.refusals import common_headers, render, render_as_observed
from mockserver.vendors.shoplazza.shops import check_shop
from mockserver.vendors.shoplazza.tokens import give_out_tokens, rendering
from mockserver.vendors.shoplazza.webhooks import webhooks


def credential(request: Request) -> Credential:
    """Return the token in the header `access-token`.

    The page's text says `Authorization`, but its example request and real clients use this header.
    """
    token = request.headers.get("access-token")
    return Credential(None) if token is None else _credential(token)


_credential = memoized(Credential)


def authenticate(call: Call) -> None:
    """Check in this order: the host belongs to a shop, the shop is active, the credential is valid for it.

    Raise Problem at the first check that fails.
    """
    shop, token = check_shop(call), call.credential.claims
    require_accepted(call)
    if token and token["sub"] != shop:
        raise Problem("unauthenticated")


vendor = Vendor(
    name="shoplazza",
    title="Shoplazza",
    credential=credential,
    authenticate=authenticate,
    operations={
        "get-product-inventory-detail": product_inventory,
        "get-access-token": give_out_tokens,
        "list-products": products.list_products,
        "count-products": products.count_products,
        "get-product": products.get_product,
        "delete-product": products.delete_product,
        "list-variants": variants.list_variants,
        "count-variants": variants.count_variants,
        "get-variant": variants.get_variant,
        "update-variant": variants.update_variant,
        "list-variants-by-sku": variants.list_variants_by_sku,
        "update-variants-by-sku": variants.update_variants_by_sku,
        "list-inventory-levels": levels.list_levels,
        "connect-inventory-level": levels.connect_level,
        "adjust-inventory-level": levels.adjust_level,
        "delete-inventory-level": levels.delete_level,
        "set-inventory-level": levels.set_level,
        "list-inventory-items": inventory_items.list_inventory_items,
        "get-inventory-item": inventory_items.get_inventory_item,
        "list-inventory-items-of-variants": inventory_items.list_items_of_variants,
        "list-locations": locations.list_locations,
        "count-locations": locations.count_locations,
        "get-default-location": locations.get_default_location,
        "get-location": locations.get_location,
    },
    render=rendering(render),
    common_headers=common_headers,
    limits=(
        LeakyBucket("app", most=40, per_second=2, per=("credential", "shopdomain")),
        LeakyBucket("shop", most=80, per_second=20, per=("shopdomain",)),
    ),
    collections=(
        Collection("products", key="product_id", count=attrgetter("product_count"), make=stock_record,
                   locate=lambda catalog, key: catalog.product_with_uuid(key), items=items,
                   item_details=ItemDetails("variants", with_variant), period=attrgetter("product_period")),
        Collection("product_details", key="id", count=attrgetter("product_count"), make=details_record,
                   locate=lambda catalog, key: catalog.product_with_uuid(key),
                   rank=created_rank, period=attrgetter("product_period")),
        Collection("variants", key="id", count=attrgetter("variant_count"), make=variant_record,
                   locate=lambda catalog, key: catalog.variant_with_uuid(key),
                   aliases={"sku": lambda catalog, sku: catalog.variant_with_sku(sku)}, shared=("sku",)),
        Collection("locations", key="id", count=attrgetter("location_count"), make=location_record,
                   locate=locate_location),
        Collection("shops", key="shopdomain"),
        Collection("grants", key="id"),
    ),
    sample="/openapi/2022-01/products/f854e9a2-986d-4e2b-9df0-8e4c139ae80e/inventory",
    auth_headers=lambda credential: {"access-token": credential},
    credential_field="client_secret",
    slow={
        "list-products": products.list_is_slow,
        "count-products": products.list_is_slow,
        "list-variants-by-sku": variants.by_sku_is_slow,
        "update-variants-by-sku": variants.by_sku_is_slow,
        "list-inventory-levels": levels.list_is_slow,
    },
    remove={"products": products.remove_product},
    webhooks=webhooks(products.product_body),
    observed={"render": rendering(render_as_observed)},
)  # fmt: skip
