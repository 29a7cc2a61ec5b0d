"""Counters of calls: how many fit, and how long to wait for the next one."""

import pytest

from mockserver.server.access.quotas.counters import Bucket, Window
from mockserver.server.access.quotas.creations import seconds_to_wait


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


def test_window_also_counts_what_others_have_counted() -> None:
    window, taken = Window(began=0), []
    for moment, total in ((1, 0), (2, 1), (3, 5), (4, 6), (11, 9), (12, 9), (13, 11), (14, 11)):
        taken.append(window.take(moment, length=10, most=6, total=total))
    assert taken == [0, 0, 0, 6, 0, 0, 0, 0], "the second window begins with the ninth call"
    assert window.take(15, length=10, most=6, total=15) == 6
    assert Window().take(1, length=10, most=6, total=1000) == 0, "nobody knows when those were"


def test_events_of_a_time_are_forgotten_one_by_one() -> None:
    events: list[float] = []
    waits = []
    for moment in (0, 1, 2, 10, 10.5):
        waits.append(seconds_to_wait(events, moment, length=10, most=2))
        if not waits[-1]:
            events.append(moment)
    assert waits == [0, 0, 8, 0, 0.5]
