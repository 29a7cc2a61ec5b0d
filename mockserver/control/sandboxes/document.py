"""Export and import: a sandbox as one JSON document that people can read and edit."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from msgspec import structs

from mockserver.contract.contract import Contract
from mockserver.control.lookup import contract_of, refusals_as_problems
from mockserver.control.rules import parse_rules, parse_timestamp, rules_json
from mockserver.control.sandboxes.dialects import chosen_dialects
from mockserver.data.catalog.products import iso_timestamp
from mockserver.data.store.base_records import Record
from mockserver.data.store.records import Records
from mockserver.data.store.state import Draft, State
from mockserver.sandbox.clock import Clock
from mockserver.sandbox.faults.rules import Faults
from mockserver.sandbox.registry import Sandboxes
from mockserver.sandbox.sandbox import Sandbox
from mockserver.sandbox.world import World
from mockserver.vendor_api.problem import Problem
from mockserver.vendor_api.rate_limits import Limits
from mockserver.vendor_api.words import alternatives

MAX_CALLS = 2**53 - 1  # the largest integer that every JSON parser reads exactly (RFC 8259, section 6)
FORMAT, VERSION = "mockserver sandbox", 1


def export_document(
    sandbox: Sandbox, contracts: Mapping[str, Contract], world: World | None = None
) -> dict[str, Any]:
    """Return a sandbox as a document: everything except its snapshots and its journal.

    `world` is the world to export, by default the sandbox's current one.
    """
    world = world or sandbox.world
    records: dict[str, dict[str, Any]] = {}
    for vendor, contract in contracts.items():
        for name, base in contract.base_records.items():
            changes = Records(base, Draft(sandbox.catalog, world.state)).changes()
            if any(changes.values()):
                records.setdefault(vendor, {})[name] = changes
    faults = {"faults": rules_json(world.faults)} if world.faults.rules else {}
    return {
        "format": FORMAT,
        "version": VERSION,
        "seed": sandbox.catalog.seed,
        "products": sandbox.products,
        "calls": min(world.calls, MAX_CALLS),
        "made": world.state.products_made,
        "clock": clock_json(world.clock),
        "limits": limits_json(world.limits),
        "dialect": str(world.dialects),
        "records": records,
        **faults,
    }


def import_sandbox(
    name: str, document: Mapping[str, Any], sandboxes: Sandboxes, contracts: Mapping[str, Contract]
) -> Sandbox:
    """Put a sandbox into the state of a document that fits its schema. Create it if there is none.

    Return it. Raise Problem if anything in the document is refused; then nothing changes.
    """
    with refusals_as_problems():
        sandbox = sandboxes.prepare(name, document["seed"], document["products"])
        sandbox.start_from(imported_world(document, sandbox, contracts))
        return sandboxes.put(sandbox)


def imported_world(document: Mapping[str, Any], sandbox: Sandbox, contracts: Mapping[str, Contract]) -> World:
    """Return the world that a document describes. The sandbox must have the document's seed and products.

    Raise Problem if anything in the document is refused.
    """
    state = import_records(document["records"], sandbox, contracts)
    limits, dialects = sandbox.limits, sandbox.dialects
    if "limits" in document:
        limits = parse_limits(document["limits"], contracts)
    if "dialect" in document:
        dialects = chosen_dialects(document["dialect"], contracts)
    return replace(
        sandbox.world,
        limits=limits,
        dialects=dialects,
        state=structs.replace(state, products_made=document.get("made", 0)),
        calls=document["calls"],
        clock=_parse_clock(document["clock"]),
        faults=Faults.of(parse_rules(document.get("faults", ()), contracts)),
    )


def clock_json(clock: Clock) -> dict[str, Any]:
    """Return a clock as JSON. A running clock has no time of its own, so it gives the same JSON later."""
    if clock.frozen:
        return {"now": iso_timestamp(clock.frozen), "frozen": True}
    ahead = clock.offset / timedelta(seconds=1)
    return {"frozen": False, **({"ahead": int(ahead) if ahead.is_integer() else ahead} if ahead else {})}


def limits_json(limits: Limits) -> dict[str, Any]:
    """Return the settings of rate limits as JSON, without what clients have used of them."""
    return {"enabled": limits.enabled, "overrides": limits.overrides}


def _parse_clock(clock: Mapping[str, Any]) -> Clock:
    """Return the clock that a document describes. Raise Problem if its time is not valid."""
    if "now" in clock:
        now = parse_timestamp(clock["now"])
        return Clock().freeze(now) if clock["frozen"] else Clock().set(now)
    try:
        return Clock().advance(timedelta(seconds=float(clock.get("ahead", 0))))
    except OverflowError:
        raise Problem("invalid", "clock: `ahead` leads beyond the year 9999") from None


def import_records(records: Mapping[str, Any], sandbox: Sandbox, contracts: Mapping[str, Contract]) -> State:
    """Apply a document's record changes to a sandbox's generated records, and return the new state.

    Raise Problem in each of these cases: a collection does not exist; a record breaks its schema; an alias
    that records cannot share is taken; a changed or deleted record does not exist; an added one exists.
    """
    draft = Draft(sandbox.catalog, State(), limits=sandbox.change_limits)
    for vendor, collection, changes in _collections(records):
        place = f"{vendor}/{collection}"
        if vendor not in contracts or collection not in contracts[vendor].base_records:
            known = [f"{name}/{one}" for name, contract in contracts.items() for one in contract.base_records]
            raise Problem("not_found", f"there is no collection {place[:100]}{alternatives(place, known)}")
        contract = contracts[vendor]
        stored = Records(contract.base_records[collection], draft)
        for key in changes["deleted"]:
            if stored.get(key) is None:
                raise Problem("invalid", f"{place} has no record with key {key} to delete")
        stored.delete(*changes["deleted"])
        for key, record in changes["changed"].items():
            checked_key(contract, collection, record, key)
            if stored.get(key) is None:
                raise Problem("invalid", f"{place} has no record with key {key} to change; list it as added")
            refuse_taken_alias(stored, contract, collection, record)
            stored.put(record)
        for record in changes["added"]:
            key = checked_key(contract, collection, record)
            refuse_taken_alias(stored, contract, collection, record)
            if stored.get(key) is not None:
                raise Problem("invalid", f"{place} already has a record with key {key}; list it as changed")
            stored.put(record)
    return draft.state


def parse_limits(settings: Any, contracts: Mapping[str, Contract]) -> Limits:
    """Return rate limits with every count at 0. Raise Problem if a vendor or limit is unknown.

    `settings` are those of the control API. They may have a short form: a boolean, or overrides only.
    """
    if not isinstance(settings, Mapping):
        settings = {"enabled": settings}
    elif "enabled" not in settings:
        settings = {"enabled": True, "overrides": settings}
    overrides = settings.get("overrides", {})
    for vendor, values in overrides.items():
        known = [limit.name for limit in contract_of(contracts, vendor).vendor.limits]
        for name in values:
            if name not in known:
                hint = alternatives(name, known) or ": its rate limits are not known"
                raise Problem("not_found", f"{vendor} has no limit {name[:50]}{hint}")
    return Limits(settings["enabled"], {vendor: dict(values) for vendor, values in overrides.items()})


def checked_key(contract: Contract, collection: str, record: Record, key: str | None = None) -> str:
    """Return a record's key. Raise Problem if the record breaks its schema.

    If the argument `key` is supplied, raise Problem if the record has a different key.
    """
    schema = contract.spec.records[collection]
    if not schema.accepts(record):
        place = f"{contract.vendor.name}/{collection}"
        raise Problem("invalid", f"{place}: {schema.difference(record)}")
    name = contract.base_records[collection].collection.key
    found = str(record[name])
    if key is not None and found != key:
        raise Problem("invalid", f"{name} in the record is {found}; it must be equal to the key, {key}")
    return found


def refuse_taken_alias(records: Records, contract: Contract, collection: str, record: Record) -> None:
    """Raise Problem if another record already has one of this record's aliases, such as its SKU.

    Aliases that records may share are not looked at.
    """
    definition = contract.base_records[collection].collection
    for alias in definition.aliases:
        if record.get(alias) is None or alias in definition.shared:
            continue
        other = records.find(alias, str(record[alias]))
        if other is not None and str(other[definition.key]) != str(record[definition.key]):
            raise Problem(
                "exists", f"{contract.vendor.name}/{collection}: another record already has this {alias}"
            )


def _collections(records: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield (vendor, collection, changes).

    If a vendor has no collections in the document, yield an empty name as its collection. No such
    collection exists, so the caller refuses it.
    """
    for vendor, collections in records.items():
        if not collections:
            yield vendor, "", {}
        for collection, changes in collections.items():
            yield vendor, collection, changes
