"""Positions, keys and aliases of records stay correct after records are put and deleted."""

import random

import pytest

from mockserver.data.catalog.products import Catalog
from mockserver.data.store.base_records import BaseRecords, Collection
from mockserver.data.store.records import Records
from mockserver.data.store.state import Draft, Overlay, State

FIXTURES = ({"id": "p", "sku": "P"},)


class TenVariants:
    """A catalog of ten variants that has only the attributes used by a collection."""

    variant_count = 10


def number_after(prefix: str, text: str) -> int | None:
    return int(text[1:]) if text.startswith(prefix) and text[1:].isdigit() else None


COLLECTION = Collection(
    "things",
    key="id",
    count=lambda catalog: catalog.variant_count,
    make=lambda catalog, n: {"id": f"g{n}", "sku": f"S{n}"},
    locate=lambda catalog, key: number_after("g", key),
    aliases={"sku": lambda catalog, sku: number_after("S", sku)},
)
BASE = BaseRecords.of("acme", COLLECTION, FIXTURES)


def records(state: State | None = None) -> tuple[Records, Draft]:
    catalog: Catalog = TenVariants()  # type: ignore[assignment]
    draft = Draft(catalog, state or State())
    return Records(BASE, draft), draft


def test_fixtures_come_before_generated_records() -> None:
    things, _ = records()
    assert [thing["id"] for thing in things] == ["p", *(f"g{n}" for n in range(10))]


def test_replaced_record_keeps_its_position_and_loses_its_old_alias() -> None:
    things, _ = records()
    things.put({"id": "g3", "sku": "NEW"})
    assert things.at(4) == {"id": "g3", "sku": "NEW"}
    assert things.find("sku", "NEW") == things.get("g3")
    assert things.find("sku", "S3") is None


def test_deleted_record_returns_to_its_position_when_put_again() -> None:
    things, _ = records()
    things.delete("g3")
    assert (len(things), things.get("g3"), things.find("sku", "S3")) == (10, None, None)
    assert things.at(4)["id"] == "g4"
    assert things.position("g4") == 4
    things.put({"id": "g3", "sku": "S3"})
    assert [thing["id"] for thing in things][4] == "g3"


def test_added_record_is_last_and_leaves_no_trace_when_deleted() -> None:
    things, draft = records()
    things.put({"id": "x", "sku": "X"})
    assert things.at(11) == things.find("sku", "X") == {"id": "x", "sku": "X"}
    assert things.position("x") == 11
    things.delete("x")
    assert (len(things), things.get("x"), things.find("sku", "X")) == (11, None, None)
    assert [*draft.state.overlays.values()] == [Overlay()] and draft.state.changes == 0


@pytest.mark.finding("A3")
def test_many_records_are_deleted_as_one_by_one() -> None:
    together, draft = records()
    together.put({"id": "x", "sku": "X"})
    one_by_one, other = records(draft.state)
    keys = ["g7", "p", "x", "g0", "g3", "g7"]
    together.delete(*keys)
    for key in dict.fromkeys(keys):
        one_by_one.delete(key)
    assert draft.state == other.state
    assert [thing["id"] for thing in together] == ["g1", "g2", "g4", "g5", "g6", "g8", "g9"]
    for key in ("g3", "g0"):
        together.put({"id": key, "sku": key})
    assert [thing["id"] for thing in together][:4] == ["g0", "g1", "g2", "g3"]


def test_original_is_restored_without_a_trace() -> None:
    things, draft = records()
    things.put({"id": "g3", "sku": "NEW"})
    things.delete("g5", "p")
    for key in ("g3", "g5", "p", "g7"):
        things.restore_original(key)
    assert [thing["id"] for thing in things] == ["p", *(f"g{n}" for n in range(10))]
    assert (things.find("sku", "S3"), things.find("sku", "NEW")) == ({"id": "g3", "sku": "S3"}, None)
    assert [*draft.state.overlays.values()] == [Overlay()] and draft.state.changes == 0


def test_alias_of_a_restored_original_leaves_that_of_another_record() -> None:
    things, _ = records()
    things.put({"id": "g3", "sku": "A"})
    things.put({"id": "g3", "sku": "B"})
    things.put({"id": "g4", "sku": "A"})
    things.restore_original("g3")
    assert things.find("sku", "A") == {"id": "g4", "sku": "A"}
    assert (things.find("sku", "B"), things.find("sku", "S4")) == (None, None)


def test_put_in_a_draft_does_not_change_the_old_state() -> None:
    things, draft = records()
    before = draft.state
    things.put({"id": "g1", "sku": "other"})
    unchanged, _ = records(before)
    assert unchanged.get("g1") == {"id": "g1", "sku": "S1"}


@pytest.mark.parametrize("seed", range(20))
def test_random_changes_have_the_same_effect_as_on_a_list(seed: int) -> None:
    rng, (things, _) = random.Random(seed), records()
    model = [dict(thing) for thing in things]
    originals = {str(thing["id"]): thing for thing in model}
    original = [*originals]
    for step in range(60):
        key = rng.choice([*original, "new1", "new2", "new3"])
        known = [n for n, thing in enumerate(model) if thing["id"] == key]
        restored = key in originals and rng.random() < 0.3
        if known and not restored and rng.random() < 0.5:
            things.delete(key)
            del model[known[0]]
        else:
            record = originals[key] if restored else {"id": key, "sku": f"{key}-{step}"}
            things.restore_original(key) if restored else things.put(record)
            if known:
                model[known[0]] = record
            elif key in original:  # a deleted record returns to its place among the original records
                before = set(original[: original.index(key)])
                model.insert(sum(thing["id"] in before for thing in model), record)
            else:
                model.append(record)
        assert [*things] == model
        assert things[3:7] == model[3:7]
        assert all(things.position(thing["id"]) == n for n, thing in enumerate(model))
        assert all(things.find("sku", thing["sku"]) == thing for thing in model)


def test_added_records_keep_their_order_after_others_were_deleted() -> None:
    things, _ = records()
    for name in "abc":
        things.put({"id": name, "sku": name})
    things.delete("c")
    things.put({"id": "d", "sku": "d"})
    assert [thing["id"] for thing in things[11:]] == ["a", "b", "d"]
