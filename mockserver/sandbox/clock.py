"""A clock that can be frozen, set, advanced and resumed; nothing in a sandbox knows another."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

NO_TIME = timedelta(0)
LAST = datetime.max.replace(tzinfo=UTC)


def wall_clock() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Clock:
    """Time as one sandbox tells it: real time plus `offset`, or `frozen` at an instant.

    A value: every change gives a new clock. OverflowError: years end at 9999.
    """

    offset: timedelta = NO_TIME
    frozen: datetime | None = None
    real: Callable[[], datetime] = wall_clock

    @property
    def is_real(self) -> bool:
        """Whether it tells the time that it is."""
        return self.offset is NO_TIME and self.frozen is None and self.real is wall_clock

    def now(self) -> datetime:
        if self.frozen:
            return self.frozen
        if self.offset is NO_TIME:
            return self.real()
        try:
            return self.real() + self.offset
        except OverflowError:  # it has run to the end of the calendar, and stands there
            return LAST

    def freeze(self, instant: datetime | None = None) -> "Clock":
        return replace(self, frozen=instant or self.now())

    def set(self, instant: datetime) -> "Clock":
        """Another time; a frozen clock stays frozen, a running one runs on from there."""
        if self.frozen:
            return replace(self, frozen=instant)
        return replace(self, offset=instant - self.real())

    def advance(self, by: timedelta) -> "Clock":
        return self.set(self.now() + by)

    def resume(self) -> "Clock":
        return replace(self, offset=self.now() - self.real(), frozen=None)
