"""Fault rules as JSON, and back."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from mockserver.contract.contract import Contract
from mockserver.sandbox.faults import fault_types
from mockserver.sandbox.faults.fault import Fault
from mockserver.sandbox.faults.rules import Faults, Rule
from mockserver.vendor_api.json_text import encode
from mockserver.vendor_api.problem import Problem

SPAN = ("from", "until")


def read_rules(given: Iterable[Mapping[str, Any]], contracts: Mapping[str, Contract]) -> list[Rule]:
    """Rules from JSON that fits the schema. Problem: one names what there is not."""
    return [_rule(one, contracts) for one in given]


def written_rules(faults: Faults) -> list[dict[str, Any]]:
    """The rules as JSON, without their counts."""
    return [msgspec.to_builtins(counted.rule) for counted in faults.rules]


def _rule(given: Mapping[str, Any], contracts: Mapping[str, Contract]) -> Rule:
    vendor, operation = given.get("vendor"), given.get("operation")
    if vendor is not None and vendor not in contracts:
        raise Problem("invalid", f"there is no vendor {vendor}; there are {', '.join(contracts)}")
    asked = [contracts[vendor]] if vendor else contracts.values()
    known = [name for one in asked for name in one.spec.operations]
    if operation is not None and operation not in known:
        raise Problem("invalid", f"there is no operation {operation}; there are {', '.join(known)}")
    span = {name: moment(given[name]).isoformat() for name in SPAN if name in given}
    try:
        fault = _read_fault(given["fault"]) if "fault" in given else None
        rest = {name: value for name, value in given.items() if name != "fault"}
        rule = msgspec.json.decode(encode({**rest, **span}), type=Rule)
    except msgspec.ValidationError as error:
        raise Problem("invalid", f"a fault: {error}") from None
    return msgspec.structs.replace(rule, fault=fault)


def _read_fault(given: Mapping[str, Any]) -> Fault:
    """A fault from JSON that fits the schema. ValidationError."""
    return msgspec.json.decode(encode(given), type=fault_types()[given["type"]])


def moment(text: str) -> datetime:
    """A moment from ISO 8601. Problem: it is none."""
    try:
        read = datetime.fromisoformat(text)
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Problem("invalid", f"{text[:50]} is not a moment, such as 2026-01-02T03:04:05Z") from None
