"""Journals: numbers, order, and the bounds on one and on all of them."""

from collections.abc import Sequence

import pytest

from mockserver.sandbox.journal import journal as journal_module
from mockserver.sandbox.journal.entry import KeptEntry
from mockserver.sandbox.journal.journal import (
    MAX_ENTRIES,
    MAX_IDLE_MARKS,
    MAX_JOURNAL_BYTES,
    Journal,
    Journals,
    merged,
    read_on,
)

pytestmark = pytest.mark.finding("A5")


def add(journal: Journal, weight: int = 1, count: int = 1) -> None:
    for _ in range(count):
        journal.add(KeptEntry(sandbox=journal.name, weight=weight))


def ids(entries: Sequence[KeptEntry]) -> list[str]:
    return [f"{entry.sandbox}.{entry.serial}" for entry in entries]


def test_serials_count_per_journal_and_are_not_restarted() -> None:
    journals = Journals()
    a, b = journals.new("a"), journals.new("b")
    add(a, count=2)
    add(b)
    a.clear()
    add(a)
    assert (ids(a.entries()), ids(b.entries())) == (["a.3"], ["b.1"])
    assert (a.serial, a.dropped, journals.count) == (3, 0, 4)


def test_entry_is_found_by_its_serial() -> None:
    journal = Journals().new("a")
    assert journal.find(1) is None
    add(journal, count=MAX_ENTRIES + 2)
    found = [journal.find(serial) for serial in (0, 2, 3, MAX_ENTRIES + 2, MAX_ENTRIES + 3)]
    assert [entry and entry.serial for entry in found] == [None, None, 3, MAX_ENTRIES + 2, None]


def test_journal_has_bounds_of_its_own() -> None:
    journals = Journals()
    many, large = journals.new("many"), journals.new("large")
    add(many, count=MAX_ENTRIES + 5)
    add(large, MAX_JOURNAL_BYTES // 2 + 1, count=3)
    assert (len(many), many.dropped) == (MAX_ENTRIES, 5)
    assert (len(large), large.dropped) == (1, 2)
    assert journals.bytes == MAX_ENTRIES + MAX_JOURNAL_BYTES // 2 + 1


def test_oldest_entries_of_all_journals_go_first() -> None:
    journals = Journals(100)
    a, b, c = (journals.new(name) for name in "abc")
    add(a, 40)
    add(b, 30)
    add(a, 20)
    add(c, 35)
    assert ids([*merged([a, b, c])]) == ["b.1", "a.2", "c.1"]
    add(c, 80)
    assert (ids([*merged([a, b, c])]), journals.bytes) == (["c.2"], 80)
    assert [journal.dropped for journal in (a, b, c)] == [2, 1, 1]
    add(a, 101)
    assert ([*merged([a, b, c])], journals.bytes) == ([], 0)


def test_entries_that_a_journal_removes_itself_do_not_count() -> None:
    journals = Journals(100)
    a, b = journals.new("a"), journals.new("b")
    add(a, 50)
    add(b, 40)
    a.clear()
    add(b, 60)
    assert (ids(b.entries()), journals.bytes) == (["b.1", "b.2"], 100)
    add(a, 1)
    assert ids([*merged([a, b])]) == ["b.2", "a.2"]


def test_journal_of_a_sandbox_that_has_ended_keeps_nothing() -> None:
    journals = Journals(100)
    a = journals.new("a")
    add(a, 50)
    a.close()
    add(a, 50)
    assert (a.entries(), a.serial, journals.bytes) == ((), 2, 0)


def test_marks_do_not_grow_with_the_number_of_calls() -> None:
    journals = Journals()
    a, b = journals.new("a"), journals.new("b")
    add(b)
    for _ in range(10):
        add(a, count=MAX_ENTRIES)
        assert len(journals.marks) <= 2 * (MAX_ENTRIES + MAX_IDLE_MARKS + 2)
    for name in map(str, range(3000)):
        ended = journals.new(name)
        add(ended)
        ended.close()
    assert len(journals.marks) <= 2 * (MAX_ENTRIES + MAX_IDLE_MARKS + 2)
    assert ids(b.entries()) == ["b.1"]
    journals.max_bytes = journals.bytes
    add(a)
    assert b.entries() == (), "the oldest of all entries goes first, whatever was removed in between"


def test_arrivals_increase_even_if_the_wall_clock_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    journals = Journals()
    a, b = journals.new("a"), journals.new("b")
    now = journals.latest + 100
    times = iter([now, now, now - 1, now + 4])
    monkeypatch.setattr(journal_module.time, "time_ns", lambda: 1000 * next(times))
    for journal in (a, b, a, b):
        add(journal)
    assert [entry.arrived for entry in merged([a, b])] == [now, now + 1, now + 2, now + 4]


def test_reading_on_returns_every_entry_once_in_pieces() -> None:
    journals = Journals()
    a, b = journals.new("a"), journals.new("b")
    for n in range(25):
        add(a if n % 3 else b, weight=10)
    read: list[str] = []
    after, until = 0, journals.latest
    add(a)
    sizes = []
    while True:
        entries, later = read_on([a, b], after, until, 4, 35)
        if not entries:
            break
        sizes.append(len(entries))
        assert later == 25 - len(read)
        read += ids(entries)
        after = entries[-1].arrived
    assert read == ids([*merged([a, b], until=until)])
    assert set(sizes) == {3, 1}
    assert len(read_on([a, b], 0, until, 4, 1)[0]) == 1, "one entry is returned, however large it is"


def test_merged_entries_are_between_two_arrivals_in_both_directions() -> None:
    journals = Journals()
    a, b = journals.new("a"), journals.new("b")
    for journal in (a, b, a, b, a):
        add(journal)
    first, second, *_, last = merged([a, b])
    assert ids([*merged([a, b], first.arrived, last.arrived - 1)]) == ["b.1", "a.2", "b.2"]
    assert ids([*merged([a, b], newest_first=True)]) == ["a.3", "b.2", "a.2", "b.1", "a.1"]
    assert ids([*merged([a], second.arrived, newest_first=True)]) == ["a.3", "a.2"]
    assert [*merged([])] == []
