"""A search scans only one period of the catalog, but finds the same records as a full scan."""

import random
from collections.abc import Callable

import pytest

from mockserver import app
from mockserver.data.catalog.catalog import PERIOD, SeededCatalog
from mockserver.data.store.base_records import Record
from mockserver.data.store.records import Records
from mockserver.data.store.state import Draft, State

SIZE = 3 * PERIOD + 1234
TEXTS = [
    "small", "shirt", "SMALL", "zzz", "jeans-1", "7", "12", "2561", "0001", "% ", "+", ".", "größe", "-s-",
    " ", "hoodie", "9" * 5000, "7999", "-0", "-79",
]  # fmt: skip
BASE = app.load_contract("highlevel").base_records["inventory"]
CATALOG = SeededCatalog(42, SIZE)


def name_contains(text: str) -> Callable[[Record], bool]:
    return lambda item: any(text in item.get(field, "").lower() for field in ("name", "productName"))


def name_or_sku_contains(text: str) -> Callable[[Record], bool]:
    return lambda item: name_contains(text)(item) or text in item["sku"].lower()


def changed_records() -> Records:
    """Return records of which some have been changed, deleted, restored or added."""
    records, rng = Records(BASE, Draft(CATALOG, State())), random.Random(1)
    for number in rng.sample(range(SIZE), 60):
        record = dict(BASE.collection.make(CATALOG, number))
        match number % 3:
            case 0:
                records.put({**record, "name": f"Small thing {number}", "sku": f"X-{number}"})
            case 1:
                records.delete(record["_id"])
            case 2:
                records.delete(record["_id"])
                records.put(record)
    for number in range(5):
        records.put(
            {**BASE.fixtures[0], "_id": f"new-{number}", "name": f"Shirt {number}", "sku": f"N-{number}7"}
        )
    return records


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text[:12])
@pytest.mark.parametrize(
    "make", [lambda: Records(BASE, Draft(CATALOG, State())), changed_records], ids=["fresh", "changed"]
)
def test_search_finds_the_same_records_as_a_full_scan(make: Callable[[], Records], text: str) -> None:
    records = make()
    found = records.where(name_contains(text.lower()), id_contains=("sku", text.lower()))
    expected = [record for record in records if name_or_sku_contains(text.lower())(record)]
    assert len(found) == len(expected)
    assert found[:] == expected
    assert found[5:9] == expected[5:9]


@pytest.mark.parametrize(
    ("name", "collections"),
    [
        ("highlevel", {"inventory", "prices", "products"}),
        ("merchantpro", {"inventory", "products"}),
        ("sabi", {"products", "details"}),
    ],
)
def test_records_two_periods_apart_differ_only_in_their_ids(name: str, collections: set[str]) -> None:
    bases = {
        key: base for key, base in app.load_contract(name).base_records.items() if base.collection.id_formats
    }
    assert bases.keys() == collections
    for base in bases.values():
        ids, period = set(base.collection.id_formats), base.collection.period(CATALOG)
        for number in (0, 7, period - 1):
            first, later = (base.collection.make(CATALOG, number + step) for step in (0, 2 * period))
            assert {name for name in first if first[name] != later[name]} == ids & first.keys()


def test_search_in_an_empty_catalog_finds_fixtures() -> None:
    records = Records(BASE, Draft(SeededCatalog(42, 0), State()))
    assert [item["name"] for item in records.where(name_contains("shirt"), id_contains=("sku", "shirt"))] == [
        "Medium T-shirt"
    ]
