"""Records in order of a field: the same as if all of them were sorted, but only one period is read."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from mockserver import app
from mockserver.data.catalog.catalog import PRODUCT_PERIOD, SeededCatalog
from mockserver.data.store.base_records import Record
from mockserver.data.store.records import Records
from mockserver.data.store.sorted import runs
from mockserver.data.store.state import Draft, State

BASE = app.load_contract("highlevel").base_records["products"]
FILTERS: dict[str, Callable[[Record], bool]] = {
    "all": lambda product: True,
    "some": lambda product: "Jeans" in product["name"],
    "none": lambda product: False,
}


def created(product: Record) -> Any:
    return product["createdAt"]


def records_of(variants: int, *, changed: bool) -> Records:
    """Return products of which, if `changed`, some have been changed, deleted, restored or added."""
    records, rng = Records(BASE, Draft(SeededCatalog(42, variants), State())), random.Random(variants)
    keys = [product["_id"] for product in records] if changed else []
    for number, key in enumerate(rng.sample(keys, min(len(keys), 40))):
        product = records.get(key)
        assert product
        match number % 3:
            case 0:
                records.put({**product, "createdAt": f"202{number % 7}-01-01T00:00:00.000Z", "name": "Jeans"})
            case 1:
                records.delete(key)
            case _:
                records.delete(key)
                records.put(product)
    for number in range(5 if changed else 0):
        added = {
            **BASE.fixtures[0],
            "_id": f"{number:024x}",
            "createdAt": f"2022-0{number + 1}-01T00:00:00.000Z",
        }
        records.put(added)
    return records


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("passes", FILTERS.values(), ids=FILTERS)
@pytest.mark.parametrize("changed", [False, True])
@pytest.mark.parametrize("variants", [0, 1, 99, 5 * PRODUCT_PERIOD])
def test_order_is_that_of_all_records(
    variants: int, changed: bool, passes: Callable[[Record], bool], descending: bool
) -> None:
    records = records_of(variants, changed=changed)
    expected = sorted(filter(passes, records), key=created, reverse=descending)
    found = records.in_order(created, passes, descending=descending)
    assert [created(product) for product in found] == [created(product) for product in expected]
    assert {product["_id"] for product in found} == {product["_id"] for product in expected}
    assert (len(found), list(found[3:7])) == (len(expected), list(found)[3:7])
    with pytest.raises(IndexError):
        found[len(found)]


def test_records_of_a_large_collection_are_not_made() -> None:
    catalog = SeededCatalog(42, 10_000_000)
    records = Records(BASE, Draft(catalog, State()))
    found = records.in_order(created, FILTERS["all"])
    assert len(found) == len(records) == catalog.product_count + 1
    assert created(found[0]) <= created(found[2_000_000]) <= created(found[-1])


@pytest.mark.parametrize("descending", [False, True])
def test_changed_record_keeps_its_place_among_equal_ones(descending: bool) -> None:
    """So a client that changes a record between two pages misses no record."""
    records = records_of(5 * PRODUCT_PERIOD, changed=True)
    before = [one["_id"] for one in records.in_order(created, FILTERS["all"], descending=descending)]
    for key in random.Random(1).sample(before, 100):
        records.put({**(records.get(key) or {}), "description": "changed"})
    after = [one["_id"] for one in records.in_order(created, FILTERS["all"], descending=descending)]
    assert after == before


@pytest.mark.parametrize("left_out", [[], [1], [1, 13], [7, 4, 1], [13, 16], [1, 4, 7, 10, 13, 16]])
def test_runs_leave_numbers_out(left_out: list[int]) -> None:
    records: list[Record] = [{"n": number} for number in range(3)]
    passing = runs(records, 17, left_out, lambda record: bool(record["n"] == 1))
    found = [(record["n"], list(run)) for record, some in passing for run in some]
    assert all(numbers for _, numbers in found) and {place for place, _ in found} <= {1}
    numbers = [number for _, run in found for number in run]
    assert numbers == [number for number in (1, 4, 7, 10, 13, 16) if number not in left_out]
