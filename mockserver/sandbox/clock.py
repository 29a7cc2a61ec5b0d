"""A sandbox's clock, which can be frozen, set, advanced and resumed. All of a sandbox's calls use it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

NO_TIME = timedelta(0)
LAST_MOMENT = datetime.max.replace(tzinfo=UTC)


def wall_clock() -> datetime:
    """Return the real time, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock that shows the real time plus `offset`, or the instant `frozen` if that is set.

    A clock is immutable. The methods `freeze`, `set`, `advance` and `resume` return a new clock. They raise
    OverflowError if the new time is after the year 9999.
    """

    offset: timedelta = NO_TIME
    frozen: datetime | None = None
    real: Callable[[], datetime] = wall_clock

    def now(self) -> datetime:
        """Return the time that this clock shows. A running clock stops at the end of the year 9999."""
        if self.frozen:
            return self.frozen
        if self.offset is NO_TIME:
            return self.real()
        try:
            return self.real() + self.offset
        except OverflowError:
            return LAST_MOMENT

    def freeze(self, instant: datetime | None = None) -> "Clock":
        """Return a clock that always shows `instant`, by default the time that this clock shows now."""
        return replace(self, frozen=instant or self.now())

    def set(self, instant: datetime) -> "Clock":
        """Return a clock that shows `instant`. A frozen clock stays frozen; a running clock keeps running."""
        if self.frozen:
            return replace(self, frozen=instant)
        return replace(self, offset=instant - self.real())

    def advance(self, by: timedelta) -> "Clock":
        """Return a clock that is ahead of this one by a duration."""
        later = self.now() + by
        return replace(self, frozen=later) if self.frozen else replace(self, offset=self.offset + by)

    def resume(self) -> "Clock":
        """Return a running clock that starts at the time that this clock shows now."""
        return replace(self, offset=self.now() - self.real(), frozen=None)


REAL_TIME = Clock()
