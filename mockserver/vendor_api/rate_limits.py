"""Rate limits: fixed windows and leaky buckets over whole microseconds, with their state as values.

Nothing here asks what time it is: the caller says so, from the sandbox's clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

MAX_COUNTS = 1_000
MAX_PART = 100
SECOND = 1_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Count:
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

    def after(self, count: Count | None, now: int) -> Count:
        """The tally when one call more has been let in."""
        if count is None or not 0 <= now - count.at < self.seconds * SECOND:
            return Count(1, now)
        return Count(count.amount + 1, count.at)

    def status(self, count: Count | None, most: int, now: int) -> "LimitStatus":
        """Where the client stands under a limit of `most`. Before the first call all is left."""
        span = self.seconds * SECOND
        if count is None or not 0 <= now - count.at < span:
            count = Count(0, now)
        remaining, end = max(0, most - count.amount), count.at + span - now
        return LimitStatus(most, remaining, retry_after=0 if remaining else end, reset_after=end)


@dataclass(frozen=True, slots=True)
class LeakyBucket:
    """Holds `most` calls and leaks `per_second` of them; who finds it full is refused.

    The amount is kept in millionths of a call, so that a leak in a microsecond is a whole number.
    """

    name: str
    most: int
    per_second: int
    per: tuple[str, ...] = ("credential",)

    def after(self, count: Count | None, now: int) -> Count:
        """The tally when one call more has been let in."""
        return Count(self._level(count, now) + SECOND, now)

    def status(self, count: Count | None, most: int, now: int) -> "LimitStatus":
        """Where the client stands under a limit of `most`. Before the first call all is left."""
        level = self._level(count, now)
        remaining, over = max(0, (most * SECOND - level) // SECOND), level + SECOND - most * SECOND
        return LimitStatus(most, remaining, max(0, self._time(over)), self._time(level))

    def _level(self, count: Count | None, now: int) -> int:
        """What is in it now; a clock that is set back leaks nothing."""
        return max(0, count.amount - max(0, now - count.at) * self.per_second) if count else 0

    def _time(self, amount: int) -> int:
        return -(-amount // self.per_second)


Limit = Window | LeakyBucket


@dataclass(frozen=True, slots=True)
class LimitStatus:
    """Where one client stands under one limit.

    Both are in microseconds.
    """

    most: int
    remaining: int
    retry_after: int
    reset_after: int


@dataclass(frozen=True, slots=True)
class Quota:
    """Where the client of one call stands, the call counted in: by limit; empty with limits off."""

    statuses: Mapping[str, LimitStatus] = field(default_factory=dict)
    refused: bool = False

    @property
    def retry_after(self) -> int:
        """Microseconds until every limit lets another call in."""
        return max((status.retry_after for status in self.statuses.values()), default=0)


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
    counts: Mapping[Key, Count] = field(default_factory=dict)

    def most(self, vendor: str, limit: Limit) -> int:
        """How many calls a limit allows here."""
        return self.overrides.get(vendor, {}).get(limit.name, limit.most)

    def quota(
        self, vendor: str, limits: tuple[Limit, ...], client: Mapping[str, str], moment: datetime
    ) -> Quota:
        """Where a client stands, nothing counted."""
        now = _microseconds(moment)
        return Quota({
            limit.name: limit.status(
                self.counts.get(_key(vendor, limit, client)), self.most(vendor, limit), now
            )
            for limit in limits
        })  # fmt: skip

    def count(
        self, vendor: str, limits: tuple[Limit, ...], client: Mapping[str, str], moment: datetime
    ) -> tuple["Limits", Quota]:
        """Count one call against every limit, or, if any of them has no room, against none."""
        quota = self.quota(vendor, limits, client, moment)
        if any(not status.remaining for status in quota.statuses.values()):
            return self, Quota(quota.statuses, refused=True)
        now, counts = _microseconds(moment), dict(self.counts)
        for limit in limits:
            key = _key(vendor, limit, client)
            counts[key] = limit.after(counts.get(key), now)
        while len(counts) > MAX_COUNTS:
            del counts[min(counts, key=lambda key: counts[key].at)]
        counted = Limits(self.enabled, self.overrides, counts)
        return counted, counted.quota(vendor, limits, client, moment)

    def remaining(self, vendor: str, limit: Limit, moment: datetime) -> int:
        """What the client with the least has left."""
        now, most = _microseconds(moment), self.most(vendor, limit)
        counts = [count for key, count in self.counts.items() if key[:2] == (vendor, limit.name)]
        return min((limit.status(count, most, now).remaining for count in counts), default=most)


def _key(vendor: str, limit: Limit, client: Mapping[str, str]) -> Key:
    """What is counted together; a client can make it only so long."""
    return (vendor, limit.name, *(client.get(part, "")[:MAX_PART] for part in limit.per))


def _microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)
