"""All sandboxes as one document: what is in it, and that an import restores it."""

import json
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest

from mockserver import app
from mockserver.control.sandboxes.data_document import export_sandboxes, import_sandboxes
from mockserver.control.sandboxes.document import export_document
from mockserver.data.store.records import Records
from mockserver.sandbox.clock import Clock
from mockserver.sandbox.faults.rules import Faults, Rule
from mockserver.sandbox.registry import Sandboxes
from mockserver.sandbox.sandbox import Sandbox
from mockserver.vendor_api.json_text import decode, pretty
from mockserver.vendor_api.problem import Problem
from mockserver.vendor_api.rate_limits import Limits

INSTANT = datetime(2026, 1, 2, tzinfo=UTC)


@cache
def mock() -> app.Mock:
    return app.build(products=10)


def contracts() -> dict[str, Any]:
    return {contract.vendor.name: contract for contract in mock().contracts}


def registry() -> Sandboxes:
    return Sandboxes(seed=42, products=10)


def set_stock(sandbox: Sandbox, stock: int) -> None:
    with sandbox.transaction() as draft:
        records = Records(contracts()["merchantpro"].base_records["inventory"], draft)
        records.put({**records.get("10001"), "stock": stock})


def stock_of(sandbox: Sandbox) -> int:
    records = Records(contracts()["merchantpro"].base_records["inventory"], sandbox.draft())
    return records.get("10001")["stock"]


def export(sandboxes: Sandboxes, **options: bool) -> Any:
    """Export, and read the result as it would be read from a file."""
    return decode(pretty(export_sandboxes(sandboxes, contracts(), **options)))


def import_into(sandboxes: Sandboxes, document: Any) -> list[str]:
    operation = mock().control.spec.operations["import-sandbox"]
    return [sandbox.name for sandbox in import_sandboxes(document, sandboxes, contracts(), operation)]


CHANGES = {
    "records": lambda sandbox: set_stock(sandbox, 3),
    "frozen": lambda sandbox: sandbox.set_clock(lambda clock: clock.freeze(INSTANT)),
    "advanced": lambda sandbox: sandbox.set_clock(lambda clock: clock.advance(timedelta(days=1))),
    "limits": lambda sandbox: sandbox.set_limits(Limits(enabled=True)),
    "faults": lambda sandbox: sandbox.set_faults(lambda faults: Faults.of([Rule(times=1)])),
}


@pytest.mark.finding("C1")
def test_default_sandbox_and_changed_ones_are_exported_and_imported() -> None:
    sandboxes = registry()
    sandboxes.get_or_create("called-only").begin_call()
    for name, change in CHANGES.items():
        change(sandboxes.get_or_create(name))
    sandboxes.create("other-seed", seed=7)
    document = export(sandboxes)
    assert document["sandboxes"].keys() == {"demo", "other-seed", *CHANGES}

    restored = registry()
    assert import_into(restored, document) == [*document["sandboxes"]]
    assert export(restored) == document
    assert stock_of(restored.get("records")) == 3
    assert restored.get("frozen").clock.now() == INSTANT
    assert restored.get("advanced").clock == Clock(offset=timedelta(days=1))


@pytest.mark.finding("C1")
def test_export_of_one_sandbox_becomes_the_default_sandbox() -> None:
    sandboxes = registry()
    set_stock(sandboxes.get_or_create("spring"), 5)
    document = decode(pretty(export_document(sandboxes.get("spring"), contracts())))
    restored = registry()
    assert import_into(restored, document) == ["demo"]
    assert stock_of(restored.get("demo")) == 5


def test_sandbox_that_its_name_does_not_open_stays_closed_and_its_secrets_are_not_exported() -> None:
    sandboxes = registry()
    private = sandboxes.create("private")
    sandboxes.secrets.issue_credential(private)
    token = sandboxes.secrets.new_control_token(private)
    set_stock(private, 3)
    document = export(sandboxes)
    assert document["issued"] == ["private"]
    assert not any(secret in str(document) for secret in (private.credential, token))

    restored = registry()
    import_into(restored, document)
    found = restored.get("private")
    assert found.issued and found.credential not in ("sbx_private", private.credential)
    assert restored.secrets.sandbox_with_credential(found.credential) is found


