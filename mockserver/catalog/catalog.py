"""Seeded goods: a pure function of seed and number, so no size is too large to start with.

Faker draws the vocabulary (names, colours, cities, …) once for a seed; a product is then put
together from it by a hash of its number. After `PERIOD` variants all but the names that are made
from the number comes again: so a product costs next to nothing to make, nothing is stored, and
what repeats can be searched without looking at every product. Every identity can be turned back
into the number that it came from.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from typing import Any

from msgspec.structs import replace

from mockserver.catalog import bitset
from mockserver.catalog.ids import SeededIds, number_of_ean, number_of_object_id, number_of_sku
from mockserver.catalog.products import GivenIds, Location, Product, SingleProductCatalog, Variant
from mockserver.catalog.word_lists import WordLists, shipped_word_lists, word_lists

MAX_VARIANTS = 10_000_000
SHARES = (4, 1, 3, 2)  # variants of a product, by its number: the cycle needs no table
STARTS = (0, 4, 5, 8)
CYCLE, PER_CYCLE = sum(SHARES), len(SHARES)  # variants, products
PRODUCTS = [product for product, share in enumerate(SHARES) for _ in range(share)]  # of a cycle's variants
PERIOD_OF_PRODUCTS = 512
PERIOD = PERIOD_OF_PRODUCTS // PER_CYCLE * CYCLE

KINDS = (
    "T-shirt", "Jacket", "Jeans", "Hoodie", "Sneakers", "Backpack", "Dress", "Belt", "Cap", "Sweater",
    "Raincoat", "Sandals",
)  # fmt: skip
MATERIALS = ("Cotton", "Polyester", "Wool", "Linen", "Leather", "Denim")
SIZES = (("S", "Small"), ("M", "Medium"), ("L", "Large"), ("XL", "Extra Large"))
VAT = (Decimal("0.19"), Decimal("0.19"), Decimal("0.19"), Decimal("0.09"))
CENT = Decimal("0.01")
FIRST_DAY = datetime(2020, 1, 1, tzinfo=UTC)
DAYS = 2000

# Most SKUs are plain; these stand in for the ones that break careless clients. A number follows.
ODD_SKUS = {
    3: "{kind}.{color}.{size}.",
    6: "{kind} {color} {size} ",
    9: "{kind}/{color}/{size}-",
    12: "{kind}+{color}+",
    15: "{kind} 100% {color}-",
    18: "Größe-{size}-{kind}-",
}
PLAIN_SKU = "{kind}-{color}-{size}-"


class SeededCatalog:
    """The goods of one seed: `variants` sellable units, grouped into `products`."""

    period = PERIOD

    def __init__(self, seed: int, variant_count: int) -> None:
        if not 0 <= variant_count <= MAX_VARIANTS:
            raise ValueError(f"a catalogue has 0 to {MAX_VARIANTS} variants, not {variant_count}")
        self.seed, self.variant_count = seed, variant_count
        whole, rest = divmod(variant_count, CYCLE)
        self.product_count = whole * PER_CYCLE + (PRODUCTS[rest - 1] + 1 if rest else 0)
        self.record_templates: dict[Any, Any] = {}
        self._templates: dict[int, Product] = {}
        self._latest: Product | None = None

    @cached_property
    def words(self) -> WordLists:
        return word_lists(self.seed)

    @cached_property
    def ids(self) -> SeededIds:
        return SeededIds(f"catalogue {self.seed}".encode(), self.words.ean_prefix)

    @property
    def ready(self) -> bool:
        """Whether its words are there, or need not be drawn."""
        return "words" in self.__dict__ or self.seed == shipped_word_lists().seed

    def locations(self) -> tuple[Location, ...]:
        return self.words.locations

    def product(self, number: int) -> Product:
        """The product of a number. IndexError: there are not so many."""
        if not 0 <= number < self.product_count:
            raise IndexError(f"no product {number}")
        latest = self._latest  # neighbours in a list are often of one product
        if latest is None or latest.number != number:
            self._latest = latest = self._whole(number)
        return latest

    def variant(self, number: int) -> tuple[Product, Variant]:
        """The variant of a number, with its product. IndexError: there are not so many."""
        latest = self._latest
        if latest and 0 <= (place := number - latest.variants[0].number) < len(latest.variants):
            return latest, latest.variants[place]
        if not 0 <= number < self.variant_count:
            raise IndexError(f"no variant {number}")
        whole = self.product(self.product_of(number))
        return whole, whole.variants[number % CYCLE - STARTS[PRODUCTS[number % CYCLE]]]

    def product_of(self, number: int) -> int:
        """The number of the product that a variant belongs to."""
        return number // CYCLE * PER_CYCLE + PRODUCTS[number % CYCLE]

    def ean_number(self, number: int) -> int:
        return self.ids.ean_number(number)

    def single_product(
        self, nth: int, name: str, sku: str, ean: str | None = None, **given: Any
    ) -> SingleProductCatalog:
        """Goods of one product made by hand, the `nth` of its sandbox: numbers go on from ours.

        `given` are other fields of its one variant.
        """
        ids = GivenIds(self.ids, sku, ean)
        number, product = self.variant_count + nth, self.product_count + nth
        given["quantity"] = sum(quantity for _, quantity in given["stock"])
        given |= {"ids": ids, "size": "ONE", "size_name": "", "tracked": True}
        whole = self._make_product(product)
        variant = replace(self._make_variant(whole, number, 0), **given)
        whole = replace(whole, ids=ids, name=name, kind=name, active=True, variants=(variant,))
        return SingleProductCatalog(whole, number + 1, product + 1)

    def product_with_uuid(self, uuid: str) -> int | None:
        number = self.ids.number_of_uuid("product", uuid)
        if number is None or number >= self.product_count or self.ids.uuid("product", number) != uuid:
            return None
        return number

    def variant_with_object_id(self, object_id: str) -> int | None:
        return self._confirmed(number_of_object_id(object_id), "object_id", object_id)

    def variant_with_sku(self, sku: str) -> int | None:
        return self._confirmed(number_of_sku(sku), "sku", sku)

    def variant_with_ean(self, ean: str) -> int | None:
        return self._confirmed(number_of_ean(ean), "ean", ean)

    def variants_with_sku_part(self, text: str) -> int:
        """As bits: the variants whose SKU contains a text, letters of either case.

        A SKU is a stem that repeats, without digits at its end, and a number.
        """
        size, text = self.variant_count, text.lower()
        stems = [variant.sku_stem.lower() for variant in self._first_period()]
        found = self._repeated(text in stem for stem in stems)
        head = text.rstrip("0123456789")
        if digits := text[len(head) :]:
            numbers = (
                bitset.containing_digits(digits, size + 1, from_start=bool(head)) >> 1
            )  # SKUs count from 1
            found |= numbers & self._repeated(stem.endswith(head) for stem in stems)
        return found

    def _first_period(self) -> Iterator[Variant]:
        products = range(min(self.product_count, PERIOD_OF_PRODUCTS))
        return (variant for number in products for variant in self._whole(number).variants)

    def _repeated(self, has: Iterable[bool]) -> int:
        first = bitset.from_numbers((number for number, yes in enumerate(has) if yes), PERIOD)
        return bitset.repeat(first, PERIOD, self.variant_count)

    def _confirmed(self, number: int | None, field: str, value: str) -> int | None:
        """`number`, if such a variant exists and really carries `value`."""
        if number is None or not 0 <= number < self.variant_count:
            return None
        return number if getattr(self.variant(number)[1], field) == value else None

    def _whole(self, number: int) -> Product:
        """A product with its variants; the last of all may have fewer than its share."""
        period, place = divmod(number, PERIOD_OF_PRODUCTS)
        template = self._templates.get(place) or self._template_of(place)
        if period:
            step = period * PERIOD
            variants = tuple([replace(one, number=one.number + step) for one in template.variants])
            template = replace(template, number=number, variants=variants)
        if number == self.product_count - 1:
            mine = tuple(one for one in template.variants if one.number < self.variant_count)
            template = replace(template, variants=mine)
        return template

    def _template_of(self, number: int) -> Product:
        """A product of the first period, which all later ones look like; kept, as there are only so many."""
        product = self._make_product(number)
        first = number // PER_CYCLE * CYCLE + STARTS[number % PER_CYCLE]
        count = SHARES[number % PER_CYCLE]
        variants = tuple(self._make_variant(product, first + place, place) for place in range(count))
        self._templates[number] = product = replace(product, variants=variants)
        return product

    def _make_product(self, number: int) -> Product:
        words, chance = self.words, self.ids.hash("product", number)
        kind_number = chance[0] % len(KINDS)
        brand = _pick(words.brands, chance[1:3])
        city, state = _pick(words.cities, chance[3:5])
        created = FIRST_DAY + timedelta(
            days=int.from_bytes(chance[5:7]) % DAYS, milliseconds=int.from_bytes(chance[7:11]) % 86_400_000
        )
        return Product(
            number=number,
            ids=self.ids,
            object_stem=f"{int(created.timestamp()):08x}{words.machines[0]}",
            name=f"{brand} {KINDS[kind_number]}",
            kind=KINDS[kind_number],
            kind_number=kind_number,
            brand=brand,
            description=f"{_pick(words.phrases, chance[15:17])}.",
            material=_pick(MATERIALS, chance[17:18]),
            image=_pick(words.images, chance[18:19]),
            city=city,
            state=state,
            vat=_pick(VAT, chance[19:20]),
            active=chance[20] >= 26,
            created=created,
            updated=created + timedelta(milliseconds=int.from_bytes(chance[11:15])),
        )

    def _make_variant(self, product: Product, number: int, n: int) -> Variant:
        """The variant of a number, the `n`th of its product."""
        words, chance = self.words, self.ids.hash("variant", number)
        shared = self.ids.hash("product", product.number)
        across = 2 if SHARES[product.number % PER_CYCLE] == 4 else 1  # four are two sizes in two colours
        size, size_name = SIZES[(shared[21] + n // across) % len(SIZES)]
        color = words.colors[(shared[22] + n % across) % len(words.colors)]
        stem = ODD_SKUS.get(number % 20, PLAIN_SKU)
        net = Decimal(500 + int.from_bytes(shared[23:25]) % 19_500 + 500 * (n // across)).scaleb(-2)
        kept = words.locations[: 1 + chance[0] % len(words.locations)]
        stock = tuple((place, chance[2 + i] % 60) for i, place in enumerate(kept))
        return Variant(
            number=number,
            ids=self.ids,
            sku_stem=stem.format(kind=product.kind.upper(), color=color[:3].upper(), size=size),
            object_stem=f"{product.object_stem[:8]}{words.machines[1]}",
            size=size,
            size_name=size_name,
            color=color,
            price=(net * (1 + product.vat)).quantize(CENT, ROUND_HALF_UP),
            weight=Decimal(20 + chance[1]).scaleb(-2),
            stock=stock,
            quantity=sum(quantity for _, quantity in stock),
            tracked=chance[10] >= 26,
            backorder=chance[11] < 64,
        )


def _pick(choices: Sequence[Any], chance: bytes) -> Any:
    return choices[int.from_bytes(chance) % len(choices)]
