"""The goods: a pure function of seed and number, whatever the size, with identities that lead back."""

import hashlib
from decimal import Decimal

import pytest

from mockserver.catalog.catalog import CYCLE, SeededCatalog

GOODS = SeededCatalog(42, 99)
EVERY = range(99)


def test_the_same_seed_gives_the_same_goods_and_another_seed_others() -> None:
    again, other = SeededCatalog(42, 99), SeededCatalog(43, 99)
    assert [GOODS.variant(n) for n in EVERY] == [again.variant(n) for n in EVERY]
    assert [GOODS.variant(n) for n in EVERY] != [other.variant(n) for n in EVERY]


OF_PRODUCT = ["number", "uuid", "object_id", "name", "kind", "kind_number", "brand", "description",
              "material", "image", "city", "state", "vat", "active", "created", "updated"]  # fmt: skip
OF_VARIANT = ["number", "sku", "ean", "uuid", "object_id", "size", "size_name", "color", "price", "weight",
              "quantity", "tracked", "backorder"]  # fmt: skip


def _values(one: object, names: list[str]) -> list[object]:
    return [getattr(one, name) for name in names]


def test_the_default_goods_are_these_on_any_machine() -> None:
    products = [GOODS.product(n) for n in range(GOODS.product_count)]
    text = repr([(_values(product, OF_PRODUCT), [_values(one, OF_VARIANT) for one in product.variants],
                  [[(at.number, at.uint64, at.name, n) for at, n in one.stock] for one in product.variants])
                 for product in products])  # fmt: skip
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == "87bc55fdff0f7d10"


def test_a_larger_catalogue_begins_with_a_smaller_one() -> None:
    larger = SeededCatalog(42, 1_000_000)
    whole = range(0, 99 - 99 % CYCLE)
    assert [larger.variant(n) for n in whole] == [GOODS.variant(n) for n in whole]


@pytest.mark.parametrize("size", [*range(0, 12), 99, 1_000_003])
def test_the_last_variant_belongs_to_the_last_product(size: int) -> None:
    catalog = SeededCatalog(1, size)
    if size:
        assert catalog.variant(size - 1)[0].number == catalog.product_count - 1
        assert catalog.variant(size - 1)[1] is catalog.product(catalog.product_count - 1).variants[-1]
    else:
        assert catalog.product_count == 0
    for beyond in (lambda: catalog.variant(size), lambda: catalog.product(catalog.product_count)):
        with pytest.raises(IndexError):
            beyond()


@pytest.mark.parametrize("number", [*EVERY, 500_000, 999_999])
def test_every_identity_leads_back_to_its_number(number: int) -> None:
    catalog = SeededCatalog(42, 1_000_000)
    product, variant = catalog.variant(number)
    assert catalog.variant_with_sku(variant.sku) == number
    assert catalog.variant_with_ean(variant.ean) == number
    assert catalog.variant_with_object_id(variant.object_id) == number
    assert catalog.product_with_uuid(product.uuid) == product.number


@pytest.mark.parametrize("text", ["", "0", "x-0001", "DRESS-0001", "²", "9" * 40, "a\n1", "\udcff1"])
def test_what_is_no_identity_leads_nowhere(text: str) -> None:
    assert GOODS.variant_with_sku(text) is None
    assert GOODS.variant_with_ean(text) is None
    assert GOODS.variant_with_object_id(text) is None


def test_identities_are_unique() -> None:
    variants = [GOODS.variant(n)[1] for n in EVERY]
    for field in ("sku", "ean", "uuid", "object_id"):
        assert len({getattr(variant, field) for variant in variants}) == len(variants)


def test_every_ean_has_a_valid_check_digit() -> None:
    for number in EVERY:
        digits = [int(digit) for digit in GOODS.variant(number)[1].ean]
        assert len(digits) == 13
        assert (sum(digits[::2]) + 3 * sum(digits[1::2])) % 10 == 0


def test_skus_of_every_awkward_kind_are_among_the_default_goods() -> None:
    skus = [GOODS.variant(number)[1].sku for number in EVERY]
    for awkward in ". /+%ö":
        assert any(awkward in sku for sku in skus), awkward


def test_places_have_ids_that_a_double_cannot_hold() -> None:
    assert all(2**53 < place.uint64 < 2**64 for place in GOODS.locations())


def test_prices_are_decimals_with_two_places() -> None:
    for number in EVERY:
        price = GOODS.variant(number)[1].price
        assert price > 0
        assert price.as_tuple().exponent == -2
        assert isinstance(price, Decimal)
