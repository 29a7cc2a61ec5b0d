"""Records with changes on top: positions, keys and aliases stay right whatever is put or deleted."""

import random

import pytest

from mockserver.catalog.products import Catalog
from mockserver.store.base_records import BaseRecords, Collection
from mockserver.store.records import Records
from mockserver.store.state import Draft, Overlay, State

PINNED = ({"id": "p", "sku": "P"},)


class Ten:
    """Goods of which there are ten."""

    variant_count = 10


def number(prefix: str, text: str) -> int | None:
    return int(text[1:]) if text.startswith(prefix) and text[1:].isdigit() else None


COLLECTION = Collection(
    "things",
    key="id",
    count=lambda catalog: catalog.variant_count,
    make=lambda catalog, n: {"id": f"g{n}", "sku": f"S{n}"},
    locate=lambda catalog, key: number("g", key),
    aliases={"sku": lambda catalog, sku: number("S", sku)},
)
SHELF = BaseRecords.of("acme", COLLECTION, PINNED)


def records(state: State | None = None) -> tuple[Records, Draft]:
    catalog: Catalog = Ten()  # type: ignore[assignment]
    draft = Draft(catalog, state or State())
    return Records(SHELF, draft), draft


def test_the_pages_own_records_come_first_and_the_generated_ones_after() -> None:
    things, _ = records()
    assert [thing["id"] for thing in things] == ["p", *(f"g{n}" for n in range(10))]


def test_a_put_record_stays_where_it_was_and_is_found_by_its_new_alias_only() -> None:
    things, _ = records()
    things.put({"id": "g3", "sku": "NEW"})
    assert things.at(4) == {"id": "g3", "sku": "NEW"}
    assert things.find("sku", "NEW") == things.get("g3")
    assert things.find("sku", "S3") is None


def test_a_deleted_record_closes_the_gap_and_stands_again_when_put_back() -> None:
    things, _ = records()
    things.delete("g3")
    assert (len(things), things.get("g3"), things.find("sku", "S3")) == (10, None, None)
    assert things.at(4)["id"] == "g4"
    assert things.position("g4") == 4
    things.put({"id": "g3", "sku": "S3"})
    assert [thing["id"] for thing in things][4] == "g3"


def test_a_new_record_comes_last_and_leaves_no_trace_when_deleted() -> None:
    things, draft = records()
    things.put({"id": "x", "sku": "X"})
    assert things.at(11) == things.find("sku", "X") == {"id": "x", "sku": "X"}
    assert things.position("x") == 11
    things.delete("x")
    assert (len(things), things.get("x"), things.find("sku", "X")) == (11, None, None)
    assert [*draft.state.overlays.values()] == [Overlay()] and draft.state.changes == 0


def test_a_draft_changes_nothing_but_itself() -> None:
    things, draft = records()
    before = draft.state
    things.put({"id": "g1", "sku": "other"})
    unchanged, _ = records(before)
    assert unchanged.get("g1") == {"id": "g1", "sku": "S1"}


@pytest.mark.parametrize("seed", range(20))
def test_any_walk_of_changes_agrees_with_a_plain_list(seed: int) -> None:
    chance, (things, _) = random.Random(seed), records()
    model = [dict(thing) for thing in things]
    original = [thing["id"] for thing in model]
    for step in range(60):
        key = chance.choice([*original, "new1", "new2", "new3"])
        known = [n for n, thing in enumerate(model) if thing["id"] == key]
        if known and chance.random() < 0.5:
            things.delete(key)
            del model[known[0]]
        else:
            record = {"id": key, "sku": f"{key}-{step}"}
            things.put(record)
            if known:
                model[known[0]] = record
            elif key in original:  # back to its place among the original ones that are left
                before = set(original[: original.index(key)])
                model.insert(sum(thing["id"] in before for thing in model), record)
            else:
                model.append(record)
        assert [*things] == model
        assert things[3:7] == model[3:7]
        assert all(things.position(thing["id"]) == n for n, thing in enumerate(model))
        assert all(things.find("sku", thing["sku"]) == thing for thing in model)
