"""Search: what repeats is looked at once, and the answer is that of looking at every record."""

import random
from collections.abc import Callable

import pytest

from mockserver import app
from mockserver.catalog.catalog import PERIOD, SeededCatalog
from mockserver.store.base_records import Record
from mockserver.store.records import Records
from mockserver.store.state import Draft, State

SIZE = 3 * PERIOD + 1234
TEXTS = [
    "small", "shirt", "SMALL", "zzz", "jeans-1", "7", "12", "2561", "0001", "% ", "+", ".", "größe", "-s-",
    " ", "hoodie", "9" * 5000, "7999", "-0", "-79",
]  # fmt: skip
SHELF = app.contract(app.load_vendor("highlevel")).base_records["inventory"]
CATALOG = SeededCatalog(42, SIZE)


def mentions(text: str) -> Callable[[Record], bool]:
    return lambda item: any(text in item.get(field, "").lower() for field in ("name", "productName"))


def with_sku(text: str) -> Callable[[Record], bool]:
    return lambda item: mentions(text)(item) or text in item["sku"].lower()


def changed() -> Records:
    """A sandbox where records were changed, deleted, put back and added."""
    records, chance = Records(SHELF, Draft(CATALOG, State())), random.Random(1)
    for place in chance.sample(range(SIZE), 60):
        record = dict(SHELF.collection.make(CATALOG, place))
        match place % 3:
            case 0:
                records.put({**record, "name": f"Small thing {place}", "sku": f"X-{place}"})
            case 1:
                records.delete(record["_id"])
            case 2:
                records.delete(record["_id"])
                records.put(record)
    for number in range(5):
        records.put(
            {**SHELF.fixtures[0], "_id": f"new-{number}", "name": f"Shirt {number}", "sku": f"N-{number}7"}
        )
    return records


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text[:12])
@pytest.mark.parametrize(
    "make", [lambda: Records(SHELF, Draft(CATALOG, State())), changed], ids=["fresh", "changed"]
)
def test_a_search_finds_what_a_look_at_every_record_finds(make: Callable[[], Records], text: str) -> None:
    records = make()
    found = records.where(mentions(text.lower()), id_contains=("sku", text.lower()))
    wanted = [record for record in records if with_sku(text.lower())(record)]
    assert len(found) == len(wanted)
    assert found[:] == wanted
    assert found[5:9] == wanted[5:9]


@pytest.mark.parametrize("name", ["highlevel", "merchantpro", "sabi"])
def test_all_but_the_names_repeats_after_a_period(name: str) -> None:
    (base,) = [
        s for s in app.contract(app.load_vendor(name)).base_records.values() if s.collection.id_formats
    ]
    own = set(base.collection.id_formats)
    for number in (0, 7, PERIOD - 1):
        first, later = (base.collection.make(CATALOG, number + step) for step in (0, 2 * PERIOD))
        assert {name for name in first if first[name] != later[name]} == own & first.keys()


def test_goods_of_no_product_are_searched_too() -> None:
    records = Records(SHELF, Draft(SeededCatalog(42, 0), State()))
    assert [item["name"] for item in records.where(mentions("shirt"), id_contains=("sku", "shirt"))] == [
        "Medium T-shirt"
    ]
