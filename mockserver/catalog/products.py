"""Products, their variants, and the catalogs that hold them, as vendors see them."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Protocol

import msgspec

# How a number is written at the end of an ObjectId, at the end of a SKU, and as a whole EAN.
OBJECT_ID_SUFFIX, SKU_SUFFIX, EAN_FORMAT = "%06x", "%04d", "%013d"


@dataclass(frozen=True, slots=True)
class Location:
    """A place where stock is kept.

    `number` counts from 1; `uint64` is an id that needs more than 53 bits, so a client that reads it as
    a float gets it wrong.
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
    in pounds. `stock` is the quantity at each location that has this variant, `quantity` their sum.
    `tracked` is False if the shop does not count stock; `backorder` is True if the variant can be bought
    while out of stock. `size_name` is "Small" where `size` is "S"; empty if the variant has no size.

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

    `number` counts from 0. `kind` is a word such as "Jacket", `kind_number` its number from 0. `image` is a
    URL, `vat` a rate such as 0.19. `active` is False for a product that is no longer sold. `created` and
    `updated` are in UTC.
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
    """The ids of a product made by hand: the given SKU and EAN, and otherwise those of its number."""

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
    """The products and variants of a sandbox. It never changes.

    Products and variants have numbers that count from 0. Read one by its number with `product` or
    `variant`; find the number of an id with the `…_with_…` methods, which return None if no product or
    variant has this id.
    """

    @property
    def product_count(self) -> int: ...
    @property
    def variant_count(self) -> int: ...
    @property
    def period(self) -> int:
        """Return the number of variants after which everything except ids repeats."""

    @property
    def record_templates(self) -> dict[Any, dict[int, Any]]:
        """Return the record templates that other modules build from this catalog, by a key of their own.

        They are stored here so that they are dropped together with the catalog.
        """

    def product(self, number: int) -> Product:
        """Return a product. Raise IndexError if there is none with this number."""

    def variant(self, number: int) -> tuple[Product, Variant]:
        """Return a variant, after the product it belongs to. Raise IndexError if there is none."""

    def product_of(self, number: int) -> int:
        """Return the number of the product that a variant belongs to."""

    def ean_number(self, number: int) -> int:
        """Return the EAN-13 of a variant as an int."""

    def product_with_uuid(self, uuid: str) -> int | None: ...
    def variant_with_object_id(self, object_id: str) -> int | None: ...
    def variant_with_sku(self, sku: str) -> int | None: ...
    def variant_with_ean(self, ean: str) -> int | None: ...
    def variants_with_sku_part(self, text: str) -> int:
        """Return the variants whose SKU contains a text, ignoring case, as a bit set (see `bitset`)."""


@dataclass(frozen=True)
class SingleProductCatalog:
    """A catalog of one product with one variant, made by hand.

    Every number gives this product and variant. `variant_count` and `product_count` continue those of the
    sandbox's catalog, so that a collection numbers the new record after the generated ones.
    """

    only: Product
    variant_count: int
    product_count: int
    period: int = 1
    record_templates: dict[Any, dict[int, Any]] = field(default_factory=dict)

    def product(self, number: int) -> Product:
        return self.only

    def variant(self, number: int) -> tuple[Product, Variant]:
        return self.only, self.only.variants[0]

    def product_of(self, number: int) -> int:
        return self.only.number

    def ean_number(self, number: int) -> int:
        return int(self.only.variants[0].ean)

    def product_with_uuid(self, uuid: str) -> int | None:
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
    """Return a moment in UTC as ISO 8601 with milliseconds and `Z`: 2023-12-12T09:27:42.355Z."""
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
