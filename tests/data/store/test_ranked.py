"""Ranked records: any page is where a list of all records, sorted, has it, and it survives changes."""

import random
from operator import attrgetter
from typing import Any

import pytest

from mockserver.data.catalog.products import Catalog
from mockserver.data.store.base_records import BaseRecords, Collection, Record
from mockserver.data.store.ranked import Place, Ranked
from mockserver.data.store.records import Records
from mockserver.data.store.state import Draft, State

PERIOD = 7


class Goods:
    """A catalog that has only the attributes used by a collection."""

    def __init__(self, product_count: int) -> None:
        self.product_count, self.product_period = product_count, PERIOD
        self.record_templates: dict[Any, Any] = {}


def locate(catalog: Any, key: str) -> int | None:
    return int(key[1:]) if key.startswith("g") else None


COLLECTION = Collection(
    "things",
    key="id",
    count=attrgetter("product_count"),
    make=lambda catalog, n: {"id": f"g{n}", "time": n % PERIOD % 3, "even": n % PERIOD % 2 == 0},
    locate=locate,
    rank=lambda record: -record["time"],
    period=attrgetter("product_period"),
)
FIXTURES = ({"id": "p0", "time": 1, "even": True}, {"id": "p1", "time": 9, "even": False})
BASE = BaseRecords.of("acme", COLLECTION, FIXTURES)


def records(count: int) -> Records:
    catalog: Catalog = Goods(count)  # type: ignore[assignment]
    return Records(BASE, Draft(catalog, State()))


def is_even(record: Record) -> bool:
    return bool(record["even"])


def ids(found: list[Record]) -> list[str]:
    return [record["id"] for record in found]


def walk(things: Records, size: int, between: Any = lambda: None, **options: Any) -> list[str]:
    """Return the ids of all pages, as a client gets them that keeps rank and key of the last record."""
    seen: list[str] = []
    place: Place | None = None
    while page := (ranked := Ranked(things, **options)).after(place, size):
        seen += ids(page)
        rank, key = COLLECTION.rank(page[-1]), page[-1]["id"]
        between()
        place = ranked.place(rank, key)
    return seen


def change(things: Records, chance: random.Random) -> None:
    """Put or delete some records, generated ones and others."""
    for number in range(12):
        key = f"{chance.choice('gpa')}{chance.randrange(20)}"
        if chance.random() < 0.3 and things.get(key):
            things.delete(key)
        elif key[0] != "g" or int(key[1:]) < 20:
            things.put({"id": key, "time": chance.randrange(4), "even": number % 2 == 0})


@pytest.mark.parametrize("count", [0, 1, 6, 7, 8, 20])
@pytest.mark.parametrize("seed", range(12))
def test_pages_are_parts_of_all_records_in_order(count: int, seed: int) -> None:
    chance, things = random.Random(seed), records(count)
    for key in range(count):
        assert things.get(f"g{key}")
    if seed:
        change(things, chance)
    hidden = {f"g{chance.randrange(20)}", "p1"} if seed % 3 else set()
    passes = is_even if seed % 2 else None
    everything = Ranked(things, passes, hidden=hidden)
    expected = [
        one for one in sorted(things, key=everything.place_of)
        if one["id"] not in hidden and (passes is None or passes(one))
    ]  # fmt: skip
    assert [COLLECTION.rank(one) for one in expected] == sorted(COLLECTION.rank(one) for one in expected)
    assert everything.after(None, 1000) == expected
    assert len(everything) == len(expected)
    for size in (1, 3):
        assert walk(things, size, passes=passes, hidden=hidden) == ids(expected)
    for index, record in enumerate(expected):
        place = everything.place_of(record)
        assert everything.after(place, 4) == expected[index + 1 : index + 5]
        assert everything.before(place, 4) == expected[max(index - 4, 0) : index]


