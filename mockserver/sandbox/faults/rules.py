"""Faults: what goes wrong on purpose, as an ordered list of rules that count how often they fired.

All of it is immutable, so that a world with faults is copied, reset and restored like any other.
The first rule that fits a call and is due decides. A rule with neither fault nor delay lets the
call pass, whatever later rules say. Chance comes from the call's own stamp.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from msgspec import Struct, field

from mockserver.sandbox.faults.delays import Delay, chance
from mockserver.sandbox.faults.kinds import OF_WRITES, Fault, PageShift, StaleReads
from mockserver.store.state import State

MAX_RULES = 100


class Rule(Struct, frozen=True, omit_defaults=True, rename={"since": "from"}):
    """Which calls, what happens to them, and how often.

    Of the calls that fit within the span of the sandbox's clock, the first `after` pass; of the
    rest each `every`th fires with `probability`, until it has fired `times`.
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


@dataclass(frozen=True, slots=True)
class FaultContext:
    """One call as a rule looks at it; header names are in lower case."""

    vendor: str
    operation: str
    writes: bool
    path: Mapping[str, str]
    query: Mapping[str, Sequence[str]]
    headers: Mapping[str, str]
    random_bytes: Callable[[str], bytes]

    def fits(self, rule: Rule) -> bool:
        """Whether a rule is about this call."""
        return (
            rule.vendor in (None, self.vendor)
            and rule.operation in (None, self.operation)
            and (self.writes or not isinstance(rule.fault, OF_WRITES))
            and not (self.writes and isinstance(rule.fault, PageShift))
            and all(self.path.get(name) == value for name, value in rule.path.items())
            and all(value in self.query.get(name, ()) for name, value in rule.query.items())
            and all(self.headers.get(name.lower()) == value for name, value in rule.headers.items())
        )


@dataclass(frozen=True, slots=True)
class CountedRule:
    """A rule, how many calls came to it within its span, and how often it fired."""

    rule: Rule
    met: int = 0
    fired: int = 0

    def meet(self, chance: float, now: datetime) -> "CountedRule":
        """The same after one more call that fits."""
        rule = self.rule
        if (rule.since and now < rule.since) or (rule.until and now >= rule.until):
            return self
        met = self.met + 1
        turn = met > rule.after and (met - rule.after) % rule.every == 0
        left = rule.times is None or self.fired < rule.times
        return replace(self, met=met, fired=self.fired + (turn and left and chance < rule.probability))


@dataclass(frozen=True, slots=True)
class StaleView:
    """What reads see for a while instead of the sandbox as it is."""

    before: State
    written: datetime
    fault: StaleReads
    reads: int = 0

    def lasts(self, now: datetime) -> bool:
        reads, seconds = self.fault.reads, self.fault.seconds
        if reads is None and seconds is None:
            reads = 1
        in_time = seconds is None or (now - self.written).total_seconds() < seconds
        return in_time and (reads is None or self.reads < reads)


@dataclass(frozen=True, slots=True)
class Faults:
    """The rules of a sandbox in their order, with their counts, and the lag of its reads."""

    rules: tuple[CountedRule, ...] = ()
    lag: StaleView | None = None

    @classmethod
    def of(cls, rules: Sequence[Rule]) -> "Faults":
        return cls(tuple(map(CountedRule, rules)))

    def draw(self, context: FaultContext, now: datetime) -> tuple["Faults", Rule | None]:
        """The rule that decides about a call, or None, and the faults after it."""
        rules = list(self.rules)
        for place, counted in enumerate(rules):
            if context.fits(counted.rule):
                rules[place] = counted.meet(chance(context.random_bytes, f"fault {place}"), now)
                if rules[place].fired > counted.fired:
                    return replace(self, rules=tuple(rules)), counted.rule
        return replace(self, rules=tuple(rules)), None

    def written(self, fault: StaleReads, before: State, now: datetime) -> "Faults":
        """After a write that reads shall not see yet."""
        return replace(self, lag=StaleView(before, now, fault))

    def read(self, now: datetime) -> tuple["Faults", State | None]:
        """What one read sees instead of the sandbox as it is, or None, and the faults after it."""
        if self.lag is None or not self.lag.lasts(now):
            return replace(self, lag=None), None
        return replace(self, lag=replace(self.lag, reads=self.lag.reads + 1)), self.lag.before


def wait(rule: Rule, random_bytes: Callable[[str], bytes]) -> float:
    """The seconds for which a rule delays the answer to a call."""
    return rule.delay.draw(chance(random_bytes, "delay")) if rule.delay else 0.0
