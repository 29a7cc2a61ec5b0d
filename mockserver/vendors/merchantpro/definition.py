"""MerchantPro: price and stock of one product or variant, and the products of a shop."""

from functools import partial
from operator import attrgetter

from mockserver.vendor_api import (
    EAN_FORMAT,
    SKU_SUFFIX,
    Collection,
    Vendor,
    Window,
    basic_header,
    basic_user,
    numbered_from,
    require_accepted,
)
from mockserver.vendors.merchantpro import batch, listing, product_writes
from mockserver.vendors.merchantpro.batch import run_batch
from mockserver.vendors.merchantpro.goods.prices import plain
from mockserver.vendors.merchantpro.goods.records import (
    FIRST_ITEM,
    id_numbers,
    inventory_record,
    items,
    locate_product,
    product_id_numbers,
    product_record,
)
from mockserver.vendors.merchantpro.inventory import (
    get_inventory,
    update_inventory,
    update_inventory_as_observed,
)
from mockserver.vendors.merchantpro.listing import get_images, get_product, list_products
from mockserver.vendors.merchantpro.product_writes import create_product, delete_product, update_product
from mockserver.vendors.merchantpro.refusals import render

vendor = Vendor(
    name="merchantpro",
    title="MerchantPro",
    credential=basic_user,
    authenticate=require_accepted,
    operations={
        "get-inventory": get_inventory,
        "update-inventory": update_inventory,
        "list-products": list_products,
        "get-product": get_product,
        "get-product-images": get_images,
        "create-product": create_product,
        "update-product": update_product,
        "delete-product": delete_product,
        "run-batch": run_batch,
    },
    render=render,
    limits=(
        Window("second", seconds=1, most=4),
        Window("minute", seconds=60, most=80),
        Window("hour", seconds=3_600, most=3_600),
        Window("day", seconds=86_400, most=60_000),
    ),
    collections=(
        Collection("inventory", key="id", count=attrgetter("variant_count"), make=inventory_record,
                   locate=numbered_from(FIRST_ITEM), items=items, id_numbers=id_numbers,
                   id_formats={"id": "%d", "sku": SKU_SUFFIX, "ean": EAN_FORMAT},
                   aliases={"sku": lambda catalog, sku: catalog.variant_with_sku(sku),
                            "ean": lambda catalog, ean: catalog.variant_with_ean(ean)}),
        Collection("products", key="id", count=attrgetter("product_count"), make=product_record,
                   locate=locate_product, period=attrgetter("product_period"),
                   id_numbers=product_id_numbers, id_formats={"id": "%d", "url": "%d"}),
    ),
    sample="/api/v2/inventory/id/10001",
    auth_headers=basic_header,
    slow={
        "list-products": listing.is_slow,
        "create-product": product_writes.is_slow,
        "update-product": product_writes.is_slow,
        "run-batch": batch.is_slow,
    },
    remove={"products": product_writes.remove_product},
    observed={"operations": {
        "get-inventory": partial(get_inventory, price=plain),
        "update-inventory": update_inventory_as_observed,
        "list-products": partial(list_products, price=plain),
        "get-product": partial(get_product, price=plain),
        "create-product": partial(create_product, price=plain),
        "update-product": partial(update_product, price=plain),
    }},
)  # fmt: skip
