"""Rate limits (fixed windows and leaky buckets) and each client's usage of them, as immutable values.

Times are integers in microseconds. Nothing here reads a clock: callers pass the time of the sandbox.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

MAX_USAGES = 1_000  # per sandbox; the oldest are dropped
MAX_KEY_PART_LENGTH = 100  # characters of a credential or host variable in a key
SECOND = 1_000_000  # microseconds
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Usage:
    """The calls that one client has made under one limit.

    `used`: for a window, the number of calls. For a bucket, its level in millionths of a call.

    `at`: for a window, the time when it began. For a bucket, the time when it had this level. Microseconds.
    """

    used: int
    at: int


@dataclass(frozen=True, slots=True)
class Window:
    """A limit of `most` calls in a window of time.

    A window begins with the first call after the previous window has ended.

    `name`: the name of the limit in the control API, unique within the vendor.

    `seconds`: the length of the window.

    `most`: calls allowed in one window.

    `per`: the values that distinguish clients: `credential`, names of variables of the host
    (`Request.host_variables`), or several of these. Requests with the same values count as one client.
    """

    name: str
    seconds: int
    most: int
    per: tuple[str, ...] = ("credential",)

    def add_call(self, usage: Usage | None, now: int) -> Usage:
        """Return the usage after one more call. If the clock was set back, a new window begins."""
        if usage is None or not 0 <= now - usage.at < self.seconds * SECOND:
            return Usage(1, now)
        return Usage(usage.used + 1, usage.at)

    def status(self, usage: Usage | None, most: int, now: int) -> "LimitStatus":
        """Return the status of this limit for one client. `most` replaces the limit's own number of calls."""
        length = self.seconds * SECOND
        if usage is None or not 0 <= now - usage.at < length:
            usage = Usage(0, now)
        remaining, until_end = max(0, most - usage.used), usage.at + length - now
        return LimitStatus(most, remaining, retry_after=0 if remaining else until_end, reset_after=until_end)


@dataclass(frozen=True, slots=True)
class LeakyBucket:
    """A limit that works like a bucket: each call adds one, and the bucket leaks at a constant rate.

    Calls that do not fit into the bucket are refused.

    `name`: the name of the limit in the control API, unique within the vendor.

    `most`: calls that the bucket holds.

    `per_second`: calls that leak from the bucket per second.

    `per`: the values that distinguish clients, as in `Window`.
    """

    name: str
    most: int
    per_second: int
    per: tuple[str, ...] = ("credential",)

    # The level is counted in millionths of a call, so the amount that leaks in a microsecond is an integer.

    def add_call(self, usage: Usage | None, now: int) -> Usage:
        """Return the usage after one more call."""
        return Usage(self._level(usage, now) + SECOND, now)

    def status(self, usage: Usage | None, most: int, now: int) -> "LimitStatus":
        """Return the status of this limit for one client. `most` replaces the limit's own number of calls."""
        level = self._level(usage, now)
        remaining, excess = max(0, (most * SECOND - level) // SECOND), level + SECOND - most * SECOND
        return LimitStatus(most, remaining, max(0, self._time(excess)), self._time(level))

    def _level(self, usage: Usage | None, now: int) -> int:
        """Return the current level of the bucket. If the clock was set back, assume that nothing leaked."""
        return max(0, usage.used - max(0, now - usage.at) * self.per_second) if usage else 0

    def _time(self, amount: int) -> int:
        """Return the microseconds until this amount has leaked from the bucket, rounded up."""
        return -(-amount // self.per_second)


Limit = Window | LeakyBucket


@dataclass(frozen=True, slots=True)
class LimitStatus:
    """The status of one limit for one client.

    `most`: calls that the limit allows in this sandbox, which may differ from the vendor's number.

    `remaining`: calls that would be accepted now.

    `retry_after`: microseconds until another call is accepted; 0 if a call is accepted now.

    `reset_after`: microseconds until all `most` calls are available again.
    """

    most: int
    remaining: int
    retry_after: int
    reset_after: int


@dataclass(frozen=True, slots=True)
class Quota:
    """The status of all the vendor's limits for the client that made a call.

    `statuses`: the status of each limit by its name, with this call counted. Empty while rate limits are off.

    `refused`: True if this call was refused, and therefore not counted.
    """

    statuses: Mapping[str, LimitStatus] = field(default_factory=dict)
    refused: bool = False

    @property
    def retry_after(self) -> int:
        """Return the microseconds until every limit accepts another call."""
        return max((status.retry_after for status in self.statuses.values()), default=0)

    def used_up(self) -> "Quota":
        """Return the quota as if the first limit had refused the call. Without limits, nothing changes."""
        if not self.statuses:
            return self
        name, first = next(iter(self.statuses.items()))
        first = replace(first, remaining=0, retry_after=max(first.retry_after, first.reset_after))
        return Quota({**self.statuses, name: first}, refused=True)


UNLIMITED = Quota()
Overrides = Mapping[str, Mapping[str, int]]  # vendor -> limit -> calls allowed; replaces `most`
Key = tuple[str, ...]  # vendor, limit, then the values that tell clients apart


@dataclass(frozen=True)
class Limits:
    """The rate limits of one sandbox: whether they are on, the calls they allow, and the calls counted.

    This is an immutable value: counting a call returns a new one.
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
        """Return the status of these limits for a client, without counting a call."""
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
        """Count a call against all limits, or refuse it if one is used up. Return new limits and quota."""
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
        """Return how many calls this limit still allows. If clients differ, the smallest number counts."""
        now, most = _microseconds(moment), self.most(vendor, limit)
        usages = [usage for key, usage in self.usages.items() if key[:2] == (vendor, limit.name)]
        return min((limit.status(usage, most, now).remaining for usage in usages), default=most)


def _key(vendor: str, limit: Limit, client: Mapping[str, str]) -> Key:
    """Return the key for a client's usage. Clients choose its parts, so their length is limited."""
    return (vendor, limit.name, *(client.get(part, "")[:MAX_KEY_PART_LENGTH] for part in limit.per))


def _microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)
