"""A sandbox as one document that a person can read and edit, and back."""

from collections.abc import Iterator, Mapping
from typing import Any

from mockserver.catalog.products import iso_timestamp
from mockserver.contract.contract import Contract
from mockserver.control.rules import written_rules
from mockserver.sandbox.sandbox import Sandbox
from mockserver.store.base_records import Record
from mockserver.store.records import Records
from mockserver.store.state import Draft, State
from mockserver.vendor_api.problem import Problem
from mockserver.vendor_api.rate_limits import Limits

MAX_CALLS = 2**53 - 1
FORMAT, VERSION = "mockserver sandbox", 1


def export(sandbox: Sandbox, contracts: Mapping[str, Contract]) -> dict[str, Any]:
    """Everything that makes a sandbox what it is, but for its snapshots."""
    world = sandbox.world
    records: dict[str, dict[str, Any]] = {}
    for vendor, contract in contracts.items():
        for name, base in contract.base_records.items():
            changes = Records(base, Draft(sandbox.catalog, world.state)).changes()
            if any(changes.values()):
                records.setdefault(vendor, {})[name] = changes
    faults = {"faults": written_rules(world.faults)} if world.faults.rules else {}
    return {
        "format": FORMAT,
        "version": VERSION,
        "seed": sandbox.catalog.seed,
        "products": sandbox.products,
        "calls": min(world.calls, MAX_CALLS),
        "made": world.state.products_made,
        "clock": {"now": iso_timestamp(world.clock.now()), "frozen": world.clock.frozen is not None},
        "limits": {"enabled": world.limits.enabled, "overrides": world.limits.overrides},
        "records": records,
        **faults,
    }


def load(document: Mapping[str, Any], sandbox: Sandbox, contracts: Mapping[str, Contract]) -> State:
    """The changes of a document. Problem: a record breaks its schema, or has no place."""
    draft = Draft(sandbox.catalog, State())
    for vendor, collection, changes in _parts(document):
        if vendor not in contracts or collection not in contracts[vendor].base_records:
            raise Problem("not_found", f"there is no collection {vendor}/{collection}")
        contract = contracts[vendor]
        records = Records(contract.base_records[collection], draft)
        for key, record in changes["changed"].items():
            check(contract, collection, record, key)
            if records.get(key) is None:
                raise Problem("invalid", f"{vendor}/{collection} has no {key} to change: list it as added")
            refuse_doubles(records, contract, collection, record)
            records.put(record)
        for record in changes["added"]:
            key = check(contract, collection, record)
            refuse_doubles(records, contract, collection, record)
            if records.get(key) is not None:
                raise Problem("invalid", f"{vendor}/{collection} has a {key} already: list it as changed")
            records.put(record)
        for key in changes["deleted"]:
            if records.get(key) is None:
                raise Problem("invalid", f"{vendor}/{collection} has no {key} to delete")
            records.delete(key)
    return draft.state


def load_limits(given: Mapping[str, Any], contracts: Mapping[str, Contract]) -> Limits:
    """Rate limits with nothing counted yet. Problem: there is no such vendor, or it has no such limit."""
    overrides = given.get("overrides", {})
    for vendor, values in overrides.items():
        if vendor not in contracts:
            raise Problem("not_found", f"there is no vendor {vendor[:50]}")
        known = [limit.name for limit in contracts[vendor].vendor.limits]
        for name in values:
            if name not in known:
                has = f"it has {', '.join(known)}" if known else "none of its limits is known"
                raise Problem("not_found", f"{vendor} has no limit {name[:50]}: {has}")
    return Limits(given["enabled"], {vendor: dict(values) for vendor, values in overrides.items()})


def check(contract: Contract, collection: str, record: Record, key: str | None = None) -> str:
    """The key of a record that fits its schema. Problem: it does not fit, or has another key."""
    if wrong := contract.spec.records[collection].difference(record):
        raise Problem("invalid", f"{contract.vendor.name}/{collection}: {wrong}")
    name = contract.base_records[collection].collection.key
    found = str(record[name])
    if key is not None and found != key:
        raise Problem("invalid", f"{name} of the record is {found}, its key is {key}")
    return found


def refuse_doubles(records: Records, contract: Contract, collection: str, record: Record) -> None:
    """Problem: another record has the same value in a field that records are found by."""
    of = contract.base_records[collection].collection
    for alias in of.aliases:
        if record.get(alias) is None:
            continue
        other = records.find(alias, str(record[alias]))
        if other is not None and str(other[of.key]) != str(record[of.key]):
            raise Problem(
                "exists", f"{contract.vendor.name}/{collection}: there is a record with this {alias}"
            )


def _parts(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for vendor, collections in document.items():
        if not collections:
            yield vendor, "", {}
        for collection, changes in collections.items():
            yield vendor, collection, changes
