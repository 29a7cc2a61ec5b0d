"""The clock: frozen, set, advanced, resumed, without waiting for anything."""

from datetime import UTC, datetime, timedelta

import pytest

from mockserver.sandbox.clock import Clock

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


class Wall:
    """A wall clock that moves when told to."""

    def __init__(self) -> None:
        self.time = NOON

    def __call__(self) -> datetime:
        return self.time

    def passes(self, seconds: int) -> None:
        self.time += timedelta(seconds=seconds)


def test_a_new_clock_tells_the_time_on_the_wall() -> None:
    wall = Wall()
    clock = Clock(real=wall)
    wall.passes(5)
    assert clock.now() == NOON + timedelta(seconds=5)


def test_a_frozen_clock_stands_and_a_resumed_one_goes_on_from_there() -> None:
    wall = Wall()
    clock = Clock(real=wall).freeze()
    wall.passes(60)
    assert clock.now() == NOON
    clock = clock.resume()
    wall.passes(1)
    assert clock.now() == NOON + timedelta(seconds=1)


@pytest.mark.parametrize("frozen", [True, False])
def test_a_clock_can_be_set_and_advanced_running_or_frozen(frozen: bool) -> None:
    wall = Wall()
    clock = Clock(real=wall).freeze() if frozen else Clock(real=wall)
    later = datetime(2030, 5, 6, tzinfo=UTC)
    clock = clock.set(later).advance(timedelta(days=1))
    wall.passes(10)
    assert clock.now() == later + timedelta(days=1, seconds=0 if frozen else 10)


def test_the_end_of_time_is_an_overflow() -> None:
    with pytest.raises(OverflowError):
        Clock().advance(timedelta(days=10_000 * 366))
