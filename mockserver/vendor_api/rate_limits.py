"""Rate limits: fixed windows and leaky buckets over whole microseconds, with their state as values.

Nothing here asks what time it is: the caller says so, from the sandbox's clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

MOST_TALLIES = 1_000
LONGEST_PART = 100
SECOND = 1_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Tally:
    """What a limit remembers of one client: an amount, and the microsecond of which it is true."""

    amount: int
    at: int


@dataclass(frozen=True, slots=True)
class Window:
    """At most `most` calls in `seconds`; the first call opens the window, its end empties it.

    `per` names what each client is counted by: `credential`, or a variable of the host.
    """

    name: str
    seconds: int
    most: int
    per: tuple[str, ...] = ("credential",)

    def after(self, tally: Tally | None, now: int) -> Tally:
        """The tally when one call more has been let in."""
        if tally is None or not 0 <= now - tally.at < self.seconds * SECOND:
            return Tally(1, now)
        return Tally(tally.amount + 1, tally.at)

    def standing(self, tally: Tally | None, most: int, now: int) -> "Standing":
        """Where the client stands under a limit of `most`. Before the first call all is left."""
        span = self.seconds * SECOND
        if tally is None or not 0 <= now - tally.at < span:
            tally = Tally(0, now)
        left, end = max(0, most - tally.amount), tally.at + span - now
        return Standing(most, left, wait=0 if left else end, reset=end)


@dataclass(frozen=True, slots=True)
class LeakyBucket:
    """Holds `most` calls and leaks `per_second` of them; who finds it full is refused.

    The amount is kept in millionths of a call, so that a leak in a microsecond is a whole number.
    """

    name: str
    most: int
    per_second: int
    per: tuple[str, ...] = ("credential",)

    def after(self, tally: Tally | None, now: int) -> Tally:
        """The tally when one call more has been let in."""
        return Tally(self._level(tally, now) + SECOND, now)

    def standing(self, tally: Tally | None, most: int, now: int) -> "Standing":
        """Where the client stands under a limit of `most`. Before the first call all is left."""
        level = self._level(tally, now)
        left, over = max(0, (most * SECOND - level) // SECOND), level + SECOND - most * SECOND
        return Standing(most, left, max(0, self._time(over)), self._time(level))

    def _level(self, tally: Tally | None, now: int) -> int:
        """What is in it now; a clock that is set back leaks nothing."""
        return max(0, tally.amount - max(0, now - tally.at) * self.per_second) if tally else 0

    def _time(self, amount: int) -> int:
        return -(-amount // self.per_second)


Limit = Window | LeakyBucket


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one client stands under one limit.

    `wait` and `reset` are microseconds: until another call is let in, and until all is left again.
    """

    most: int
    left: int
    wait: int
    reset: int


@dataclass(frozen=True, slots=True)
class Quota:
    """Where the client of one call stands, the call counted in: by limit; empty with limits off."""

    standings: Mapping[str, Standing] = field(default_factory=dict)
    refused: bool = False

    @property
    def wait(self) -> int:
        """Microseconds until every limit lets another call in."""
        return max((standing.wait for standing in self.standings.values()), default=0)


Overrides = Mapping[str, Mapping[str, int]]
Key = tuple[str, ...]  # vendor, limit, and what the client is counted by
UNLIMITED = Quota()


@dataclass(frozen=True)
class Limits:
    """The limits of one sandbox: whether they are on, with which values, and what has been counted.

    A value: every call that is let in gives a new one. `overrides` is by vendor and name of limit.
    """

    enabled: bool = False
    overrides: Overrides = field(default_factory=dict)
    tallies: Mapping[Key, Tally] = field(default_factory=dict)

    def most(self, vendor: str, limit: Limit) -> int:
        """How many calls a limit allows here."""
        return self.overrides.get(vendor, {}).get(limit.name, limit.most)

    def quota(
        self, vendor: str, limits: tuple[Limit, ...], client: Mapping[str, str], moment: datetime
    ) -> Quota:
        """Where a client stands, nothing counted."""
        now = _microseconds(moment)
        return Quota({
            limit.name: limit.standing(
                self.tallies.get(_key(vendor, limit, client)), self.most(vendor, limit), now
            )
            for limit in limits
        })  # fmt: skip

    def count(
        self, vendor: str, limits: tuple[Limit, ...], client: Mapping[str, str], moment: datetime
    ) -> tuple["Limits", Quota]:
        """Count one call against every limit, or, if any of them has no room, against none."""
        quota = self.quota(vendor, limits, client, moment)
        if any(not standing.left for standing in quota.standings.values()):
            return self, Quota(quota.standings, refused=True)
        now, tallies = _microseconds(moment), dict(self.tallies)
        for limit in limits:
            key = _key(vendor, limit, client)
            tallies[key] = limit.after(tallies.get(key), now)
        while len(tallies) > MOST_TALLIES:
            del tallies[min(tallies, key=lambda key: tallies[key].at)]
        counted = Limits(self.enabled, self.overrides, tallies)
        return counted, counted.quota(vendor, limits, client, moment)

    def left(self, vendor: str, limit: Limit, moment: datetime) -> int:
        """What the client with the least has left."""
        now, most = _microseconds(moment), self.most(vendor, limit)
        tallies = [tally for key, tally in self.tallies.items() if key[:2] == (vendor, limit.name)]
        return min((limit.standing(tally, most, now).left for tally in tallies), default=most)


def _key(vendor: str, limit: Limit, client: Mapping[str, str]) -> Key:
    """What is counted together; a client can make it only so long."""
    return (vendor, limit.name, *(client.get(part, "")[:LONGEST_PART] for part in limit.per))


def _microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)
