"""Fault rules and timestamps, converted from and to JSON."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from mockserver.contract.contract import Contract
from mockserver.sandbox.faults import fault_types
from mockserver.sandbox.faults.fault import Fault
from mockserver.sandbox.faults.rules import Faults, Rule
from mockserver.vendor_api.json_text import encode
from mockserver.vendor_api.problem import Problem
from mockserver.vendor_api.words import alternatives

TIME_FIELDS = ("from", "until")


def parse_rules(rules: Iterable[Any], contracts: Mapping[str, Contract]) -> list[Rule]:
    """Parse fault rules that fit the schema of the control API, in the long or in the short form.

    Raise Problem if a rule names an unknown vendor or operation, or has a value that is not valid.
    """
    return [_parse_rule(_long_form(rule), contracts) for rule in rules]


def rules_json(faults: Faults) -> list[dict[str, Any]]:
    """Return the rules as JSON, in order, without their counts."""
    return [msgspec.to_builtins(counted.rule) for counted in faults.rules]


def _long_form(rule: Any) -> dict[str, Any]:
    """Return a rule without short forms: a fault alone, its status or its type, a delay in seconds."""
    fields = dict(rule) if isinstance(rule, Mapping) else {"fault": rule}
    match fields.get("fault"):
        case int(status):
            fields["fault"] = {"type": "status", "status": status}
        case str(name):
            fields["fault"] = {"type": name}
    if isinstance(fields.get("delay"), int | Decimal):
        fields["delay"] = {"type": "fixed", "seconds": fields["delay"]}
    if "from_" in fields:
        fields["from"] = fields.pop("from_")
    return fields


def _parse_rule(rule: Mapping[str, Any], contracts: Mapping[str, Contract]) -> Rule:
    vendor, operation = rule.get("vendor"), rule.get("operation")
    if vendor is not None and vendor not in contracts:
        raise Problem("invalid", f"there is no vendor {vendor}{alternatives(vendor, contracts)}")
    candidates = [contracts[vendor]] if vendor else contracts.values()
    known = [name for contract in candidates for name in contract.spec.operations]
    if operation is not None and operation not in known:
        raise Problem("invalid", f"there is no operation {operation}{alternatives(operation, known)}")
    # A timestamp without a time zone is in UTC. Add the zone, because msgspec requires one.
    times = {name: parse_timestamp(rule[name]).isoformat() for name in TIME_FIELDS if name in rule}
    try:
        fault = _parse_fault(rule["fault"]) if "fault" in rule else None
        other_fields = {name: value for name, value in rule.items() if name != "fault"}
        parsed = msgspec.json.decode(encode({**other_fields, **times}), type=Rule)
    except msgspec.ValidationError as error:
        raise Problem("invalid", f"a fault rule is not valid: {error}") from None
    return msgspec.structs.replace(parsed, fault=fault)


def _parse_fault(fault: Mapping[str, Any]) -> Fault:
    """Parse a fault that fits its schema. Raise ValidationError if a value is not valid."""
    return msgspec.json.decode(encode(fault), type=fault_types()[fault["type"]])


def parse_timestamp(text: str) -> datetime:
    """Parse an ISO 8601 timestamp. One without a zone is in UTC. Raise Problem if it is not valid."""
    try:
        parsed = datetime.fromisoformat(text)
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Problem(
            "invalid", f"{text[:50]} is not an ISO 8601 timestamp, such as 2026-01-02T03:04:05Z"
        ) from None
