"""Products, their variants, and the catalogs that hold them, as vendors see them."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Protocol

import msgspec

DEFAULT_SEED, DEFAULT_PRODUCTS = 42, 100  # of a catalog, if nothing else is asked for
# Formats for the number at the end of an ObjectId, the number at the end of a SKU, and a whole EAN.
OBJECT_ID_SUFFIX, SKU_SUFFIX, EAN_FORMAT = "%06x", "%04d", "%013d"


@dataclass(frozen=True, slots=True)
class Location:
    """A place where stock is kept.

    `number` counts from 1. `uint64` is an id that needs more than 53 bits, so clients that parse it as a
    float lose digits.
    """

    number: int
    uint64: int
    name: str


class IdSource(Protocol):
    """Makes the SKU, EAN and UUID of a product or variant from its number."""

    def sku(self, stem: str, number: int) -> str: ...
    def ean(self, number: int) -> str: ...
    def uuid(self, kind: str, number: int) -> str: ...


class Variant(msgspec.Struct, frozen=True, gc=False):
    """One sellable unit of a product, for instance one size in one color.

    `number` counts from 0 across the whole catalog. `price` includes tax and has two decimals; `weight` is
    in pounds. `stock` lists the quantity at each location that has this variant; `quantity` is the sum. It is
    below zero if back-orders have sold more than there was; vendors that know no such stock show 0.
    `tracked` is False if the shop does not track the stock; `backorder` is True if the variant can be bought
    while out of stock. `size_name` is the name of `size`, such as "Small" for "S", or empty if the variant
    has no size.

    `sku`, `ean`, `uuid` and `object_id` are computed on access because no vendor shows all of them.
    """

    number: int
    ids: IdSource
    sku_stem: str
    object_stem: str
    size: str
    size_name: str
    color: str
    price: Decimal
    weight: Decimal
    stock: tuple[tuple[Location, int], ...]
    quantity: int
    tracked: bool
    backorder: bool

    @property
    def sku(self) -> str:
        return self.ids.sku(self.sku_stem, self.number)

    @property
    def ean(self) -> str:
        return self.ids.ean(self.number)

    @property
    def uuid(self) -> str:
        return self.ids.uuid("variant", self.number)

    @property
    def object_id(self) -> str:
        return self.object_stem + OBJECT_ID_SUFFIX % self.number


class Product(msgspec.Struct, frozen=True, gc=False):
    """One product. Its variants differ in size, color, price, weight, stock and ids.

    `number` counts from 0. `kind` is the type of product, such as "Jacket", and `kind_number` the number of
    this type, counted from 0. `image` is a URL, `vat` a rate such as 0.19. `active` is False for a product
    that is no longer sold. `created` and `updated` are in UTC.
    """

    number: int
    ids: IdSource
    object_stem: str
    name: str
    kind: str
    kind_number: int
    brand: str
    description: str
    material: str
    image: str
    city: str
    state: str
    vat: Decimal
    active: bool
    created: datetime
    updated: datetime
    variants: tuple[Variant, ...] = ()

    @property
    def uuid(self) -> str:
        return self.ids.uuid("product", self.number)

    @property
    def object_id(self) -> str:
        return self.object_stem + OBJECT_ID_SUFFIX % self.number

    def title(self, variant: Variant) -> str:
        """Return size, color and product name, or only the product name if the variant has no size."""
        return f"{variant.size_name} {variant.color} {self.name}" if variant.size_name else self.name

    def short_title(self, variant: Variant) -> str:
        """Return size, color and kind, or only the kind if the variant has no size."""
        return f"{variant.size_name} {variant.color} {self.kind}" if variant.size_name else self.kind


@dataclass(frozen=True, slots=True)
class GivenIds:
    """The ids of a product created by the user, who supplies the SKU and may supply the EAN."""

    ids: IdSource
    given_sku: str
    given_ean: str | None

    def sku(self, stem: str, number: int) -> str:
        return self.given_sku

    def ean(self, number: int) -> str:
        return self.given_ean or self.ids.ean(number)

    def uuid(self, kind: str, number: int) -> str:
        return self.ids.uuid(kind, number)


class Catalog(Protocol):
    """A sandbox's products and variants. They never change.

    Products are numbered from 0, and so are variants. `product` and `variant` return the product or variant
    with a number. `product_with_uuid`, `variant_with_sku` and so on return the number for an id, or None if
    the catalog does not have this id.
    """

    @property
    def product_count(self) -> int: ...
    @property
    def variant_count(self) -> int: ...
    @property
    def period(self) -> int:
        """Return the number of variants after which everything except ids repeats."""

    @property
    def product_period(self) -> int:
        """Return the number of products after which everything except ids repeats."""

    @property
    def location_count(self) -> int:
        """Return the number of locations that a catalog adds to a sandbox."""

    @property
    def record_templates(self) -> dict[Any, dict[int, Any]]:
        """Return a cache in which other modules store record templates, each module under its own keys.

        It is part of the catalog so that both are freed together.
        """

    def product(self, number: int) -> Product:
        """Return the product with this number. Raise IndexError if there is no such product."""

    def variant(self, number: int) -> tuple[Product, Variant]:
        """Return (product, variant) for a variant's number. Raise IndexError if there is no such variant."""

    def product_of(self, number: int) -> int:
        """Return the number of the product that a variant belongs to."""

    def ean_number(self, number: int) -> int:
        """Return the EAN-13 of a variant as an int."""

    def location(self, number: int) -> Location:
        """Return a location by its number, here counted from 0. Raise IndexError if there is none."""

    def location_with_uint64(self, uint64: int) -> int | None:
        """Return the number of a location, counted from 0, or None."""

    def product_with_uuid(self, uuid: str) -> int | None: ...
    def product_with_object_id(self, object_id: str) -> int | None: ...
    def variant_with_uuid(self, uuid: str) -> int | None: ...
    def variant_with_object_id(self, object_id: str) -> int | None: ...
    def variant_with_sku(self, sku: str) -> int | None: ...
    def variant_with_ean(self, ean: str) -> int | None: ...
    def variants_with_sku_part(self, text: str) -> int:
        """Return a bit set (see `bitset`) of the variants whose SKU contains `text`, ignoring case."""


