"""Faker-seeded goods: a pure function of seed and number, so no size is too large to start with.

Faker draws the vocabulary (names, colours, cities, …) once for a seed; a product is then put
together from it by a hash of its number. Nothing is stored, and every identity can be turned
back into the number that it came from.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

from mockserver.goods import Location, Product, Single, Variant

MAX_VARIANTS = 10_000_000
KEPT_PRODUCTS = 4096
KEPT_VOCABULARIES = 16
SHARES = (4, 1, 3, 2)  # variants of a product, by its number: the cycle needs no table
CYCLE = sum(SHARES)

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

# Most SKUs are plain; these stand in for the ones that break careless clients.
ODD_SKUS = {
    3: "{kind}.{color}.{size}.{number}",
    6: "{kind} {color} {size} {number}",
    9: "{kind}/{color}/{size}-{number}",
    12: "{kind}+{color}+{number}",
    15: "{kind} 100% {color}-{number}",
    18: "Größe-{size}-{kind}-{number}",
}
EAN_STEP = 387_420_489  # coprime to 10**9: neighbours get distant numbers, and back again


@dataclass(frozen=True)
class Vocabulary:
    """What Faker drew for a seed."""

    brands: tuple[str, ...]
    colors: tuple[str, ...]
    phrases: tuple[str, ...]
    cities: tuple[tuple[str, str], ...]
    images: tuple[str, ...]
    locations: tuple[Location, ...]
    ean_prefix: str
    machines: tuple[str, str]


@lru_cache(KEPT_VOCABULARIES)
def draw(seed: int) -> Vocabulary:
    """Draw the vocabulary of a seed."""
    from faker import Faker  # late: the import costs more than everything else here

    fake = Faker("en_US", use_weighting=False)
    fake.seed_instance(seed)

    def distinct(count: int, make: Callable[[], Any]) -> tuple[Any, ...]:
        return tuple(dict.fromkeys(make() for _ in range(count)))

    return Vocabulary(
        brands=distinct(60, fake.last_name),
        colors=distinct(40, lambda: fake.safe_color_name().title()),
        phrases=distinct(120, fake.catch_phrase),
        cities=distinct(60, lambda: (fake.city(), fake.state())),
        images=distinct(40, lambda: fake.image_url(width=400, height=400)),
        locations=tuple(
            Location(number, fake.random_int(2**58, 2**60), f"{fake.city()} warehouse")
            for number in range(1, 4)
        ),
        ean_prefix=fake.numerify("2##"),
        machines=(fake.hexify("^" * 10), fake.hexify("^" * 10)),
    )


class Catalogue:
    """The goods of one seed: `variants` sellable units, grouped into `products`."""

    def __init__(self, seed: int, variants: int) -> None:
        if not 0 <= variants <= MAX_VARIANTS:
            raise ValueError(f"a catalogue has 0 to {MAX_VARIANTS} variants, not {variants}")
        self.seed, self.variants = seed, variants
        whole, rest = divmod(variants, CYCLE)
        self.products = whole * len(SHARES) + _position(max(rest - 1, 0))[0] + (rest > 0)
        self._key = f"catalogue {seed}".encode()
        self._words: Vocabulary | None = None
        self._product = lru_cache(KEPT_PRODUCTS)(self._make)

    @property
    def words(self) -> Vocabulary:
        if self._words is None:
            self._words = draw(self.seed)
        return self._words

    def locations(self) -> tuple[Location, ...]:
        return self.words.locations

    def product(self, number: int) -> Product:
        """The product of a number. IndexError: there are not so many."""
        if not 0 <= number < self.products:
            raise IndexError(f"no product {number}")
        return self._product(number)

    def variant(self, number: int) -> tuple[Product, Variant]:
        """The variant of a number, with its product. IndexError: there are not so many."""
        if not 0 <= number < self.variants:
            raise IndexError(f"no variant {number}")
        cycle, rest = divmod(number, CYCLE)
        product, place = _position(rest)
        whole = self._product(cycle * len(SHARES) + product)
        return whole, whole.variants[place]

    def single(self, nth: int, name: str, **given: Any) -> Single:
        """Goods of one product made by hand, the `nth` of its sandbox: numbers go on from ours.

        `given` are fields of its one variant.
        """
        number, product = self.variants + nth, self.products + nth
        whole = self._make(product)
        variant = self._variant(number, 0, product, whole.created, whole.vat)
        variant = replace(variant, size="ONE", size_name="", tracked=True, **given)
        whole = replace(whole, name=name, kind=name, active=True, variants=(variant,))
        return Single(whole, number + 1, product + 1)

    def product_with_uuid(self, uuid: str) -> int | None:
        number = self._number_of_uuid("product", uuid)
        return number if 0 <= number < self.products else None

    def variant_with_object_id(self, object_id: str) -> int | None:
        if len(object_id) != 24 or not object_id[18:].isalnum():
            return None
        try:
            number = int(object_id[18:], 16)
        except ValueError:
            return None
        return self._confirmed(number, "object_id", object_id)

    def variant_with_sku(self, sku: str) -> int | None:
        digits = sku[len(sku.rstrip("0123456789")) :]
        if not sku.isprintable() or not 0 < len(digits) <= 9 or not digits.isascii():
            return None
        return self._confirmed(int(digits) - 1, "sku", sku)

    def variant_with_ean(self, ean: str) -> int | None:
        if len(ean) != 13 or not (ean.isascii() and ean.isdigit()):
            return None
        number = (int(ean[3:12]) - 1) * pow(EAN_STEP, -1, 10**9) % 10**9
        return self._confirmed(number, "ean", ean)

    def _confirmed(self, number: int, field: str, value: str) -> int | None:
        """`number`, if such a variant exists and really carries `value`."""
        if not 0 <= number < self.variants:
            return None
        return number if getattr(self.variant(number)[1], field) == value else None

    def _hash(self, kind: str, number: int) -> bytes:
        return hashlib.blake2b(f"{kind} {number}".encode(), digest_size=32, key=self._key).digest()

    def _uuid(self, kind: str, number: int) -> str:
        """A version 4 UUID whose lower half hides the number behind a hash of the upper half."""
        upper = int.from_bytes(self._hash(kind, number)[:8]) & ~0xF000 | 0x4000
        return str(UUID(int=upper << 64 | 0b10 << 62 | self._mask(kind, upper) ^ number))

    def _number_of_uuid(self, kind: str, uuid: str) -> int:
        try:
            whole = UUID(uuid).int
        except ValueError:
            return -1
        number = whole % (1 << 62) ^ self._mask(kind, whole >> 64)
        return number if number < MAX_VARIANTS and self._uuid(kind, number) == uuid else -1

    def _mask(self, kind: str, upper: int) -> int:
        return int.from_bytes(self._hash(f"{kind} mask", upper)[:8]) >> 2

    def _make(self, number: int) -> Product:
        words, chance = self.words, self._hash("product", number)
        cycle, place = divmod(number, len(SHARES))
        first = cycle * CYCLE + sum(SHARES[:place])
        kind_number = chance[0] % len(KINDS)
        brand = _pick(words.brands, chance[1:3])
        city, state = _pick(words.cities, chance[3:5])
        created = FIRST_DAY + timedelta(
            days=int.from_bytes(chance[5:7]) % DAYS, milliseconds=int.from_bytes(chance[7:11]) % 86_400_000
        )
        updated = created + timedelta(milliseconds=int.from_bytes(chance[11:15]))
        count = min(SHARES[place], self.variants - first)
        vat = _pick(VAT, chance[19:20])
        return Product(
            number=number,
            object_id=f"{int(created.timestamp()):08x}{words.machines[0]}{number:06x}",
            uuid=self._uuid("product", number),
            name=f"{brand} {KINDS[kind_number]}",
            kind=KINDS[kind_number],
            kind_number=kind_number,
            brand=brand,
            description=f"{_pick(words.phrases, chance[15:17])}.",
            material=_pick(MATERIALS, chance[17:18]),
            image=_pick(words.images, chance[18:19]),
            city=city,
            state=state,
            vat=vat,
            active=chance[20] >= 26,
            created=created,
            updated=updated,
            variants=tuple(self._variant(first + n, n, number, created, vat) for n in range(count)),
        )

    def _variant(self, number: int, n: int, product: int, created: datetime, vat: Decimal) -> Variant:
        """The variant of a number, the `n`th of its product."""
        words, chance, shared = self.words, self._hash("variant", number), self._hash("product", product)
        kind = KINDS[shared[0] % len(KINDS)]
        across = 2 if SHARES[product % len(SHARES)] == 4 else 1  # four are two sizes in two colours
        size, size_name = SIZES[(shared[21] + n // across) % len(SIZES)]
        color = words.colors[(shared[22] + n % across) % len(words.colors)]
        shape = ODD_SKUS.get(number % 20, "{kind}-{color}-{size}-{number}")
        net = Decimal(500 + int.from_bytes(shared[23:25]) % 19_500 + 500 * (n // across)).scaleb(-2)
        body = f"{words.ean_prefix}{(number * EAN_STEP + 1) % 10**9:09d}"
        kept = words.locations[: 1 + chance[0] % len(words.locations)]
        return Variant(
            number=number,
            object_id=f"{int(created.timestamp()):08x}{words.machines[1]}{number:06x}",
            uuid=self._uuid("variant", number),
            sku=shape.format(
                kind=kind.upper(), color=color[:3].upper(), size=size, number=f"{number + 1:04d}"
            ),
            ean=body + _check_digit(body),
            size=size,
            size_name=size_name,
            color=color,
            price=(net * (1 + vat)).quantize(CENT, ROUND_HALF_UP),
            weight=Decimal(20 + chance[1]).scaleb(-2),
            stock=tuple((place, chance[2 + i] % 60) for i, place in enumerate(kept)),
            tracked=chance[10] >= 26,
            backorder=chance[11] < 64,
        )


def _position(rest: int) -> tuple[int, int]:
    """Where in a cycle a variant stands: its product there, and its place in that product."""
    for product, share in enumerate(SHARES):
        if rest < share:
            return product, rest
        rest -= share
    raise IndexError(rest)


def _pick(choices: Sequence[Any], chance: bytes) -> Any:
    return choices[int.from_bytes(chance) % len(choices)]


def _check_digit(body: str) -> str:
    """The 13th digit of an EAN-13, from the other twelve (GS1 General Specifications)."""
    odd, even = sum(map(int, body[::2])), sum(map(int, body[1::2]))
    return str(-(odd + 3 * even) % 10)
