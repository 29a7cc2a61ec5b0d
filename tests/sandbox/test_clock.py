"""The clock of a sandbox is frozen, set, advanced and resumed, with a fake for the real time."""

from datetime import UTC, datetime, timedelta

import pytest

from mockserver.sandbox.clock import Clock

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


class WallClock:
    """A fake of the real time that moves only when `advance` is called."""

    def __init__(self) -> None:
        self.time = NOON

    def __call__(self) -> datetime:
        return self.time

    def advance(self, seconds: int) -> None:
        self.time += timedelta(seconds=seconds)


def test_new_clock_shows_the_real_time() -> None:
    wall_clock = WallClock()
    clock = Clock(real=wall_clock)
    wall_clock.advance(5)
    assert clock.now() == NOON + timedelta(seconds=5)


def test_frozen_clock_stops_and_resumed_clock_runs_on() -> None:
    wall_clock = WallClock()
    clock = Clock(real=wall_clock).freeze()
    wall_clock.advance(60)
    assert clock.now() == NOON
    clock = clock.resume()
    wall_clock.advance(1)
    assert clock.now() == NOON + timedelta(seconds=1)


@pytest.mark.parametrize("frozen", [True, False])
def test_running_or_frozen_clock_is_set_and_advanced(frozen: bool) -> None:
    wall_clock = WallClock()
    clock = Clock(real=wall_clock).freeze() if frozen else Clock(real=wall_clock)
    later = datetime(2030, 5, 6, tzinfo=UTC)
    clock = clock.set(later).advance(timedelta(days=1))
    wall_clock.advance(10)
    assert clock.now() == later + timedelta(days=1, seconds=0 if frozen else 10)


def test_advance_past_the_last_date_raises_overflow_error() -> None:
    with pytest.raises(OverflowError):
        Clock().advance(timedelta(days=10_000 * 366))
