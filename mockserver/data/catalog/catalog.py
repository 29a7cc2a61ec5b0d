"""The seeded catalog: products and variants computed from a seed and a number.

Faker generates the word lists (names, colors, cities, …) once per seed. A hash of each product's number picks
its words. After `PERIOD` variants everything except the ids repeats, so only the products of the first period
are stored. A catalog of any size is therefore ready at once, and a search has to scan only one period. Every
id can be decoded to the number that it was made from.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from typing import Any

from msgspec.structs import replace

from mockserver.data.catalog import bitset
from mockserver.data.catalog.ids import SeededIds, number_of_ean, number_of_object_id, number_of_sku
from mockserver.data.catalog.products import GivenIds, Location, Product, SingleProductCatalog, Variant
from mockserver.data.catalog.word_lists import WordLists, shipped_word_lists, word_lists

MAX_VARIANTS = 10_000_000

# Products have 4, 1, 3 and 2 variants in turn. Because this cycle is fixed, the product of a variant can be
# computed from the variant's number.
VARIANTS_OF_PRODUCT = (4, 1, 3, 2)  # by the product's number in its cycle
FIRST_VARIANT_OF_PRODUCT = (0, 4, 5, 8)
PRODUCT_OF_VARIANT = (0, 0, 0, 0, 1, 2, 2, 2, 3, 3)  # by the variant's number in its cycle
PRODUCTS_PER_CYCLE, VARIANTS_PER_CYCLE = len(VARIANTS_OF_PRODUCT), sum(VARIANTS_OF_PRODUCT)
PRODUCT_PERIOD = 512  # products
PERIOD = PRODUCT_PERIOD // PRODUCTS_PER_CYCLE * VARIANTS_PER_CYCLE  # variants

KINDS = (
    "T-shirt", "Jacket", "Jeans", "Hoodie", "Sneakers", "Backpack", "Dress", "Belt", "Cap", "Sweater",
    "Raincoat", "Sandals",
)  # fmt: skip
MATERIALS = ("Cotton", "Polyester", "Wool", "Linen", "Leather", "Denim")
SIZES = (("S", "Small"), ("M", "Medium"), ("L", "Large"), ("XL", "Extra Large"))
VAT_RATES = (Decimal("0.19"), Decimal("0.19"), Decimal("0.19"), Decimal("0.09"))
CENT = Decimal("0.01")
# Of 256: how many first variants with back-orders have sold more than there was; and at most how many pieces.
OVERSOLD, MAX_OVERSOLD = 52, 12
FIRST_DAY = datetime(2020, 1, 1, tzinfo=UTC)
DAYS = 2000  # the period, from FIRST_DAY on, in which products were created

# Most SKUs have the form of PLAIN_SKU. The SKUs in ODD_SKUS break a client that does not encode SKUs in URLs.
# The key in ODD_SKUS is the variant's number modulo 20. Every SKU ends with a number.
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
    """The catalog for one seed: `variant_count` variants, which belong to `product_count` products.

    Words, products and templates are derived from the seed when they are first needed, and kept: up to 5 MB.
    `before_deriving` is called before that; `forget` drops them.

    Raise ValueError if `variant_count` is negative or above `MAX_VARIANTS`.
    """

    period, product_period = PERIOD, PRODUCT_PERIOD

    def __init__(
        self, seed: int, variant_count: int, before_deriving: Callable[[], None] = lambda: None
    ) -> None:
        if not 0 <= variant_count <= MAX_VARIANTS:
            raise ValueError(f"a catalog has 0 to {MAX_VARIANTS} variants, not {variant_count}")
        self.seed, self.variant_count, self._before_deriving = seed, variant_count, before_deriving
        cycles, remainder = divmod(variant_count, VARIANTS_PER_CYCLE)
        last_products = PRODUCT_OF_VARIANT[remainder - 1] + 1 if remainder else 0
        self.product_count = cycles * PRODUCTS_PER_CYCLE + last_products
        self.forget()

    def forget(self) -> None:
        """Drop all that is derived from the seed, to free memory. When it is needed, it is derived again."""
        self.record_templates: dict[Any, dict[int, Any]] = {}
        self.ready = self.seed == shipped_word_lists().seed
        """True if the word lists are loaded, so that no call has to wait until Faker generates them."""
        self._first_period: dict[int, Product] = {}
        self._latest: Product | None = None
        self.__dict__.pop("words", None)
        self.__dict__.pop("ids", None)

    @property
    def derived(self) -> bool:
        """Return True if the catalog keeps what it has derived from its seed."""
        return "words" in self.__dict__

    @cached_property
    def words(self) -> WordLists:
        self._before_deriving()
        words = word_lists(self.seed)
        self.ready = True
        return words

    @cached_property
    def ids(self) -> SeededIds:
        # All ids and random choices depend on this key, so its spelling must never change.
        return SeededIds(f"catalogue {self.seed}".encode(), self.words.ean_prefix)

    def locations(self) -> tuple[Location, ...]:
        """Return all locations where stock is kept."""
        return self.words.locations

    @property
    def location_count(self) -> int:
        return len(self.words.locations)

    def location(self, number: int) -> Location:
        """Return a location by its number, here counted from 0. Raise IndexError if there is none."""
        return self.words.locations[number]

    def location_with_uint64(self, uint64: int) -> int | None:
        """Return the number of the location with this id, counted from 0, or None."""
        ids = [location.uint64 for location in self.words.locations]
        return ids.index(uint64) if uint64 in ids else None

    def product(self, number: int) -> Product:
        """Return the product with this number. Raise IndexError if there is no such product."""
        if not 0 <= number < self.product_count:
            raise IndexError(f"there is no product {number}")
        latest = self._latest  # consecutive variants in a list often belong to the same product
        if latest is None or latest.number != number:
            self._latest = latest = self._build(number)
        return latest

    def variant(self, number: int) -> tuple[Product, Variant]:
        """Return (product, variant) for a variant's number. Raise IndexError if there is no such variant."""
        latest = self._latest
        if latest and 0 <= (index := number - latest.variants[0].number) < len(latest.variants):
            return latest, latest.variants[index]
        if not 0 <= number < self.variant_count:
            raise IndexError(f"there is no variant {number}")
        product, in_cycle = self.product(self.product_of(number)), number % VARIANTS_PER_CYCLE
        return product, product.variants[in_cycle - FIRST_VARIANT_OF_PRODUCT[PRODUCT_OF_VARIANT[in_cycle]]]

    def product_of(self, number: int) -> int:
        """Return the number of the product that a variant belongs to."""
        in_cycle = PRODUCT_OF_VARIANT[number % VARIANTS_PER_CYCLE]
        return number // VARIANTS_PER_CYCLE * PRODUCTS_PER_CYCLE + in_cycle

    def ean_number(self, number: int) -> int:
        """Return the EAN-13 of a variant as an int."""
        return self.ids.ean_number(number)

    def single_product(
        self, nth: int, name: str, sku: str, ean: str | None = None, **given: Any
    ) -> SingleProductCatalog:
        """Return a catalog of one product with one variant, for a product that a user creates.

        `nth` is the number of products created in the sandbox before this one. The numbers of the product
        and its variant follow those of this catalog. `given` holds other fields of the variant. It must
        contain `stock`; `quantity` is computed from `stock`.
        """
        ids = GivenIds(self.ids, sku, ean)
        variant_number, product_number = self.variant_count + nth, self.product_count + nth
        given["quantity"] = sum(quantity for _, quantity in given["stock"])
        given |= {"ids": ids, "size": "ONE", "size_name": "", "tracked": True}
        product = self._make_product(product_number)
        variant = replace(self._make_variant(product, variant_number, 0), **given)
        product = replace(product, ids=ids, name=name, kind=name, active=True, variants=(variant,))
        return SingleProductCatalog(product, variant_number + 1, product_number + 1)

    def product_with_uuid(self, uuid: str) -> int | None:
        """Return the number of the product with this UUID, or None."""
        number = self.ids.number_of_uuid("product", uuid)
        if number is None or number >= self.product_count or self.ids.uuid("product", number) != uuid:
            return None
        return number

    def product_with_object_id(self, object_id: str) -> int | None:
        """Return the number of the product with this ObjectId, or None."""
        number = number_of_object_id(object_id)
        if number is None or number >= self.product_count or self.product(number).object_id != object_id:
            return None
        return number

    def variant_with_uuid(self, uuid: str) -> int | None:
        """Return the number of the variant with this UUID, or None."""
        number = self.ids.number_of_uuid("variant", uuid)
        if number is None or number >= self.variant_count or self.ids.uuid("variant", number) != uuid:
            return None
        return number

    def variant_with_object_id(self, object_id: str) -> int | None:
        """Return the number of the variant with this ObjectId, or None."""
        return self._confirmed(number_of_object_id(object_id), "object_id", object_id)

    def variant_with_sku(self, sku: str) -> int | None:
        """Return the number of the variant with this SKU, or None."""
        return self._confirmed(number_of_sku(sku), "sku", sku)

    def variant_with_ean(self, ean: str) -> int | None:
        """Return the number of the variant with this EAN, or None."""
        return self._confirmed(number_of_ean(ean), "ean", ean)

    def variants_with_sku_part(self, text: str) -> int:
        """Return a bit set of the variants whose SKU contains `text`, ignoring case.

        A SKU is a stem followed by a number. The stems repeat after a period, and never end with a digit.
        """
        size, text = self.variant_count, text.lower()
        stems = [variant.sku_stem.lower() for variant in self._variants_of_first_period()]
        found = self._repeated(text in stem for stem in stems)
        head = text.rstrip("0123456789")
        if digits := text[len(head) :]:
            in_skus = bitset.containing_digits(digits, size + 1, from_start=bool(head))
            numbers = in_skus >> 1  # numbers in SKUs count from 1
            found |= numbers & self._repeated(stem.endswith(head) for stem in stems)
        return found

    def variants_with_name_part(self, text: str) -> int:
        """Return a bit set of the variants whose title or short title contains `text`, ignoring case."""
        text = text.lower()
        products = map(self._build, range(min(self.product_count, PRODUCT_PERIOD)))
        return self._repeated(
            text in f"{product.title(variant)}\n{product.short_title(variant)}".lower()
            for product in products
            for variant in product.variants
        )

    def _variants_of_first_period(self) -> Iterator[Variant]:
        products = range(min(self.product_count, PRODUCT_PERIOD))
        return (variant for number in products for variant in self._build(number).variants)

    def _repeated(self, matches: Iterable[bool]) -> int:
        """Return a bit set of all matching variants in the catalog.

        `matches` has one flag for each variant of the first period.
        """
        first = bitset.from_numbers((number for number, match in enumerate(matches) if match), PERIOD)
        return bitset.repeat(first, PERIOD, self.variant_count)

    def _confirmed(self, number: int | None, field: str, value: str) -> int | None:
        """Return `number` if a variant has this number and its `field` equals `value`, otherwise None."""
        if number is None or not 0 <= number < self.variant_count:
            return None
        return number if getattr(self.variant(number)[1], field) == value else None

    def _build(self, number: int) -> Product:
        """Return a product with its variants. The last product may have fewer variants than usual."""
        period, in_period = divmod(number, PRODUCT_PERIOD)
        product = self._first_period.get(in_period) or self._build_in_first_period(in_period)
        if period:
            step = period * PERIOD
            variants = tuple([replace(one, number=one.number + step) for one in product.variants])
            product = replace(product, number=number, variants=variants)
        if number == self.product_count - 1:
            existing = tuple(one for one in product.variants if one.number < self.variant_count)
            product = replace(product, variants=existing)
        return product

    def _build_in_first_period(self, number: int) -> Product:
        """Build a product of the first period, and store it because later periods are copies of it."""
        product = self._make_product(number)
        cycle, in_cycle = divmod(number, PRODUCTS_PER_CYCLE)
        first = cycle * VARIANTS_PER_CYCLE + FIRST_VARIANT_OF_PRODUCT[in_cycle]
        count = VARIANTS_OF_PRODUCT[in_cycle]
        variants = tuple(self._make_variant(product, first + n, n) for n in range(count))
        self._first_period[number] = product = replace(product, variants=variants)
        return product

    def _make_product(self, number: int) -> Product:
        """Return the product with this number, but without its variants."""
        words, digest = self.words, self.ids.hash("product", number)
        kind_number = digest[0] % len(KINDS)
        brand = _pick(words.brands, digest[1:3])
        city, state = _pick(words.cities, digest[3:5])
        created = FIRST_DAY + timedelta(
            days=int.from_bytes(digest[5:7]) % DAYS, milliseconds=int.from_bytes(digest[7:11]) % 86_400_000
        )
        return Product(
            number=number,
            ids=self.ids,
            object_stem=f"{int(created.timestamp()):08x}{words.machines[0]}",
            name=f"{brand} {KINDS[kind_number]}",
            kind=KINDS[kind_number],
            kind_number=kind_number,
            brand=brand,
            description=f"{_pick(words.phrases, digest[15:17])}.",
            material=_pick(MATERIALS, digest[17:18]),
            image=_pick(words.images, digest[18:19]),
            city=city,
            state=state,
            vat=_pick(VAT_RATES, digest[19:20]),
            active=digest[20] >= 26,
            created=created,
            updated=created + timedelta(milliseconds=int.from_bytes(digest[11:15])),
        )

    def _make_variant(self, product: Product, number: int, n: int) -> Variant:
        """Return the variant with this number, the `n`th (from 0) of its product."""
        words, digest = self.words, self.ids.hash("variant", number)
        product_digest = self.ids.hash("product", product.number)
        # A product with four variants has two sizes in two colors. In other products, all variants have the
        # same color and different sizes.
        colors = 2 if VARIANTS_OF_PRODUCT[product.number % PRODUCTS_PER_CYCLE] == 4 else 1
        size, size_name = SIZES[(product_digest[21] + n // colors) % len(SIZES)]
        color = words.colors[(product_digest[22] + n % colors) % len(words.colors)]
        stem = ODD_SKUS.get(number % 20, PLAIN_SKU)
        net = Decimal(500 + int.from_bytes(product_digest[23:25]) % 19_500 + 500 * (n // colors)).scaleb(-2)
        locations = words.locations[: 1 + digest[0] % len(words.locations)]
        tracked, backorder = digest[10] >= 26, digest[11] < 64
        if n == 0 and tracked and backorder and digest[12] < OVERSOLD:
            stock: tuple[tuple[Location, int], ...] = ((locations[0], -1 - digest[13] % MAX_OVERSOLD),)
        else:
            stock = tuple((location, digest[2 + i] % 60) for i, location in enumerate(locations))
        return Variant(
            number=number,
            ids=self.ids,
            sku_stem=stem.format(kind=product.kind.upper(), color=color[:3].upper(), size=size),
            object_stem=f"{product.object_stem[:8]}{words.machines[1]}",
            size=size,
            size_name=size_name,
            color=color,
            price=(net * (1 + product.vat)).quantize(CENT, ROUND_HALF_UP),
            weight=Decimal(20 + digest[1]).scaleb(-2),
            stock=stock,
            quantity=sum(quantity for _, quantity in stock),
            tracked=tracked,
            backorder=backorder,
        )


def _pick(choices: Sequence[Any], digest: bytes) -> Any:
    return choices[int.from_bytes(digest) % len(choices)]
