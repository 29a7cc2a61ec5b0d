"""The goods that every vendor sells: products with variants, whoever made them."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Protocol

import msgspec

OBJECT_ID_SUFFIX, SKU_SUFFIX, EAN_FORMAT = "%06x", "%04d", "%013d"  # how a number stands in a name


@dataclass(frozen=True, slots=True)
class Location:
    """One place where stock is kept, in every vendor's way of naming it."""

    number: int
    uint64: int
    name: str


class IdSource(Protocol):
    """How goods get the names that are made from their number."""

    def sku(self, stem: str, number: int) -> str: ...
    def ean(self, number: int) -> str: ...
    def uuid(self, kind: str, number: int) -> str: ...


class Variant(msgspec.Struct, frozen=True, gc=False):
    """One sellable unit. `price` includes tax; `stock` holds a quantity for each place.

    Names are made when they are asked for: no vendor shows all of them.
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
    """One product; its variants share everything but size, color, price and stock."""

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
        return f"{variant.size_name} {variant.color} {self.name}" if variant.size_name else self.name

    def short_title(self, variant: Variant) -> str:
        return f"{variant.size_name} {variant.color} {self.kind}" if variant.size_name else self.kind


@dataclass(frozen=True, slots=True)
class GivenIds:
    """Names of goods made by hand: SKU and, where there is one, EAN are as given."""

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
    """What a vendor may ask of a catalogue. Numbers count from 0; `None` means no such thing."""

    @property
    def product_count(self) -> int: ...
    @property
    def variant_count(self) -> int: ...
    @property
    def period(self) -> int:
        """After how many variants all but their names repeats."""

    @property
    def record_templates(self) -> dict[Any, dict[int, Any]]:
        """What is to be forgotten with the goods; whoever keeps something here takes a key of its own."""

    def product(self, number: int) -> Product: ...
    def variant(self, number: int) -> tuple[Product, Variant]: ...
    def product_of(self, number: int) -> int:
        """The number of the product that a variant belongs to."""

    def ean_number(self, number: int) -> int:
        """The EAN-13 of a variant."""

    def product_with_uuid(self, uuid: str) -> int | None: ...
    def variant_with_object_id(self, object_id: str) -> int | None: ...
    def variant_with_sku(self, sku: str) -> int | None: ...
    def variant_with_ean(self, ean: str) -> int | None: ...
    def variants_with_sku_part(self, text: str) -> int:
        """As bits: those whose SKU contains a text, letters of either case."""


@dataclass(frozen=True)
class SingleProductCatalog:
    """Goods of one product with one variant, whatever number is asked for."""

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
    """ISO 8601 in UTC with milliseconds and `Z`."""
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
