"""The seeded catalog depends only on seed and number, and every id can be decoded to its number."""

import hashlib
from decimal import Decimal

import pytest

from mockserver.data.catalog.catalog import VARIANTS_PER_CYCLE, SeededCatalog
from mockserver.data.catalog.word_lists import draw_word_lists, shipped_word_lists

CATALOG = SeededCatalog(42, 99)
NUMBERS = range(99)


def test_same_seed_gives_same_catalog() -> None:
    again, other = SeededCatalog(42, 99), SeededCatalog(43, 99)
    assert [CATALOG.variant(n) for n in NUMBERS] == [again.variant(n) for n in NUMBERS]
    assert [CATALOG.variant(n) for n in NUMBERS] != [other.variant(n) for n in NUMBERS]


PRODUCT_FIELDS = [
    "number", "uuid", "object_id", "name", "kind", "kind_number", "brand", "description",
    "material", "image", "city", "state", "vat", "active", "created", "updated",
]  # fmt: skip
VARIANT_FIELDS = [
    "number", "sku", "ean", "uuid", "object_id", "size", "size_name", "color", "price", "weight",
    "quantity", "tracked", "backorder",
]  # fmt: skip


def values(one: object, names: list[str]) -> list[object]:
    return [getattr(one, name) for name in names]


def digest(catalog: SeededCatalog) -> str:
    text = repr([
        (values(product, PRODUCT_FIELDS), [values(one, VARIANT_FIELDS) for one in product.variants],
         [[(at.number, at.uint64, at.name, n) for at, n in one.stock] for one in product.variants])
        for product in map(catalog.product, range(catalog.product_count))
    ])  # fmt: skip
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@pytest.mark.finding("D6")
@pytest.mark.parametrize(("seed", "expected"), [(42, "a63018a5110032fc"), (7, "2b6ffe77099886d3")])
def test_catalog_is_the_same_on_any_machine(seed: int, expected: str) -> None:
    """Whatever the version of Python and Faker: `make lowest` tests the oldest and the newest."""
    assert digest(SeededCatalog(seed, 99)) == expected


@pytest.mark.finding("D6")
def test_faker_draws_the_word_lists_that_ship_with_the_package() -> None:
    assert draw_word_lists(42) == shipped_word_lists()


def test_larger_catalog_begins_with_the_smaller_catalog() -> None:
    larger = SeededCatalog(42, 1_000_000)
    complete = range(0, 99 - 99 % VARIANTS_PER_CYCLE)  # the last product of the smaller one may be cut off
    assert [larger.variant(n) for n in complete] == [CATALOG.variant(n) for n in complete]


@pytest.mark.parametrize("size", [*range(0, 12), 99, 1_000_003])
def test_last_variant_belongs_to_last_product(size: int) -> None:
    catalog = SeededCatalog(1, size)
    if size:
        assert catalog.variant(size - 1)[0].number == catalog.product_count - 1
        assert catalog.variant(size - 1)[1] is catalog.product(catalog.product_count - 1).variants[-1]
    else:
        assert catalog.product_count == 0
    for beyond in (lambda: catalog.variant(size), lambda: catalog.product(catalog.product_count)):
        with pytest.raises(IndexError):
            beyond()


@pytest.mark.parametrize("number", [*NUMBERS, 500_000, 999_999])
def test_every_id_is_decoded_to_its_number(number: int) -> None:
    catalog = SeededCatalog(42, 1_000_000)
    product, variant = catalog.variant(number)
    assert catalog.variant_with_sku(variant.sku) == number
    assert catalog.variant_with_ean(variant.ean) == number
    assert catalog.variant_with_object_id(variant.object_id) == number
    assert catalog.product_with_uuid(product.uuid) == product.number


@pytest.mark.parametrize("text", ["", "0", "x-0001", "DRESS-0001", "²", "9" * 40, "a\n1", "\udcff1"])
def test_malformed_id_is_not_found(text: str) -> None:
    assert CATALOG.variant_with_sku(text) is None
    assert CATALOG.variant_with_ean(text) is None
    assert CATALOG.variant_with_object_id(text) is None


def test_ids_are_unique() -> None:
    variants = [CATALOG.variant(n)[1] for n in NUMBERS]
    for field in ("sku", "ean", "uuid", "object_id"):
        assert len({getattr(variant, field) for variant in variants}) == len(variants)


def test_ean_check_digits_are_valid() -> None:
    for number in NUMBERS:
        digits = [int(digit) for digit in CATALOG.variant(number)[1].ean]
        assert len(digits) == 13
        assert (sum(digits[::2]) + 3 * sum(digits[1::2])) % 10 == 0


def test_default_catalog_has_skus_that_need_url_encoding() -> None:
    skus = [CATALOG.variant(number)[1].sku for number in NUMBERS]
    for character in ". /+%ö":
        assert any(character in sku for sku in skus), character


def test_a_few_first_variants_are_oversold_by_back_orders() -> None:
    catalog = SeededCatalog(42, 10_000)
    variants = [catalog.variant(number) for number in range(10_000)]
    oversold = [(product, one) for product, one in variants if one.quantity < 0]
    assert 100 < len(oversold) < 300
    assert [one.sku for _, one in oversold if one.number < 99] == ["SWEATER-TEA-M-0045"]
    for product, one in oversold:
        assert (one.backorder, one.tracked, len(one.stock), one) == (True, True, 1, product.variants[0])
        assert one.quantity >= -12


def test_location_ids_need_more_than_53_bits() -> None:
    assert all(2**53 < location.uint64 < 2**64 for location in CATALOG.locations())


def test_prices_are_decimals_with_two_places() -> None:
    for number in NUMBERS:
        price = CATALOG.variant(number)[1].price
        assert price > 0
        assert price.as_tuple().exponent == -2
        assert isinstance(price, Decimal)
