"""Fault rules: an ordered list that decides which fault a call gets, and counts the calls.

The rules are tried in order. A rule fires if it matches the call and its counts allow it (see `Rule`). The
first rule that fires decides; later rules do not see the call. If that rule has neither a fault nor a
delay, the call is answered as usual.

All values are immutable, so faults are copied, reset and restored with the rest of a world. Random
decisions use the call's own random bytes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, partial
from typing import Protocol
from urllib.parse import parse_qs

from msgspec import Struct, field

from mockserver.data.store.state import State
from mockserver.sandbox.faults.delays import Delay, chance_of
from mockserver.sandbox.faults.fault import Fault
from mockserver.vendor_api.call import Call
from mockserver.vendor_api.request import first_parameters

MAX_RULES = 100
Query = Mapping[str, Sequence[str]]


class MatchedCall(Protocol):
    """A call, with the attributes that a rule uses."""

    call: Call

    @property
    def vendor_name(self) -> str: ...
    @property
    def operation_id(self) -> str: ...
    @property
    def writes(self) -> bool: ...
    @property
    def path_values(self) -> Mapping[str, str]: ...


class Rule(Struct, frozen=True, omit_defaults=True, rename={"since": "from"}):
    """A fault rule: the calls that it matches, what happens to them, and how often.

    A rule counts the matching calls between `since` and `until`, by the sandbox's clock. The first `after`
    of these calls do not fire the rule. From then on, with `every=3`, each third call can fire it, with the
    chance `probability`. After it has fired `times` times, the rule never fires again.
    """

    vendor: str | None = None
    operation: str | None = None
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    fault: Fault | None = None
    delay: Delay | None = None
    after: int = 0
    every: int = 1
    times: int | None = None
    probability: float = 1.0
    since: datetime | None = None
    until: datetime | None = None

    def fits(self, exchange: MatchedCall, query: Callable[[], Query]) -> bool:
        """Return True if the rule matches a call. `query` returns the call's parameters."""
        request = exchange.call.request
        return (
            self.vendor in (None, exchange.vendor_name)
            and self.operation in (None, exchange.operation_id)
            and (self.fault is None or self.fault.fits(exchange.writes))
            and all(exchange.path_values.get(name) == value for name, value in self.path.items())
            and all(request.headers.get(name.lower()) == value for name, value in self.headers.items())
            and (not self.query or all(value in query().get(name, ()) for name, value in self.query.items()))
        )

    def seconds_of_delay(self, random_bytes: Callable[[str], bytes]) -> float:
        """Return the number of seconds to wait before the answer is sent."""
        return self.delay.draw(chance_of(random_bytes, "delay")) if self.delay else 0.0


@dataclass(frozen=True, slots=True)
class CountedRule:
    """A rule with its counts.

    `fitted` counts the matching calls between `since` and `until`. `fired` counts how often the rule fired.
    """

    rule: Rule
    fitted: int = 0
    fired: int = 0

    def count(self, chance: float, now: datetime) -> "CountedRule":
        """Return the rule with its counts after one more matching call."""
        rule = self.rule
        if (rule.since and now < rule.since) or (rule.until and now >= rule.until):
            return self
        fitted = self.fitted + 1
        due = fitted > rule.after and (fitted - rule.after) % rule.every == 0
        left = rule.times is None or self.fired < rule.times
        return replace(self, fitted=fitted, fired=self.fired + (due and left and chance < rule.probability))


@dataclass(frozen=True, slots=True)
class StaleView:
    """An earlier state. For a while, reads see it instead of the current state.

    The view ends after `reads_left` more reads, or `seconds` after the write, whichever comes first. None
    means no limit.
    """

    state: State
    written: datetime
    reads_left: int | None
    seconds: float | None

    def lasts(self, now: datetime) -> bool:
        in_time = self.seconds is None or (now - self.written).total_seconds() < self.seconds
        return in_time and (self.reads_left is None or self.reads_left > 0)


@dataclass(frozen=True, slots=True)
class Faults:
    """A sandbox's rules with their counts, in order, and its stale view or None."""

    rules: tuple[CountedRule, ...] = ()
    stale: StaleView | None = None

    @classmethod
    def of(cls, rules: Sequence[Rule]) -> "Faults":
        """Return these rules with all counts at zero."""
        return cls(tuple(map(CountedRule, rules)))

    def replaced(self, rules: Sequence[Rule]) -> "Faults":
        """Return these rules. Each that is here already keeps its counts."""
        here = list(self.rules)

        def counted(rule: Rule) -> CountedRule:
            place = next((place for place, one in enumerate(here) if one.rule == rule), None)
            return CountedRule(rule) if place is None else here.pop(place)

        return replace(self, rules=tuple(map(counted, rules)))

    def choose(self, exchange: MatchedCall, now: datetime) -> tuple["Faults", Rule | None]:
        """Count a call. Return the updated faults, and the rule that applies to the call, or None."""
        rules, query = list(self.rules), cache(partial(_parsed_query, exchange))
        for index, counted in enumerate(rules):
            if counted.rule.fits(exchange, query):
                rules[index] = counted.count(chance_of(exchange.call.random_bytes, f"fault {index}"), now)
                if rules[index].fired > counted.fired:
                    return replace(self, rules=tuple(rules)), counted.rule
        return replace(self, rules=tuple(rules)), None

    def read(self, now: datetime) -> tuple["Faults", State | None]:
        """Count a read. Return the updated faults, and the stale state that the read sees, or None."""
        stale = self.stale
        if stale is None or not stale.lasts(now):
            return replace(self, stale=None), None
        left = None if stale.reads_left is None else stale.reads_left - 1
        return replace(self, stale=replace(stale, reads_left=left)), stale.state


def _parsed_query(exchange: MatchedCall) -> Query:
    return parse_qs(first_parameters(exchange.call.request.query), keep_blank_values=True)
