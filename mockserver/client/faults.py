"""The faults of a sandbox: rules that make calls fail on purpose."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mockserver.client.transport import ControlApi

__tracebackhide__ = True  # pytest shows the caller's line, not these

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

    def set(self, *rules: FaultLike, keep_counts: bool = False) -> None:
        """Replace all rules. With `keep_counts`, those that are there already keep their counts."""
        query = "?keep_counts=true" if keep_counts else ""
        self._request("PUT", self._path + query, [rule_to_json(rule) for rule in rules])

    def clear(self) -> None:
        """Remove all rules."""
        self._request("DELETE", self._path)


def rule_to_json(rule: Any) -> Any:
    """Return a rule without the fields that are None. The control API knows all short forms."""
    if not isinstance(rule, Mapping):
        return rule
    return {name: value for name, value in rule.items() if value is not None}


def _parse_faults(answer: Mapping[str, Any]) -> "list[Fault]":
    return [
        Fault({name: value for name, value in rule.items() if name != "fired"}, rule["fired"])
        for rule in answer["faults"]
    ]
