"""Counters of calls: how many fit, and how long to wait for the next one."""

import pytest

from mockserver.server.access.quotas.counters import Bucket, Recent, Window


@pytest.mark.parametrize(
    ("moments", "waits"),
    [
        ([0, 0, 0], [0, 0, 0]),
        ([0, 0, 0, 0], [0, 0, 0, 0.5]),
        ([0, 0, 0, 0.5], [0, 0, 0, 0]),
        ([0, 0, 0, 0.25, 0.5], [0, 0, 0, 0.25, 0]),
        ([0, 0, 0, 0, 0, 10, 10, 10, 10], [0, 0, 0, 0.5, 0.5, 0, 0, 0, 0.5]),
    ],
    ids=[
        "burst",
        "one too many",
        "one leaks out",
        "a refused call takes no room",
        "no more than a burst is saved",
    ],
)
def test_bucket_of_three_that_leaks_two_a_second(moments: list[float], waits: list[float]) -> None:
    bucket = Bucket(2, 3)
    assert [bucket.take(moment) for moment in moments] == waits


def test_charged_call_makes_the_next_one_wait_for_longer() -> None:
    bucket = Bucket(1, 2)
    bucket.take(0)
    bucket.charge()
    bucket.charge()
    assert bucket.take(0) == 2


def test_window_begins_with_its_first_call() -> None:
    window = Window()
    assert [window.take(moment, length=10, most=2) for moment in (5, 6, 7, 14, 15)] == [0, 0, 8, 1, 0]


def test_recent_events_are_forgotten_one_by_one() -> None:
    recent, waits = Recent(), []
    for moment in (0, 1, 2, 10, 10.5):
        waits.append(recent.wait(moment, length=10, most=2))
        if not waits[-1]:
            recent.add(moment)
    assert waits == [0, 0, 8, 0, 0.5]
