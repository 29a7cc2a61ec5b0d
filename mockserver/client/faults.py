"""The faults of a sandbox: rules that make calls fail on purpose."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mockserver.client.transport import ControlApi

Rule = Mapping[str, Any]
FaultLike = Rule | int | str  # a rule, or just a fault: a status, or the name of a fault type


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault rule as JSON, and how often it has fired."""

    rule: Rule
    fired: int


class Faults:
    """The rules of one sandbox, in order. Only the first rule that fires for a call applies.

    A rule does not fire for every matching call if it has `after`, `every`, `times`, `probability`,
    `from` or `until`.
    """

    def __init__(self, request: ControlApi, path: str) -> None:
        self._request, self._path = request, path

    def __iter__(self) -> Iterator[Fault]:
        return iter(self.list())

    def list(self) -> "list[Fault]":
        """Return all rules with their counts."""
        return _parse_faults(self._request("GET", self._path))

    def add(self, fault: Any = None, **rule: Any) -> None:
        """Append a rule, such as `add(503, times=2)` or `add("reset", operation="get-inventory")`.

        `rule` holds the other fields of the rule. Write `from_` for the field `from`, a Python keyword.
        """
        self._request("POST", self._path, rule_to_json({"fault": fault, **rule}))

    def set(self, *rules: FaultLike) -> None:
        """Replace all rules."""
        self._request("PUT", self._path, [rule_to_json(rule) for rule in rules])

    def clear(self) -> None:
        """Remove all rules."""
        self._request("DELETE", self._path)


def rule_to_json(rule: Any) -> dict[str, Any]:
    """Return a rule in the JSON form of the control API.

    Short forms are expanded. If `fault` is a number, it becomes `{"type": "status", "status": number}`.
    If `fault` is a string, it becomes `{"type": string}`. If `delay` is a number, it becomes a fixed delay
    in seconds. Fields that are None are left out.
    """
    if not isinstance(rule, Mapping):
        rule = {"fault": rule}
    fields = {name: value for name, value in rule.items() if value is not None}
    match fields.get("fault"):
        case int(status):
            fields["fault"] = {"type": "status", "status": status}
        case str(name):
            fields["fault"] = {"type": name}
    if isinstance(fields.get("delay"), int | float):
        fields["delay"] = {"type": "fixed", "seconds": fields["delay"]}
    if "from_" in fields:
        fields["from"] = fields.pop("from_")
    return fields


def _parse_faults(answer: Mapping[str, Any]) -> "list[Fault]":
    return [
        Fault({name: value for name, value in rule.items() if name != "fired"}, rule["fired"])
        for rule in answer["faults"]
    ]
