"""The turns that a server knows: which of them are not in a log any more."""

import pytest

from mockserver.sandbox.log.known_turns import HERE, KnownTurns, Lost
from mockserver.sandbox.log.log import MAX_ENTRIES, Entry


def entries(first: int, last: int, branch: int = 0) -> list[Entry]:
    """Return entries with the times from `first` to `last`. Those of another branch have other tokens."""
    return [Entry(token=b"%02d%06d" % (branch, time), time=time, parts={}) for time in range(first, last + 1)]


def known(first: int, last: int) -> KnownTurns:
    """Return turns that are known; this server has answered those with an even time."""
    turns = KnownTurns()
    for one in entries(first, last):
        turns.add(one.token, one.time, *([HERE] if one.time % 2 == 0 else []))
    return turns


LOGS = {
    "nothing new": (entries(1, 10), Lost()),
    "newer ones": (entries(1, 20), Lost()),
    "only the latest ones, some of which are known": (entries(8, 20), Lost()),
    "nobody can tell": (entries(11, 20), Lost()),
    "the tail is missing": (entries(1, 7), Lost(here=2, elsewhere=1)),
    "another tail": ([*entries(1, 7), *entries(8, 9, branch=1)], Lost(here=2, elsewhere=1)),
    "a longer tail": ([*entries(3, 4), *entries(5, 30, branch=1)], Lost(here=3, elsewhere=3)),
    "all are missing": (entries(1, 10, branch=1), Lost(here=5, elsewhere=5)),
    "all are older": (entries(-3, 0), Lost(here=5, elsewhere=5)),
}


@pytest.mark.parametrize(("log", "lost"), LOGS.values(), ids=LOGS)
def test_turns_that_a_log_lacks_are_counted_once(log: list[Entry], lost: Lost) -> None:
    turns = known(1, 10)
    assert turns.meet(log) == lost
    assert turns.latest == log[-1].time
    assert turns.meet(log) == Lost()
    assert turns.meet([*log, *entries(31, 33, branch=2)]) == Lost()
    assert turns.meet(log) == Lost(elsewhere=3)


def test_as_many_turns_are_known_as_a_log_keeps() -> None:
    turns = known(1, 10 * MAX_ENTRIES)
    assert MAX_ENTRIES <= turns.take_all().turns <= 2 * MAX_ENTRIES
    assert turns.take_all() == Lost()
