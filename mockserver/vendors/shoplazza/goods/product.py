"""A product with everything that is stored of it, as handlers read and change it."""

from collections.abc import Mapping, Sequence
from typing import Any

from mockserver.vendor_api import Call, Problem, Record
from mockserver.vendors.shoplazza.goods.locations import RecordSource, default_location
from mockserver.vendors.shoplazza.goods.times import timestamp
from mockserver.vendors.shoplazza.goods.uuids import parse_uuid


class Goods:
    """A product with everything that is stored of it."""

    def __init__(self, source: RecordSource, details: Record, stock: Record) -> None:
        self._source, self.details, self.stock = source, details, stock
        self.id: str = details["id"]

    @classmethod
    def with_id(cls, source: RecordSource, product_id: str) -> "Goods | None":
        """Return the product with this id, or None."""
        details, stock = (
            source.records("product_details").get(product_id),
            source.records("products").get(product_id),
        )
        return None if details is None or stock is None else cls(source, details, stock)

    @classmethod
    def of_variant(cls, call: Call, variant_id: str) -> "tuple[Goods, Record] | None":
        """Return the product of a variant and the variant, or None."""
        variant = call.records("variants").get(variant_id)
        goods = variant and cls.with_id(call, variant["product_id"])
        return (goods, variant) if goods and variant else None

    def variants(self) -> list[Record]:
        """Return the variants of the product, in the order of its stock."""
        records = self._source.records("variants")
        found = (records.get(one["variant_id"]) for one in self.stock["variants"])
        return [variant for variant in found if variant is not None]

    def position(self, variant_id: str) -> int:
        """Return the position of a variant in the product, from 1 on."""
        ids = [one["variant_id"] for one in self.stock["variants"]]
        return ids.index(variant_id) + 1 if variant_id in ids else len(ids) + 1

    def items(self, variant_id: str) -> list[Record]:
        """Return the stock of a variant by location."""
        found = (one["location_items"] for one in self.stock["variants"] if one["variant_id"] == variant_id)
        return next(found, [])

    def quantity(self, variant_id: str) -> int:
        return sum(item["stock"] for item in self.items(variant_id))

    def default_location(self) -> int:
        """Return the id of the shop's default location. Raise Problem if the shop has no location."""
        location = default_location(self._source)
        if location is None:
            raise Problem("invalid", "there is no location")
        return int(location["id"])

    def save(self, variant: Record, items: Sequence[Record] | None = None, **changes: Any) -> Record:
        """Change a variant, and its stock by location if that is given. Return the variant as it is now."""
        source = self._source
        now = timestamp(source.now)
        changed = {**variant, **changes, "updated_at": now}
        source.records("variants").put(changed)
        self.details = {**self.details, "updated_at": now}
        source.records("product_details").put(self.details)
        if items is not None:
            self.stock = _with_items(self.stock, variant["id"], items)
            source.records("products").put(self.stock)
        return changed


def _with_items(stock: Record, variant_id: str, items: Sequence[Record]) -> Record:
    """Return the stock of a product after that of a variant has changed."""
    new = {"variant_id": variant_id, "location_items": [*items]}
    known = any(one["variant_id"] == variant_id for one in stock["variants"])
    variants = [new if one["variant_id"] == variant_id else one for one in stock["variants"]]
    return {**stock, "variants": variants if known else [*variants, new]}


def product_in(call: Call) -> Goods:
    """Return the product that the path names. Raise Problem."""
    goods = Goods.with_id(call, parse_uuid(call.path["product_id"]))
    if goods is None:
        raise Problem("not_found")
    return goods


def variant_in(call: Call) -> tuple[Goods, Record]:
    """Return the variant that the path names, with its product. Raise Problem."""
    found = Goods.of_variant(call, parse_uuid(call.path["variant_id"]))
    if found is None:
        raise Problem("not_found")
    return found


def variant_title(variant: Mapping[str, Any]) -> str:
    return " / ".join(variant[name] for name in ("option1", "option2", "option3") if variant[name])
