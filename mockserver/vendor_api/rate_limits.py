"""Rate limits: fixed windows and leaky buckets, and what clients have used of them, as immutable values.

Times are whole microseconds. Nothing here reads a clock: the caller passes the time of the sandbox.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

MAX_USAGES = 1_000  # per sandbox; the oldest are dropped
MAX_KEY_PART_LENGTH = 100  # characters of a credential or host variable in a key
SECOND = 1_000_000  # microseconds
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Usage:
    """The part of one limit that one client has used.

    `used`: calls in a window, or the level of a bucket in millionths of a call.

    `at`: when the window began, or when the bucket had this level, in microseconds.
    """

    used: int
    at: int


@dataclass(frozen=True, slots=True)
class Window:
    """A limit of `most` calls in a window of time, which begins with the first call after the last window.

    `name`: tells the vendor's limits apart, here and in the control API.

    `seconds`: the length of the window.

    `most`: calls allowed in one window.

    `per`: what clients are counted by: `credential`, variables of the host (`Request.host_variables`), or
    several of them. Clients that agree in all of them share the limit.
    """

    name: str
    seconds: int
    most: int
    per: tuple[str, ...] = ("credential",)

    def add_call(self, usage: Usage | None, now: int) -> Usage:
        """Return the usage after one more call. A clock that was set back begins a new window."""
        if usage is None or not 0 <= now - usage.at < self.seconds * SECOND:
            return Usage(1, now)
        return Usage(usage.used + 1, usage.at)

    def status(self, usage: Usage | None, most: int, now: int) -> "LimitStatus":
        """Return what a client has left if `most` calls are allowed."""
        length = self.seconds * SECOND
        if usage is None or not 0 <= now - usage.at < length:
            usage = Usage(0, now)
        remaining, until_end = max(0, most - usage.used), usage.at + length - now
        return LimitStatus(most, remaining, retry_after=0 if remaining else until_end, reset_after=until_end)


@dataclass(frozen=True, slots=True)
class LeakyBucket:
    """A limit like a bucket: each call adds one, and it leaks steadily. A call that does not fit is refused.

    `name`: tells the vendor's limits apart, here and in the control API.

    `most`: calls that the bucket holds.

    `per_second`: calls that leak out of it in a second.

    `per`: what clients are counted by, as for `Window`.
    """

    name: str
    most: int
    per_second: int
    per: tuple[str, ...] = ("credential",)

    # The level is counted in millionths of a call, so what leaks in a microsecond is a whole number.

    def add_call(self, usage: Usage | None, now: int) -> Usage:
        """Return the usage after one more call."""
        return Usage(self._level(usage, now) + SECOND, now)

    def status(self, usage: Usage | None, most: int, now: int) -> "LimitStatus":
        """Return what a client has left if the bucket holds `most` calls."""
        level = self._level(usage, now)
        remaining, excess = max(0, (most * SECOND - level) // SECOND), level + SECOND - most * SECOND
        return LimitStatus(most, remaining, max(0, self._time(excess)), self._time(level))

    def _level(self, usage: Usage | None, now: int) -> int:
        """Return the level now. Nothing leaks while a clock is set back."""
        return max(0, usage.used - max(0, now - usage.at) * self.per_second) if usage else 0

    def _time(self, amount: int) -> int:
        """Return the microseconds in which this amount leaks, rounded up."""
        return -(-amount // self.per_second)


Limit = Window | LeakyBucket


@dataclass(frozen=True, slots=True)
class LimitStatus:
    """The state of one limit for one client.

    `most`: calls allowed in the sandbox, which may differ from the vendor's own number.

    `remaining`: calls that would be let in now.

    `retry_after`: microseconds until another call is let in; 0 if one is let in now.

    `reset_after`: microseconds until the client has all its calls again.
    """

    most: int
    remaining: int
    retry_after: int
    reset_after: int


@dataclass(frozen=True, slots=True)
class Quota:
    """The state of all limits of the vendor for the client of one call.

    `statuses`: by name of the limit, with this call counted. Empty while rate limits are off.

    `refused`: True if this call was refused, and therefore not counted.
    """

    statuses: Mapping[str, LimitStatus] = field(default_factory=dict)
    refused: bool = False

    @property
    def retry_after(self) -> int:
        """Return the microseconds until every limit lets another call in."""
        return max((status.retry_after for status in self.statuses.values()), default=0)


UNLIMITED = Quota()
Overrides = Mapping[str, Mapping[str, int]]  # calls allowed, by vendor and limit, in place of `most`
Key = tuple[str, ...]  # vendor, limit, then what the client is counted by


@dataclass(frozen=True)
class Limits:
    """The rate limits of one sandbox: whether they are on, how many calls they allow, and what is used.

    It never changes: counting a call returns a new value.
    """

    enabled: bool = False
    overrides: Overrides = field(default_factory=dict)
    usages: Mapping[Key, Usage] = field(default_factory=dict)

    def most(self, vendor: str, limit: Limit) -> int:
        """Return the number of calls that a limit allows in this sandbox."""
        return self.overrides.get(vendor, {}).get(limit.name, limit.most)

    def quota(
        self, vendor: str, limits: tuple[Limit, ...], client: Mapping[str, str], moment: datetime
    ) -> Quota:
        """Return the state of these limits for a client, without counting a call."""
        now = _microseconds(moment)
        return Quota({
            limit.name: limit.status(
                self.usages.get(_key(vendor, limit, client)), self.most(vendor, limit), now
            )
            for limit in limits
        })  # fmt: skip

    def count(
        self, vendor: str, limits: tuple[Limit, ...], client: Mapping[str, str], moment: datetime
    ) -> tuple["Limits", Quota]:
        """Count one call against every limit, or against none if one of them has no room for it."""
        quota = self.quota(vendor, limits, client, moment)
        if any(not status.remaining for status in quota.statuses.values()):
            return self, Quota(quota.statuses, refused=True)
        now, usages = _microseconds(moment), dict(self.usages)
        for limit in limits:
            key = _key(vendor, limit, client)
            usages[key] = limit.add_call(usages.get(key), now)
        while len(usages) > MAX_USAGES:
            del usages[min(usages, key=lambda key: usages[key].at)]
        counted = Limits(self.enabled, self.overrides, usages)
        return counted, counted.quota(vendor, limits, client, moment)

    def remaining(self, vendor: str, limit: Limit, moment: datetime) -> int:
        """Return the calls left under a limit to the client that has the fewest."""
        now, most = _microseconds(moment), self.most(vendor, limit)
        usages = [usage for key, usage in self.usages.items() if key[:2] == (vendor, limit.name)]
        return min((limit.status(usage, most, now).remaining for usage in usages), default=most)


def _key(vendor: str, limit: Limit, client: Mapping[str, str]) -> Key:
    """Return the key of a client's usage. Its parts are chosen by the client, so their length is limited."""
    return (vendor, limit.name, *(client.get(part, "")[:MAX_KEY_PART_LENGTH] for part in limit.per))


def _microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)
