"""HighLevel (LeadConnector, resold as Leadway): inventory, products and prices of a location.

Sources: the reseller's page "List Inventory", the official API description, and answers recorded by clients.
The platform is built with NestJS. So error messages come from NestJS and class-validator, and one answer
lists all violations of the request.
"""

from operator import attrgetter

from mockserver.vendor_api import (
    OBJECT_ID_SUFFIX,
    SKU_SUFFIX,
    Collection,
    ItemDetails,
    Vendor,
    bearer_header,
    bearer_token,
)
from mockserver.vendors.highlevel import inventory, lookup, prices, products, records
from mockserver.vendors.highlevel.access import BURST, DAILY, VERSIONS, authenticate, common_headers
from mockserver.vendors.highlevel.account import LOCATION
from mockserver.vendors.highlevel.inventory import list_inventory, update_inventory
from mockserver.vendors.highlevel.observed import OBSERVED
from mockserver.vendors.highlevel.refusals import render
from mockserver.vendors.highlevel.tokens import get_access_token, get_location_token
from mockserver.vendors.highlevel.webhooks import webhooks

vendor = Vendor(
    name="highlevel",
    title="HighLevel",
    credential=bearer_token,
    authenticate=authenticate,
    operations={
        "get-list-inventory": list_inventory,
        "update-inventory": update_inventory,
        "list-invoices": products.list_products,  # so it is called in the official description
        "create-product": products.create_product,
        "get-product-by-id": products.get_product,
        "update-product-by-id": products.update_product,
        "delete-product-by-id": products.delete_product,
        "list-prices-for-product": prices.list_prices,
        "create-price-for-product": prices.create_price,
        "get-price-by-id-for-product": prices.get_price,
        "update-price-by-id-for-product": prices.update_price,
        "delete-price-by-id-for-product": prices.delete_price,
        "get-access-token": get_access_token,
        "get-location-access-token": get_location_token,
    },
    render=render,
    common_headers=common_headers,
    limits=(BURST, DAILY),
    collections=(
        Collection("inventory", key="_id", count=attrgetter("variant_count"), make=records.inventory_record,
                   locate=lambda catalog, key: catalog.variant_with_object_id(key),
                   items=records.items, item_details=ItemDetails("prices", records.with_price),
                   id_numbers=records.id_numbers,
                   id_formats={"_id": OBJECT_ID_SUFFIX, "sku": SKU_SUFFIX, "product": OBJECT_ID_SUFFIX},
                   id_search={"sku": lambda catalog, text: catalog.variants_with_sku_part(text)}),
        Collection("prices", key="_id", count=attrgetter("variant_count"), make=records.price_record,
                   locate=lambda catalog, key: catalog.variant_with_object_id(key),
                   id_numbers=lambda catalog, number: (number,), id_formats={"_id": OBJECT_ID_SUFFIX}),
        Collection("products", key="_id", count=attrgetter("product_count"), make=records.product_record,
                   locate=lambda catalog, key: catalog.product_with_object_id(key),
                   period=attrgetter("product_period"),
                   id_numbers=lambda catalog, number: (number,), id_formats={"_id": OBJECT_ID_SUFFIX}),
        Collection("locations", key="_id"),
        Collection("grants", key="_id"),
    ),
    sample=f"/products/inventory?altId={LOCATION}&altType=location&limit=1",
    auth_headers=lambda credential: {**bearer_header(credential), "Version": VERSIONS[0]},
    content_type="application/json; charset=utf-8",
    slow={
        "get-list-inventory": inventory.is_slow,
        "list-invoices": products.is_slow,
        "update-product-by-id": prices.is_slow,
        "delete-product-by-id": prices.is_slow,
        "list-prices-for-product": prices.is_slow,
    },
    observed={**OBSERVED, "operations": {"get-list-inventory": inventory.list_with_total_as_list}},
    remove={"products": products.remove_product},
    follow={"products": lookup.product_was_put, "inventory": lookup.item_was_put},
    credential_field="client_secret",
    credential_spellings=("clientSecret",),
    webhooks=webhooks,
)  # fmt: skip
