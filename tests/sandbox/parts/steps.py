"""Steps that change a sandbox in every way. Each has a number, which chooses what exactly it does."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from mockserver import app
from mockserver.data.store.records import Records
from mockserver.data.store.state import State
from mockserver.sandbox.clock import Clock
from mockserver.sandbox.dialects import Dialects
from mockserver.sandbox.faults.delays import Fixed, Lognormal, Uniform
from mockserver.sandbox.faults.page_shift import PageShift
from mockserver.sandbox.faults.response import ResponseFault
from mockserver.sandbox.faults.rules import Faults, Rule
from mockserver.sandbox.faults.status import StatusFault
from mockserver.sandbox.sandbox import Sandbox
from mockserver.sandbox.webhooks.outbox import Outbox
from mockserver.sandbox.webhooks.webhook import Delivery, Webhook
from mockserver.vendor_api.rate_limits import Limits

CONTRACTS = [app.load_contract(vendor) for vendor in app.vendor_names()]
COLLECTIONS = [base for contract in CONTRACTS for base in contract.base_records.values()]
WITH_ALIASES = [base for base in COLLECTIONS if base.collection.aliases]
LIMITED = [contract.vendor for contract in CONTRACTS if contract.vendor.limits]
NOON = datetime(2026, 1, 2, 12, 0, 0, 123456, UTC)
ODD = [
    5, Decimal("5.0"), Decimal("12.50"), Decimal("1E+22"), Decimal("5"), 12.5, 1e22, -0.0, True, None, "5",
    "", 10**30, (1, (2.0,)), [Decimal("0.10"), {}], {"b": 1, "a": {"\x00": 2}}, "\x00", "é\u2028\U0001f600",
]  # fmt: skip
FAULTS = [
    Rule(),
    Rule(vendor="narvar", path={"a": "b"}, query={"c": "d"}, headers={"e": "f"}, delay=Fixed(1.5)),
    Rule(fault=StatusFault(503), times=2, after=1, every=3, probability=0.5, delay=Uniform(0.1, 0.2)),
    Rule(fault=PageShift("insert"), since=NOON, until=NOON + timedelta(days=1), delay=Lognormal(1.0, 2.0)),
    Rule(fault=ResponseFault(200, {"X-A": "b"}, {"price": 12.5, "text": "é", "list": [1, None]})),
]


def base_of(number: int) -> Any:
    """Return a collection: two times out of three one whose records have aliases, and more often change."""
    return (*WITH_ALIASES, COLLECTIONS[number // 3 % len(COLLECTIONS)])[number % 3]


def changed_record(record: Any, number: int) -> dict[str, Any]:
    """Return a record with an odd value in some field that is not an id, and perhaps another order."""
    fields = {**record, "extra": ODD[number % len(ODD)]}
    return dict(reversed(fields.items())) if number % 2 else fields


def put(sandbox: Sandbox, number: int) -> None:
    """Change an original record, or one that was changed before."""
    base = base_of(number)
    with sandbox.transaction() as draft:
        records = Records(base, draft)
        if len(records):
            records.put(changed_record(records.at(number % len(records)), number))


def add(sandbox: Sandbox, number: int) -> None:
    """Add one of a few records, or change it. Some have an alias in common, which they take and leave."""
    base = base_of(number)
    with sandbox.transaction() as draft:
        record: dict[str, Any] = {base.collection.key: f"new/{number // 3 % 4}", "size": number}
        for alias in base.collection.aliases:
            record[alias] = f"alias {number % 7}" if number % 5 else None
        Records(base, draft).put(record)


def delete(sandbox: Sandbox, number: int) -> None:
    base = base_of(number)
    with sandbox.transaction() as draft:
        records = Records(base, draft)
        count = min(len(records), 1 + number % 3)
        keys = [
            str(records.at((number + place) % len(records))[base.collection.key]) for place in range(count)
        ]
        records.delete(*keys)


def delete_added(sandbox: Sandbox, number: int) -> None:
    """Delete one of the records that `add` adds, and perhaps add another one in the same transaction."""
    base = base_of(number)
    with sandbox.transaction() as draft:
        records = Records(base, draft)
        for key in (f"new/{number // 3 % 4}", f"new/{number // 3 % 3}"):
            if records.get(key) is not None:
                records.delete(key)
        if number % 2:
            records.put({base.collection.key: f"new/{number // 6 % 5}"})


def put_back(sandbox: Sandbox, number: int) -> None:
    """Undo the changes to a record."""
    with sandbox.transaction() as draft:
        for id, overlay in [*draft.state.overlays.items()][number % 3 :: 3]:
            base = next(one for one in COLLECTIONS if one.id == id)
            added = set(overlay.added.values())
            for key in sorted(set(overlay.changed) - added)[number % 2 :: 2]:
                Records(base, draft).restore_original(key)


def swap_aliases(sandbox: Sandbox, number: int) -> None:
    """Let a record take an alias from another one and leave it again, in one transaction."""
    base = next(
        one for one in COLLECTIONS[number % len(COLLECTIONS) :] + COLLECTIONS if one.collection.aliases
    )
    alias, key = next(iter(base.collection.aliases)), base.collection.key
    with sandbox.transaction() as draft:
        records = Records(base, draft)
        for name, value in (("one", "X"), ("other", "Y"), ("other", "X"), ("other", "Y"))[number % 3 :]:
            records.put({key: name, alias: value})


def fail(sandbox: Sandbox, number: int) -> None:
    """Change a record in a transaction that fails."""
    with pytest.raises(ZeroDivisionError), sandbox.transaction() as draft:
        Records(base_of(number), draft).put({base_of(number).collection.key: "never"})
        raise ZeroDivisionError


def try_out(sandbox: Sandbox, number: int) -> None:
    """Change a record as a client whose writes are not kept."""
    sandbox.keeps_writes = False
    draft = sandbox.draft()
    with sandbox.client_transaction(draft, None):
        Records(base_of(number), draft).put({base_of(number).collection.key: "never"})


def make_product(sandbox: Sandbox, number: int) -> None:
    with sandbox.transaction() as draft:
        draft.state = structs.replace(draft.state, products_made=draft.state.products_made + 1)


def show_stale(sandbox: Sandbox, number: int) -> None:
    """Show the state before a write for a while, as the fault `stale_reads` does."""
    with sandbox.transaction(
        on_commit=lambda state: sandbox.show_stale(state, number % 4 or None, 30.5)
    ) as draft:
        Records(base_of(number), draft).put({base_of(number).collection.key: f"fresh{number % 2}"})


def read(sandbox: Sandbox, number: int) -> None:
    sandbox.begin_call()
    sandbox.draft_for_read()


def set_faults(sandbox: Sandbox, number: int) -> None:
    rules = [FAULTS[(number + place) % len(FAULTS)] for place in range(number % 4)]
    sandbox.set_faults(lambda faults: faults.replaced(rules) if number % 2 else Faults.of(rules))


def count_faults(sandbox: Sandbox, number: int) -> None:
    def counted(faults: Faults) -> Faults:
        return replace(faults, rules=tuple(rule.count(0.1, NOON) for rule in faults.rules))

    sandbox.set_faults(counted)


def set_limits(sandbox: Sandbox, number: int) -> None:
    vendor = LIMITED[number % len(LIMITED)]
    overrides = {vendor.name: {vendor.limits[0].name: number % 50}} if number % 3 else {}
    sandbox.set_limits(Limits(bool(number % 4), overrides))


def count_call(sandbox: Sandbox, number: int) -> None:
    vendor, client = LIMITED[number % len(LIMITED)], {"credential": f"sbx_\udcff{number % 3}", "store": "/é"}
    limits, _ = sandbox.limits.count(vendor.name, vendor.limits, client, sandbox.clock.now())
    sandbox.set_limits(limits)


CLOCKS: list[Callable[[Clock], Clock]] = [
    lambda clock: clock.freeze(NOON),
    lambda clock: clock.freeze(datetime.max.replace(tzinfo=UTC)),
    lambda clock: clock.set(datetime(1, 1, 1, tzinfo=UTC)),
    lambda clock: replace(clock, offset=timedelta(microseconds=-1)),
    lambda clock: replace(clock, offset=timedelta.max),
    lambda clock: Clock(),
    lambda clock: clock.resume(),
]


def set_clock(sandbox: Sandbox, number: int) -> None:
    sandbox.set_clock(CLOCKS[number % len(CLOCKS)])


def set_dialects(sandbox: Sandbox, number: int) -> None:
    choices = Dialects(), Dialects("observed"), Dialects("observed", {"narvar": "documented"})
    sandbox.set_dialects(choices[number % len(choices)])


def reset(sandbox: Sandbox, number: int) -> None:
    sandbox.reset()
    if number % 3 == 0:
        put(sandbox, number)


def snapshot(sandbox: Sandbox, number: int) -> None:
    sandbox.take_snapshot(f"s/{number % 3}")
    if number % 4 == 0:
        put(sandbox, number)


def return_to_snapshot(sandbox: Sandbox, number: int) -> None:
    if names := sorted(sandbox.snapshots):
        sandbox.restore(names[number % len(names)])


def drop_snapshot(sandbox: Sandbox, number: int) -> None:
    if names := sorted(sandbox.snapshots):
        sandbox.drop_snapshot(names[number % len(names)])


def start_from(sandbox: Sandbox, number: int) -> None:
    worlds = sandbox.world, replace(sandbox.world, state=State()), replace(sandbox.initial, calls=number)
    sandbox.start_from(worlds[number % len(worlds)])


def set_initial(sandbox: Sandbox, number: int) -> None:
    """Change the world to which a reset returns, and nothing else, as an import of a file does."""
    sandbox.initial = (
        replace(sandbox.initial, calls=number) if number % 2 else replace(sandbox.world, state=State())
    )


def register_webhook(sandbox: Sandbox, number: int) -> None:
    outbox = sandbox.outbox = sandbox.outbox or Outbox(sandbox, lambda outbox: None)
    id = outbox.next_id("w")
    if not outbox.add(Webhook(id, "shoplazza", ("a", "b"), "http://127.0.0.1/é", "id", "secret", NOON)):
        outbox.remove(outbox.webhooks[number % len(outbox.webhooks)].id)


def keep_delivery(sandbox: Sandbox, number: int) -> None:
    if not (sandbox.outbox and sandbox.outbox.webhooks):
        register_webhook(sandbox, number)
    outbox = sandbox.outbox
    assert outbox is not None
    due = NOON + timedelta(hours=number) if number % 3 else None
    headers = {"X-Signature": "é"}
    id = next(iter(outbox.kept), "") if number % 2 else ""
    delivery = Delivery(id or outbox.next_id("d"), outbox.webhooks[0], "a", NOON, headers, b"\x00{}", due=due)
    delivery.state = "delivered" if number % 4 == 3 else "waiting"
    outbox.keep(delivery, number)


def change_properties(sandbox: Sandbox, number: int) -> None:
    sandbox.ttl = timedelta(seconds=number, microseconds=1)
    sandbox.ends = NOON + timedelta(days=number)
    sandbox.control_digest = bytes([number % 256]) * 32


STEPS = {step.__name__: step for step in [
    put, add, delete, delete_added, put_back, swap_aliases, fail, try_out, make_product, show_stale, read,
    set_faults, count_faults, set_limits, count_call, set_clock, set_dialects, reset, snapshot,
    return_to_snapshot, drop_snapshot, start_from, set_initial, register_webhook, keep_delivery,
    change_properties,
]}  # fmt: skip