@dataclass(frozen=True)
class SingleProductCatalog:
    """A catalog of one product with one variant, created by the user.

    `product` returns the product for any number, and `variant` the variant. The counts also include the
    sandbox's catalog and the products created earlier, so that new records are numbered after all others.
    """

    only: Product
    variant_count: int
    product_count: int
    period: int = 1
    product_period: int = 1
    location_count: int = 0  # a product that a user creates has no location of its own
    record_templates: dict[Any, dict[int, Any]] = field(default_factory=dict)

    def product(self, number: int) -> Product:
        return self.only

    def variant(self, number: int) -> tuple[Product, Variant]:
        return self.only, self.only.variants[0]

    def product_of(self, number: int) -> int:
        return self.only.number

    def ean_number(self, number: int) -> int:
        return int(self.only.variants[0].ean)

    def location(self, number: int) -> Location:
        raise IndexError(f"there is no location {number}")

    def location_with_uint64(self, uint64: int) -> int | None:
        return None

    def product_with_uuid(self, uuid: str) -> int | None:
        return None

    def product_with_object_id(self, object_id: str) -> int | None:
        return None

    def variant_with_uuid(self, uuid: str) -> int | None:
        return None

    def variant_with_object_id(self, object_id: str) -> int | None:
        return None

    def variant_with_sku(self, sku: str) -> int | None:
        return None

    def variant_with_ean(self, ean: str) -> int | None:
        return None

    def variants_with_sku_part(self, text: str) -> int:
        return 0


@lru_cache(8192)
def iso_timestamp(moment: datetime) -> str:
    """Return a UTC time in ISO 8601 with milliseconds and `Z`, such as 2023-12-12T09:27:42.355Z."""
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
