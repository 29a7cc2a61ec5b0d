"""What goes wrong in a sandbox on purpose."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mockserver.client.transport import ControlApi

Rule = Mapping[str, Any]
FaultLike = Rule | int | str  # a fault alone is a rule too


@dataclass(frozen=True, slots=True)
class Fault:
    """A rule as the control API has it, and how often it has fired."""

    rule: Rule
    fired: int


class Faults:
    """The rules of one sandbox, in their order; the first that is due decides."""

    def __init__(self, ask: ControlApi, path: str) -> None:
        self._ask, self._path = ask, path

    def __iter__(self) -> Iterator[Fault]:
        return iter(self.list())

    def list(self) -> "list[Fault]":
        return _shown(self._ask("GET", self._path))

    def add(self, fault: Any = None, **rule: Any) -> None:
        """One more rule, such as `add(503, times=2)`, `add("reset", operation="get-inventory")`."""
        self._ask("POST", self._path, written({"fault": fault, **rule}))

    def set(self, *rules: FaultLike) -> None:
        """These rules in place of all others."""
        self._ask("PUT", self._path, [written(rule) for rule in rules])

    def clear(self) -> None:
        self._ask("DELETE", self._path)


def written(rule: Any) -> dict[str, Any]:
    """A rule in full. A fault may be a status or the name of its type, a delay a number of seconds."""
    if not isinstance(rule, Mapping):
        rule = {"fault": rule}
    given = {name: value for name, value in rule.items() if value is not None}
    match given.get("fault"):
        case int(status):
            given["fault"] = {"type": "status", "status": status}
        case str(name):
            given["fault"] = {"type": name}
    if isinstance(given.get("delay"), int | float):
        given["delay"] = {"type": "fixed", "seconds": given["delay"]}
    if "from_" in given:
        given["from"] = given.pop("from_")
    return given


def _shown(answer: Mapping[str, Any]) -> "list[Fault]":
    return [
        Fault({name: value for name, value in rule.items() if name != "fired"}, rule["fired"])
        for rule in answer["faults"]
    ]
