"""The generated records of products, variants and locations.

A fact is stored once. `products` holds the stock at the locations, as the stock page shows it, and says which
variants a product has. `product_details` and `variants` hold everything else.
"""

from dataclasses import replace
from decimal import Decimal
from uuid import UUID

from mockserver.vendor_api import Catalog, Item, Record, Variant
from mockserver.vendors.shoplazza.goods.times import timestamp

CENT = Decimal("0.01")
COST = Decimal("0.6")  # of the price
NO_PRICE = "0.00"
COUNTRY = {"country": "United States", "country_code": "US"}
# Province, its code, city, postal code, latitude and longitude, by the location's number.
PLACES = (
    ("California", "CA", "San Francisco", "94105", "37.789", "-122.394"),
    ("Texas", "TX", "Austin", "78701", "30.271", "-97.741"),
    ("New York", "NY", "Albany", "12207", "42.652", "-73.755"),
)
OPENED = "2020-01-01T00:00:00Z"
COLLECTION = "9e79ca1f-9ff2-409b-976f-98be343d"  # of all products of a kind, whose number follows
# Ids that belong to a variant or a product differ from its UUID in these bits, so they need no table.
IMAGE, SIZE, COLOR, INVENTORY_ITEM = 0x5A5A5A5A5A5A, 0x3C3C3C3C3C3C, 0x696969696969, 0xA5A5A5A5A5A5


def related_id(uuid: str, kind: int) -> str:
    """Return the UUID of a thing that belongs to another, or the other's UUID if the thing's is given."""
    return str(UUID(int=UUID(uuid).int ^ kind))


def details_record(catalog: Catalog, number: int) -> Record:
    """Return a product without its variants and its stock."""
    product = catalog.product(number)
    uuid, created = product.uuid, timestamp(product.created)
    image = {"id": related_id(uuid, IMAGE), "src": product.image, "width": 400, "height": 400, "alt": ""}
    sizes = [{"id": related_id(uuid, SIZE), "name": "Size"}, {"id": related_id(uuid, COLOR), "name": "Color"}]
    return {
        "id": uuid,
        "title": product.name,
        "brief": "",
        "description": product.description,
        "published": product.active,
        "requires_shipping": True,
        "taxable": True,
        "tags": "",
        "vendor": product.brand,
        "vendor_url": "",
        "published_at": created if product.active else None,
        "created_at": created,
        "updated_at": timestamp(product.updated),
        "note": "",
        "seo_title": "",
        "seo_description": "",
        "seo_keywords": "",
        "handle": f"{'-'.join(product.name.lower().split())}-{product.number + 1}",
        "inventory_tracking": any(variant.tracked for variant in product.variants),
        "inventory_policy": "continue" if product.variants[0].backorder else "deny",
        "need_variant_image": False,
        "collections": [f"{COLLECTION}{product.kind_number:04x}"],
        "spu": f"{product.kind}-{product.material}".upper(),
        "fake_sales": 0,
        "display_fake_sales": False,
        "images": [image],
        "options": sizes if _has_options(product.variants[0]) else [],
    }


def variant_record(catalog: Catalog, number: int) -> Record:
    """Return a variant without its stock."""
    product, variant = catalog.variant(number)
    options = [variant.size, variant.color] if _has_options(variant) else ["", ""]
    return {
        "id": variant.uuid,
        "product_id": product.uuid,
        "image_id": "",
        "created_at": timestamp(product.created),
        "updated_at": timestamp(product.updated),
        "option1": options[0],
        "option2": options[1],
        "option3": "",
        "image": None,
        "compare_at_price": NO_PRICE,
        "price": str(variant.price),
        "sku": variant.sku,
        "barcode": variant.ean,
        "note": "",
        "weight": str(variant.weight),
        "weight_unit": "lb",
        "cost_price": str((variant.price * COST).quantize(CENT)),
        "retail_price": NO_PRICE,
    }


def _has_options(variant: Variant) -> bool:
    return bool(variant.size_name)


def created_rank(details: Record) -> int:
    """Return a number by which the newest product comes first."""
    return -int("".join(character for character in details["created_at"] if "0" <= character <= "9"))


def location_record(catalog: Catalog, number: int) -> Record:
    """Return a location of the catalog. The first one is the shop's default."""
    location = catalog.location(number)
    province, code, city, postal_code, latitude, longitude = PLACES[number % len(PLACES)]
    return {
        "id": location.uint64, "active": True, "default": number == 0, **COUNTRY, "province": province,
        "province_code": code, "city": city, "area": "", "address": f"{location.number} Market Street",
        "address1": "", "name": location.name, "phone": "", "zip": postal_code, "company": "",
        "latitude": latitude, "longitude": longitude, "created_at": OPENED, "updated_at": OPENED,
    }  # fmt: skip


def locate_location(catalog: Catalog, key: str) -> int | None:
    """Return the number of the location with this id, or None."""
    plain = key.isascii() and key.isdecimal() and len(key) <= 20 and key[0] != "0"
    return catalog.location_with_uint64(int(key)) if plain else None


def stock_record(catalog: Catalog, number: int) -> Record:
    """Return a product with the stock of its variants."""
    product = catalog.product(number)
    return {
        "product_id": product.uuid,
        "variants": [_stock_of_variant(variant) for variant in product.variants],
    }


def _stock_of_variant(variant: Variant) -> Record:
    items = [
        {"location_id": location.uint64, "stock": max(quantity, 0)} for location, quantity in variant.stock
    ]
    return {"variant_id": variant.uuid, "location_items": items}


def items(record: Record) -> list[Item]:
    product = record["product_id"]
    path = f"/openapi/2022-01/products/{product}/inventory"
    return [
        Item(variant["variant_id"], {"product_id": product, "variant_id": variant["variant_id"]}, path,
             stock=sum([item["stock"] for item in variant["location_items"]]))
        for variant in record["variants"]
    ]  # fmt: skip


def with_variant(item: Item, variant: Record) -> Item:
    """Return an item with SKU and price, which only the operations on products and variants show."""
    return replace(item, sku=variant["sku"] or None, prices=(variant["price"],))
