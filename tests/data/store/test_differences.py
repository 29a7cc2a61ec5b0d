"""Two states of a collection are compared by their changed records alone."""

import random

import pytest

from mockserver.data.catalog.products import Catalog
from mockserver.data.store.differences import differences
from mockserver.data.store.state import State
from tests.data.store.test_records import BASE, TenVariants, records

CATALOG: Catalog = TenVariants()  # type: ignore[assignment]


def test_added_changed_and_deleted_records_are_found_in_order() -> None:
    things, before = records()
    things.put({"id": "x", "sku": "X"})
    things.put({"id": "y", "sku": "Y"})
    later, after = records(before.state)
    later.put({"id": "z", "sku": "Z"})
    later.put({"id": "g2", "sku": "new"})
    later.delete("x", "g1", "p")
    later.put({"id": "g7", "sku": "other"})
    later.put({"id": "g7", "sku": "S7"})
    found = list(differences(BASE, CATALOG, before.state, after.state))
    assert found == [
        ("p", {"id": "p", "sku": "P"}, None),
        ("g1", {"id": "g1", "sku": "S1"}, None),
        ("g2", {"id": "g2", "sku": "S2"}, {"id": "g2", "sku": "new"}),
        ("x", {"id": "x", "sku": "X"}, None),
        ("z", None, {"id": "z", "sku": "Z"}),
    ]
    assert not list(differences(BASE, CATALOG, State(), State()))


@pytest.mark.parametrize("seed", range(20))
def test_differences_of_random_states_are_those_of_all_their_records(seed: int) -> None:
    rng, states = random.Random(seed), [State()]
    for step in range(40):
        things, draft = records(rng.choice(states))
        key = rng.choice(["p", "new1", "new2", *(f"g{n}" for n in range(10))])
        if rng.random() < 0.4 and things.get(key):
            things.delete(key)
        elif rng.random() < 0.3 and not key.startswith("new"):
            things.restore_original(key)
        else:
            things.put({"id": key, "sku": f"{key}-{step % 3}"})
        states.append(draft.state)
    for _ in range(40):
        before, after = rng.choice(states), rng.choice(states)
        old, new = ({str(one["id"]): one for one in records(state)[0]} for state in (before, after))
        expected = {key: (old.get(key), new.get(key)) for key in old | new if old.get(key) != new.get(key)}
        found = list(differences(BASE, CATALOG, before, after))
        assert {key: (one, now) for key, one, now in found} == expected
        assert len(found) == len(expected)