@pytest.mark.finding("B7")
def test_equal_sandboxes_give_equal_exports_at_any_time() -> None:
    """A running clock is exported as its distance from real time, so the time of the export is not in it."""

    def exported() -> bytes:
        sandboxes = registry()
        sandboxes.get_or_create("late").set_clock(lambda clock: clock.advance(timedelta(hours=1)))
        return pretty(export_sandboxes(sandboxes, contracts()))

    first = exported()
    assert exported() == first
    clocks = {name: one["clock"] for name, one in json.loads(first)["sandboxes"].items()}
    assert clocks == {"demo": {"frozen": False}, "late": {"frozen": False, "ahead": 3600}}


@pytest.mark.finding("C7")
def test_reset_after_a_restart_returns_to_the_beginning_not_to_the_restart() -> None:
    sandboxes = registry()
    set_stock(sandboxes.get("demo"), 3)
    made = sandboxes.create("made", products=20)
    set_stock(made, 4)
    made.start_from(made.world)
    set_stock(made, 5)
    restored = registry()
    import_into(restored, export(sandboxes, with_initial=True))
    assert [stock_of(restored.get(name)) for name in ("demo", "made")] == [3, 5]
    for name in ("demo", "made"):
        restored.get(name).reset()
    assert [stock_of(restored.get(name)) for name in ("demo", "made")] == [10, 4]


def one(**changes: Any) -> dict[str, Any]:
    return {**export_document(registry().get("demo"), contracts()), **changes}


def several(**changes: Any) -> dict[str, Any]:
    return {"format": "mockserver sandboxes", "version": 1, "sandboxes": {"demo": one()}, **changes}


REFUSED = {
    "a list": ([], "this is not an export of a mockserver: "),
    "another format": ({"format": "har"}, "this is not an export of a mockserver: "),
    "a format that is no text": ({"format": []}, "this is not an export of a mockserver: "),
    "newer": (one(version=2), "a newer mockserver wrote this (version 2): update mockserver"),
    "newer, several": (several(version=9), "a newer mockserver wrote this (version 9): "),
    "no version": (several(version=None), "an export of several sandboxes has "),
    "no sandboxes": (several(sandboxes=[]), "an export of several sandboxes has "),
    "initial": (several(initial=[]), "an export of several sandboxes has "),
    "initial of one": (several(initial={"demo": {}}), ""),
    "issued": (several(issued="demo"), "an export of several sandboxes has "),
    "issued for demo": (several(issued=["demo"]), "the sandbox demo has no credential of its own"),
    "unknown field": (several(more=1), "an export of several sandboxes has "),
    "name": (several(sandboxes={"a b": one()}), "'a b' cannot be the name of a sandbox"),
    "too late": (one(clock={"frozen": False, "ahead": 4e11}), "clock: `ahead` leads beyond the year 9999"),
    "vendor": (
        one(records={"acme": {"items": {"changed": {}, "added": [], "deleted": []}}}),
        "there is no collection acme/items",
    ),
}


@pytest.mark.finding("C1")
@pytest.mark.parametrize("name", REFUSED)
def test_document_that_cannot_be_imported_is_refused_with_a_reason(name: str) -> None:
    document, message = REFUSED[name]
    with pytest.raises(Problem) as caught:
        import_into(registry(), document)
    assert str(caught.value.message).startswith(message)


@pytest.mark.parametrize(
    ("part", "violation"),
    [
        ({"seed": "x"}, ("seed", "type")),
        ({"clock": {"frozen": True}}, ("clock.now", "required")),
        (
            {"clock": {"frozen": True, "now": "2026-01-02T00:00:00Z", "ahead": 1}},
            ("clock.ahead", "undeclared"),
        ),
        ({"clock": {"frozen": "yes"}}, ("clock.frozen", "type")),
        ({"clock": {}}, ("clock.frozen", "required")),
    ],
)
def test_mistake_in_a_document_is_a_violation_with_its_place(
    part: dict[str, Any], violation: tuple[str, str]
) -> None:
    with pytest.raises(Problem) as caught:
        import_into(registry(), one(**part))
    assert [(one.name, one.rule) for one in caught.value.violations] == [violation]