@pytest.mark.parametrize("seed", range(20))
def test_record_that_is_there_all_the_time_is_listed_once(seed: int) -> None:
    chance, things = random.Random(seed), records(20)
    always = {f"g{number}" for number in range(20)} - {f"g{chance.randrange(20)}" for _ in range(8)}

    def shift() -> None:
        key = chance.choice([f"g{number}" for number in range(20)] + [f"a{number}" for number in range(9)])
        if key in always:  # a change that leaves its rank
            things.put({**(things.get(key) or {}), "note": chance.random()})
        elif things.get(key):
            things.delete(key)
        else:
            things.put({"id": key, "time": chance.randrange(4), "even": True})

    seen = walk(things, 2, shift)
    assert sorted(key for key in seen if key in always) == sorted(always)


def test_only_some_records_are_listed_if_their_keys_are_given() -> None:
    things = records(20)
    things.delete("g4")
    things.put({"id": "a", "time": 5, "even": True})
    some = Ranked(things, only=["g3", "a", "g4", "g10", "p0", "unknown", "g99", "a"])
    assert ids(some.after(None, 100)) == ["a", "p0", "g3", "g10"]
    assert len(some) == 4


def test_records_are_looked_at_one_by_one_if_more_decides_than_what_repeats() -> None:
    things = records(20)
    liked = {"g3", "g11", "p0"}

    def passes(record: Record) -> bool:
        return bool(record["even"]) or record["id"] in liked

    ranked = Ranked(things, passes, passes_as_generated=is_even, also=liked)
    expected = [one for one in sorted(things, key=ranked.place_of) if passes(one)]
    assert ranked.after(None, 100) == expected
    assert len(ranked) == len(expected)
    assert walk(things, 2, passes=passes, passes_as_generated=is_even, also=liked) == ids(expected)


def test_list_goes_on_after_an_added_record_that_was_deleted_and_omits_none() -> None:
    things = records(7)
    for key in ("a", "b", "c"):
        things.put({"id": key, "time": 9, "even": True})
    ranked = Ranked(things)
    place = ranked.place(-9, "b")
    things.delete("b")
    assert {"c"} <= set(ids(Ranked(things).after(ranked.place(-9, "b"), 100)))
    assert ids(Ranked(things).after(place, 1)) == ["c"]


def test_page_of_a_large_collection_reads_only_the_first_period() -> None:
    made: list[int] = []

    def make(catalog: Any, number: int) -> Record:
        made.append(number)
        return {"id": f"g{number}", "time": number % PERIOD}

    base = BaseRecords.of("acme", Collection(
        "many", key="id", count=attrgetter("product_count"), make=make, locate=locate,
        rank=lambda record: -record["time"], period=attrgetter("product_period"),
    ), ())  # fmt: skip
    catalog: Catalog = Goods(10_000_000)  # type: ignore[assignment]
    many = Records(base, Draft(catalog, State()))
    assert not Ranked(many).is_fast
    assert ids(Ranked(many).after(None, 2)) == ["g6", "g13"]
    assert len(made) == PERIOD + 2
    assert Ranked(many).is_fast
    assert len(Ranked(many)) == 10_000_000
    last = Ranked(many).place(0, "g9999997")
    assert ids(Ranked(many).before(last, 1)) == ["g9999990"]
    assert len(made) == PERIOD + 3


def test_all_records_with_a_value_are_found() -> None:
    base = BaseRecords.of("acme", Collection(
        "things", key="id", count=attrgetter("product_count"),
        make=lambda catalog, n: {"id": f"g{n}", "sku": f"S{n}"}, locate=locate,
        aliases={"sku": lambda catalog, sku: int(sku[1:]) if sku[0] == "S" else None},
    ), ({"id": "p", "sku": "P"},))  # fmt: skip
    things = Records(base, Draft(Goods(10), State()))  # type: ignore[arg-type]
    things.put({"id": "g2", "sku": "S7"})
    things.put({"id": "new", "sku": "S7"})
    things.put({"id": "g3", "sku": "P"})
    assert [one["id"] for one in things.find_all("sku", "S7")] == ["g2", "g7", "new"]
    assert [one["id"] for one in things.find_all("sku", "P")] == ["p", "g3"]
    assert things.find_all("sku", "S2") == things.find_all("sku", "S99") == []
    things.put({"id": "g7", "sku": "other"})
    things.delete("new")
    assert [one["id"] for one in things.find_all("sku", "S7")] == ["g2"]
