"""A sandbox as named parts: whatever happens to it, they tell exactly what it is, and are few."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import convert, structs

from mockserver.data.store.records import Records
from mockserver.data.store.state import Overlay
from mockserver.sandbox.dialects import Dialects
from mockserver.sandbox.faults import fault_types
from mockserver.sandbox.faults.rules import Faults, Rule
from mockserver.sandbox.log.contents import Contents, contents_of, restore
from mockserver.sandbox.log.parts import apply, difference, fingerprint_of, whole
from mockserver.sandbox.log.world_parts import state_from, state_text
from mockserver.sandbox.registry import Sandboxes
from mockserver.sandbox.sandbox import Sandbox
from mockserver.sandbox.webhooks.outbox import Outbox
from mockserver.sandbox.world import World
from mockserver.vendor_api.rate_limits import Limits
from tests.conftest import ROOT
from tests.sandbox.parts import steps
from tests.sandbox.parts.followed import Followed, exactly
from tests.sandbox.parts.steps import COLLECTIONS, NOON, STEPS

Turns = list[list[tuple[str, int]]]
TURN = st.lists(st.tuples(st.sampled_from([*STEPS]), st.integers(0, 200)), min_size=1, max_size=3)
WIDE = next(base for base in COLLECTIONS if base.collection.count and base.vendor == "merchantpro")


def new_sandbox(products: int = 12) -> tuple[Sandbox, World]:
    """Return a new sandbox, and the world that is common to all sandboxes of its server."""
    sandboxes = Sandboxes(7, products)
    return sandboxes.get_or_create("box"), sandboxes.initial


def ignore(outbox: Outbox) -> None:
    pass


@pytest.fixture
def followed() -> Followed:
    return Followed(*new_sandbox())


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.lists(TURN, min_size=5, max_size=30))
def test_parts_tell_exactly_what_a_sandbox_is_after_every_turn(turns: Turns) -> None:
    sandbox, common = new_sandbox()
    copy, _ = new_sandbox()
    followed = Followed(sandbox, common)
    for turn in turns:
        before = followed.contents

        def carry_out(turn: list[tuple[str, int]] = turn) -> None:
            for step, number in turn:
                STEPS[step](sandbox, number)

        followed.after(carry_out)
        restore(copy, followed.elsewhere, ignore)
        assert exactly(contents_of(copy)) == exactly(followed.contents)
        assert copy.untouched == sandbox.untouched
        restore(sandbox, before, ignore)  # as after a lost race
        assert exactly(contents_of(sandbox)) == exactly(before)
        restore(sandbox, followed.contents, ignore)


def test_new_sandbox_has_no_parts_but_its_properties() -> None:
    sandbox, common = new_sandbox()
    assert whole(contents_of(sandbox), common).keys() == {"about"}


# What each step writes, one after the other. A part in brackets is removed.
STORY: list[tuple[str, int, set[str]]] = [
    ("begin a call", 0, {"calls"}),
    ("change a record", 3, {"calls", "changes/next/", "changes/record/", "state"}),
    ("change it again", 3, {"calls", "changes/record/"}),
    ("delete it", 3, {"calls", "changes/record/", "changes/deleted/"}),
    ("put it back as it was", 3, {"calls", "(changes/record/)", "(changes/deleted/)", "state"}),
    ("add a record", 0, {"calls", "changes/record/", "changes/added/", "changes/next/", "state"}),
    ("delete the added one", 0, {"calls", "(changes/record/)", "(changes/added/)", "changes/next/", "state"}),
    ("freeze the clock", 0, {"clock"}),
    ("set limits", 0, {"limits"}),
    ("count a call", 0, {"calls", "usage/"}),
    ("count it once more", 0, {"calls", "usage/"}),
    ("set a fault", 0, {"rules", "counts"}),
    ("let it count", 0, {"calls", "counts"}),
    ("choose a dialect", 0, {"dialects"}),
    ("change a record", 5, {"calls", "changes/record/", "state"}),
    ("take a snapshot", 0, {"frozen/", "snapshot/", "state"}),
    ("change a record", 6, {"calls", "changes/record/", "state"}),
    ("return to the snapshot", 0, {"calls", "state"}),
    ("return to the snapshot", 0, {"state"}),
    (
        "reset",
        0,
        {"(calls)", "(clock)", "(limits)", "(usage/)", "(rules)", "(counts)", "(dialects)", "state"},
    ),
    ("drop the snapshot", 0, {"(snapshot/)", "(frozen/)"}),
    ("reset", 0, {"state"}),
]


def act(sandbox: Sandbox, what: str, number: int) -> None:
    """Carry out a step of the story. Those that are calls of clients count as such."""
    at = COLLECTIONS.index(WIDE)
    key = WIDE.collection.key
    match what:
        case "freeze the clock":
            return sandbox.set_clock(lambda clock: clock.freeze(NOON))
        case "set limits":
            return sandbox.set_limits(Limits(enabled=True))
        case "set a fault":
            return sandbox.set_faults(lambda faults: Faults.of([Rule(times=2)]))
        case "choose a dialect":
            return sandbox.set_dialects(Dialects("observed"))
        case "take a snapshot":
            return sandbox.take_snapshot("one")
        case "return to the snapshot":
            return sandbox.restore("one")
        case "drop the snapshot":
            return sandbox.drop_snapshot("one")
        case "reset":
            return sandbox.reset()
    sandbox.begin_call()
    match what:
        case "count a call" | "count it once more":
            return steps.count_call(sandbox, 0)
        case "let it count":
            return steps.count_faults(sandbox, 0)
    with sandbox.transaction() as draft:
        records = Records(COLLECTIONS[at], draft)
        match what:
            case "change a record" | "change it again":
                records.put({**records.at(number), "stock": sandbox.calls})
            case "delete it":
                records.delete(str(records.at(number)[key]))
            case "put it back as it was":
                records.restore_original(next(iter(dict(draft.state.overlays[WIDE.id].changed))))
            case "add a record":
                records.put({key: "new"})
            case "delete the added one":
                records.delete("new")


def test_each_step_writes_what_it_changes_and_nothing_else(followed: Followed) -> None:
    for what, number, expected in STORY:
        parts = followed.after(lambda what=what, number=number: act(followed.sandbox, what, number))  # type: ignore[misc]
        assert {kind_of(name, part) for name, part in parts.items()} == expected, what


def kind_of(name: str, part: bytes | None) -> str:
    kind = next((one for one in KINDS if name.startswith(one)), name)
    return f"({kind})" if part is None else kind


KINDS = [f"changes/{kind}/" for kind in ("record", "added", "deleted", "alias", "next")]
KINDS += ["usage/", "snapshot/", "frozen/"]


def with_many_changes(products: int) -> Followed:
    """Return a sandbox in which every record of a large collection is changed, some deleted, some added."""
    sandbox, common = new_sandbox(products)
    with sandbox.transaction() as draft:
        records = Records(WIDE, draft)
        keys = [str(record[WIDE.collection.key]) for record in records]
        for number in range(len(keys)):
            records.put({**records.at(number), "stock": number})
            records.put({WIDE.collection.key: f"new {number}"})
        records.delete(*keys[::3])
    return Followed(sandbox, common)


@pytest.mark.parametrize(
    "step",
    [lambda box: box.reset(), lambda box: box.restore("s"), lambda box: box.start_from(box.snapshots["s"])],
    ids=["reset", "restore", "start from"],
)
def test_return_to_a_known_world_writes_little_however_much_has_changed(
    step: Callable[[Sandbox], None],
) -> None:
    followed = with_many_changes(100)
    followed.after(lambda: followed.sandbox.take_snapshot("s"))
    followed.after(lambda: steps.put(followed.sandbox, 1))
    parts = followed.after(lambda: step(followed.sandbox))
    assert sum(len(name) + len(part or b"") for name, part in parts.items()) < 600
    followed.after(lambda: steps.put(followed.sandbox, 2))


class Unscanned:
    """A mapping with many members: to ask for one is allowed, but not to look at all."""

    def __init__(self, mapping: Any) -> None:
        self._mapping = mapping

    def get(self, key: Any, default: Any = None) -> Any:
        return self._mapping.get(key, default)

    def __len__(self) -> int:
        return len(self._mapping)


def unscanned(contents: Contents) -> Contents:
    def hidden(overlay: Overlay) -> Overlay:
        maps = {name: Unscanned(getattr(overlay, name)) for name in ("changed", "added", "aliases")}
        return structs.replace(overlay, **maps)

    overlays = {id: hidden(overlay) for id, overlay in contents.state.overlays.items()}
    return structs.replace(contents, state=structs.replace(contents.state, overlays=overlays))


@pytest.mark.parametrize("record", [{}, {"sku": "another"}, {"id": "added now", "sku": "with it"}], ids=str)
def test_write_looks_only_at_what_it_has_touched(record: dict[str, Any]) -> None:
    sandbox = with_many_changes(30).sandbox
    sandbox.touched, before = set(), contents_of(sandbox)
    with sandbox.transaction() as draft:
        Records(WIDE, draft).put({**Records(WIDE, draft).at(5), "stock": 7, **record})
    after = contents_of(sandbox)
    compared = difference(before, after)
    assert difference(unscanned(before), unscanned(after), sandbox.touched) == compared
    with pytest.raises(AttributeError, match="items"):
        difference(unscanned(before), unscanned(after))


FAULTS = [
    {"type": "committed_reply_lost"},
    {"type": "compressed", "broken": True},
    {"type": "empty_reply"},
    {"type": "gateway", "status": 504, "server": "cloudflare"},
    {"type": "malformed_body"},
    {"type": "no_answer", "seconds": 0.25},
    {"type": "page_shift", "change": "remove"},
    {"type": "problem", "kind": "not_found"},
    {"type": "reset"},
    {"type": "response", "status": 200, "headers": {"X-A": "b"}, "body": {"price": 12.5, "items": [None]}},
    {"type": "slow_body", "seconds": 1.5, "chunks": 3},
    {"type": "stale_reads", "reads": 2, "seconds": 0.5},
    {"type": "status", "status": 418},
    {"type": "truncated_body", "part": 0.75},
]


def test_world_whose_records_are_plain_json_is_kept_as_plain_json() -> None:
    sandbox, _ = new_sandbox()
    for number in range(20):
        steps.add(sandbox, number)
    state = contents_of(sandbox).state
    assert sum(len(overlay.added) for overlay in state.overlays.values()) > 1
    assert b"\\u0000" not in state_text(state), "tags take three times as long"
    assert state_from(state_text(state)) == state


def test_rule_of_every_fault_comes_back(followed: Followed) -> None:
    assert {fault["type"] for fault in FAULTS} == fault_types().keys()
    faults = [convert(fault, fault_types()[str(fault["type"])]) for fault in FAULTS]
    followed.after(
        lambda: followed.sandbox.set_faults(lambda _: Faults.of([Rule(fault=one) for one in faults]))
    )
    assert [counted.rule.fault for counted in followed.elsewhere.faults.rules] == faults


def test_sandbox_on_a_server_with_another_beginning_refers_to_it() -> None:
    sandboxes = Sandboxes(7, 12)
    begun = with_many_changes(100).sandbox.world
    sandboxes.begin_with(replace(begun, dialects=Dialects("observed"), limits=Limits(enabled=True)))
    common = sandboxes.initial
    followed = Followed(sandboxes.get_or_create("new"), common)
    assert sum(map(len, followed.parts.values())) < 400
    assert followed.elsewhere.initial is common and followed.elsewhere.state is common.state
    followed.after(lambda: steps.put(followed.sandbox, 1))
    followed.after(followed.sandbox.reset)
    assert followed.elsewhere.state is common.state


def test_commit_tells_what_it_has_touched_only_to_who_asks(followed: Followed) -> None:
    sandbox = followed.sandbox
    steps.put(sandbox, 3)
    assert sandbox.touched is None
    sandbox.touched = set()
    steps.put(sandbox, 3)
    steps.fail(sandbox, 4)
    steps.try_out(sandbox, 5)
    assert {one[:2] for one in sandbox.touched} == {steps.base_of(3).id}
    sandbox.reset()
    assert sandbox.touched is None, "compare instead"


def test_fingerprint_of_a_world_is_the_same_in_every_process() -> None:
    """Python orders sets of texts differently in each process, and with them the records of a state."""
    program = (
        "from tests.sandbox.parts.test_parts import *;"
        "print(fingerprint_of(with_many_changes(30).contents.world), end='')"
    )
    found = {
        subprocess.check_output(
            [sys.executable, "-c", program], env={**os.environ, "PYTHONHASHSEED": seed}, cwd=ROOT, text=True
        )
        for seed in "12"
    }
    assert found == {fingerprint_of(with_many_changes(30).contents.world)}


def test_fingerprint_tells_worlds_apart() -> None:
    sandbox, common = new_sandbox()
    worlds = [common]
    for step in ("put", "add", "set_faults", "set_limits", "set_clock", "set_dialects", "read", "show_stale"):
        STEPS[step](sandbox, 1)
        worlds.append(sandbox.world)
    assert len({fingerprint_of(world) for world in worlds}) == len(worlds)


def test_prefix_removes_all_changes_before_others_are_set(followed: Followed) -> None:
    for number in range(12):
        followed.after(lambda number=number: steps.put(followed.sandbox, number))  # type: ignore[misc]
    name = min(name for name in followed.parts if name.startswith("changes/record/"))
    _, _, vendor, collection, key = name.split("/", 4)
    left = {
        name: followed.parts[name],
        f"changes/next/{vendor}/{collection}": b"1",
        "state": b'["",0,[1,0,0]]',
    }
    overlays = apply(followed.contents, "changes/", left, followed.common).state.overlays
    assert {id: [*overlay.changed] for id, overlay in overlays.items()} == {(vendor, collection): [key]}
