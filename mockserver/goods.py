"""The goods that every vendor sells: products with variants, whoever made them."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Location:
    """One place where stock is kept, in every vendor's way of naming it."""

    number: int
    uint64: int
    name: str


@dataclass(frozen=True, slots=True)
class Variant:
    """One sellable unit. `price` includes tax; `stock` holds a quantity for each place."""

    number: int
    object_id: str
    uuid: str
    sku: str
    ean: str
    size: str
    size_name: str
    color: str
    price: Decimal
    weight: Decimal
    stock: tuple[tuple[Location, int], ...]
    tracked: bool
    backorder: bool

    @property
    def quantity(self) -> int:
        return sum(quantity for _, quantity in self.stock)


@dataclass(frozen=True, slots=True)
class Product:
    """One product; its variants share everything but size, color, price and stock."""

    number: int
    object_id: str
    uuid: str
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
    variants: tuple[Variant, ...]

    def title(self, variant: Variant) -> str:
        return self._titled(variant, self.name)

    def short_title(self, variant: Variant) -> str:
        return self._titled(variant, self.kind)

    def _titled(self, variant: Variant, noun: str) -> str:
        return f"{variant.size_name} {variant.color} {noun}" if variant.size_name else noun


class Goods(Protocol):
    """What a vendor may ask of a catalogue. Numbers count from 0; `None` means no such thing."""

    @property
    def products(self) -> int: ...
    @property
    def variants(self) -> int: ...
    def product(self, number: int) -> Product: ...
    def variant(self, number: int) -> tuple[Product, Variant]: ...
    def product_with_uuid(self, uuid: str) -> int | None: ...
    def variant_with_object_id(self, object_id: str) -> int | None: ...
    def variant_with_sku(self, sku: str) -> int | None: ...
    def variant_with_ean(self, ean: str) -> int | None: ...


@dataclass(frozen=True)
class Single:
    """Goods of one product with one variant, whatever number is asked for."""

    only: Product
    variants: int
    products: int

    def product(self, number: int) -> Product:
        return self.only

    def variant(self, number: int) -> tuple[Product, Variant]:
        return self.only, self.only.variants[0]

    def product_with_uuid(self, uuid: str) -> int | None:
        return None

    def variant_with_object_id(self, object_id: str) -> int | None:
        return None

    def variant_with_sku(self, sku: str) -> int | None:
        return None

    def variant_with_ean(self, ean: str) -> int | None:
        return None


def dated(moment: datetime) -> str:
    """ISO 8601 in UTC with milliseconds and `Z`."""
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
