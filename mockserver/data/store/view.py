"""A read-only view of one collection in one sandbox, with access by position, key, alias and search.

A record's index is its place among the original records, and never changes. Its position is its place among
the current records, and shifts when records before it are deleted.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from operator import itemgetter
from typing import Any

from immutables import Map

from mockserver.data.catalog import bitset
from mockserver.data.catalog.products import Catalog
from mockserver.data.store.base_records import BaseRecords, Page, Record
from mockserver.data.store.search import (
    IdText,
    Predicate,
    SearchResult,
    combined_indexes,
    matches,
    matching_indexes,
)
from mockserver.data.store.sorted import SortedRecords, runs
from mockserver.data.store.state import ORIGINAL, UNCHANGED, Draft, Overlay

MAX_FAST_SCAN = 1000  # records that can be scanned one by one without making other calls wait
MAX_FAST_SEARCH = 2_000_000  # records that a search of bit sets can handle without making other calls wait


class RecordsView(Sequence[Record]):
    """The records of one collection as a call sees them. Keys are strings; positions count from 0."""

    __slots__ = ("_added_cache", "_base", "_collection", "_draft", "_generated_count", "_original_count")

    def __init__(self, base: BaseRecords, draft: Draft) -> None:
        self._base, self._draft = base, draft
        self._collection = base.collection
        self._generated_count = self._collection.count(draft.catalog)
        self._original_count = len(base.fixtures) + self._generated_count
        self._added_cache: tuple[Map[int, str], list[str]] | None = None

    @property
    def _overlay(self) -> Overlay:
        return self._draft.state.overlays.get(self._base.id, UNCHANGED)

    def __len__(self) -> int:
        overlay = self._overlay
        return self._original_count - len(overlay.deleted_indexes) + len(overlay.added)

    def __getitem__(self, position):  # type: ignore[no-untyped-def]
        return self._page(range(len(self))[position]) if isinstance(position, slice) else self.at(position)

    def at(self, position: int) -> Record:
        """Return the record at a position. Raise IndexError if the position is out of range."""
        overlay = self._overlay
        remaining = self._original_count - len(overlay.deleted_indexes)
        if position < remaining:
            return self._current(self._original(self._index_at(position)))
        try:
            key = self._added_keys[position - remaining]
        except IndexError:
            raise IndexError(f"there is no record at position {position}") from None
        record = overlay.changed[key]
        assert record is not None
        return record

    def get(self, key: str) -> Record | None:
        """Return the record with this key, or None.

        Do not change it in place: sandboxes share the original records. Put a changed copy instead.
        """
        overlay = self._draft.state.overlays.get(self._base.id)
        record = overlay.changed.get(key, ORIGINAL) if overlay else ORIGINAL
        return self._original_with_key(key) if record is ORIGINAL else record

    def _original_with_key(self, key: str) -> Record | None:
        draft, base = self._draft, self._base
        if (last := draft.last_read) and last[0] is base and last[1] == key:
            return last[2]
        index = self._index_of(self._collection.key, key)
        if index is None:
            return None
        record = self._original(index)
        draft.last_read = base, key, record
        return record

    def find(self, name: str, value: str) -> Record | None:
        """Return the record whose field `name` has this value, or None. `name` is the key or an alias."""
        if name == self._collection.key:
            return self.get(value)
        key = self._overlay.aliases.get((name, value))
        if key is not None:
            return self.get(key)
        index = self._index_of(name, value)
        if index is None:
            return None
        original = self._original(index)
        record = self._overlay.changed.get(str(original[self._collection.key]), original)
        return record if record and str(record.get(name)) == value else None

    def find_all(self, name: str, value: str) -> list[Record]:
        """Return all records whose field `name` has this value, in order. `name` is the key or an alias."""
        overlay = self._overlay
        found = [one for one in overlay.changed.values() if one is not None and str(one.get(name)) == value]
        index = self._index_of(name, value)
        if index is not None:
            original = self._original(index)
            if str(original[self._collection.key]) not in overlay.changed:
                found.append(original)
        if len(found) > 1:
            found.sort(key=lambda record: self.position(str(record[self._collection.key])) or 0)
        return found

    def changed(self, key: str, original: Record) -> Record | None:
        """Return the current version of the original record with this key, or None if it is deleted."""
        return self._overlay.changed.get(key, original)

    def fixtures(self) -> Iterator[Record]:
        """Yield the current versions of the records from the fixture file, without the deleted ones."""
        for original in self._base.fixtures:
            if record := self.changed(str(original[self._collection.key]), original):
                yield record

    def changed_generated(self) -> Iterator[tuple[int, Record | None]]:
        """Yield (number, current version) for each generated record that is changed or deleted.

        The current version of a deleted record is None.
        """
        locate = self._collection.locate
        for key, record in self._overlay.changed.items():
            number = locate(self._draft.catalog, key)
            if number is not None and 0 <= number < self._generated_count:
                yield number, record

    @property
    def base(self) -> BaseRecords:
        """Return the collection with the records that it starts with."""
        return self._base

    @property
    def catalog(self) -> Catalog:
        """Return the catalog from which the generated records are made."""
        return self._draft.catalog

    @property
    def changed_count(self) -> int:
        """Return the number of changed, added and deleted records."""
        return len(self._overlay.changed)

    def changed_keys(self) -> list[str]:
        """Return the keys of the changed and added records."""
        return [key for key, record in self._overlay.changed.items() if record is not None]

    def original(self, key: str) -> Record | None:
        """Return the record that had this key at the beginning, or None."""
        return self._original_with_key(key)

    def deleted_keys(self) -> list[str]:
        """Return the keys of the deleted records."""
        return [key for key, record in self._overlay.changed.items() if record is None]

    def not_as_generated(self) -> Iterator[tuple[int, Record]]:
        """Yield each fixture, changed and added record as it is now, with its `sequence_number`."""
        overlay, name = self._overlay, self._collection.key
        numbers = {key: len(self._base.fixtures) + number for number, key in overlay.added.items()}
        numbers |= {str(record[name]): index for index, record in enumerate(self._base.fixtures)}
        for index, record in enumerate(self._base.fixtures):
            if str(record[name]) not in overlay.changed:
                yield index, record
        for key, now in overlay.changed.items():
            if now is not None:
                yield numbers.get(key, -1), now

    def sequence_number(self, key: str) -> int:
        """Return a number by which fixtures and added records are in order. Other records do not change it.

        It is -1 for a generated record, and if there is no such record.
        """
        index = self._base.fixture_indexes.get((self._collection.key, key))
        if index is not None:
            return index
        added = next((number for number, one in self._overlay.added.items() if one == key), None)
        return -1 if added is None else len(self._base.fixtures) + added

    @property
    def next_added(self) -> int:
        """The number of the next record that is added, from 1 on. It begins anew when none is left.

        Handlers make ids of it, as a database counts its rows. Such an id can be taken all the same: the
        control API may have added a record with any id.
        """
        return self._overlay.next_added

    def added(self) -> Iterator[Record]:
        """Yield the added records, in the order in which they were added."""
        changed = self._overlay.changed
        return (record for key in self._added_keys if (record := changed[key]) is not None)

    @property
    def search_is_fast(self) -> bool:
        """Return True if `where` is fast. A fast search need not run in a thread."""
        fast = self._generated_count <= MAX_FAST_SCAN or self._base.has_first_period(self._draft.catalog)
        return (
            fast and self._generated_count <= MAX_FAST_SEARCH and len(self._overlay.changed) <= MAX_FAST_SCAN
        )

    def where(self, passes: Predicate, id_contains: IdText | None = None) -> Sequence[Record]:
        """Return the records for which `passes` returns True, in order. Do not read every record.

        `passes` must not use the fields in the collection's `id_formats`. `id_contains` searches one of these
        fields. It is a pair (field name, lower-case string). The result then also has all records whose field
        contains the string, ignoring case.
        """
        indexes = matching_indexes(
            self._base, self._draft.catalog, passes, id_contains, self._changed_originals()
        )
        return self._result(indexes, lambda record: matches(record, passes, id_contains))

    def among(self, generated: int, passes: Predicate) -> Sequence[Record]:
        """Return the generated records with numbers in a bit set, and all others that pass, in order.

        A generated record that has changed is returned if its number is in the set or if it passes.
        """
        fixtures, changed = self._base.fixtures, self._changed_originals()
        kept = bitset.from_numbers(
            (index - len(fixtures) for index, record in changed.items() if record), self._generated_count
        )
        indexes = combined_indexes(fixtures, generated, self._generated_count, passes, changed)
        return self._result(indexes | (generated & kept) << len(fixtures), passes)

    def in_order(
        self, key: Callable[[Record], Any], passes: Predicate, *, descending: bool = False
    ) -> Sequence[Record]:
        """Return the records for which `passes` returns True, sorted by `key`. Do not read every record.

        Neither function may use the fields in the collection's `id_formats`. Of records with equal keys, the
        generated ones are first, ordered by their numbers in the period. A change of a record that leaves
        its key as it is does not move it.
        """
        changed, first = self._changed_originals(), len(self._base.fixtures)
        generated = {index - first: record for index, record in changed.items() if index >= first}
        others = [*(changed.get(index, one) for index, one in enumerate(self._base.fixtures)), *self.added()]
        templates = self._base.first_period(self._draft.catalog)
        period = len(templates)
        parts: list[tuple[Any, int, int, range | Record]] = [
            (value, run.start % period, run.start, run)
            for record, its_runs in runs(templates, self._generated_count, generated, passes)
            for value in [key(record)]
            for run in its_runs
        ]
        ones = [(number % period, number, record) for number, record in generated.items()]
        ones += [(period, number, record) for number, record in enumerate(others)]
        parts += [(key(one), place, number, one) for place, number, one in ones if one and passes(one)]
        parts.sort(key=itemgetter(1, 2))
        parts.sort(key=itemgetter(0), reverse=descending)
        read = partial(self._base.generate, self._draft.catalog)
        return SortedRecords(read, [part for *_, part in parts])

    def _changed_originals(self) -> dict[int, Record | None]:
        """Return the current version of each original record that has changed, by index; None if deleted."""
        name, changed = self._collection.key, self._overlay.changed
        by_index = ((self._index_of(name, key), record) for key, record in changed.items())
        return {index: record for index, record in by_index if index is not None}

    def _result(self, indexes: int, passes: Predicate) -> SearchResult:
        """Return the original records with these indexes, and the added ones that pass."""
        found = [record for record in self.added() if passes(record)]
        return SearchResult(
            lambda index: self._current(self._original(index)), bitset.Members(indexes), found
        )

    def position(self, key: str) -> int | None:
        """Return the position of the record with this key, or None if there is no such record."""
        if self.get(key) is None:
            return None
        index = self._index_of(self._collection.key, key)
        deleted_indexes = self._overlay.deleted_indexes
        if index is not None:
            return index - bisect_left(deleted_indexes, index)
        return self._original_count - len(deleted_indexes) + self._added_keys.index(key)

    def index_of(self, key: str) -> int:
        """Return the index of the original record with this key, or the number of all if there is none."""
        index = self._index_of(self._collection.key, key)
        return self._original_count if index is None else index

    def _page(self, positions: range) -> Sequence[Record]:
        """Return the records at these positions, as a `Page` if they are consecutive generated records."""
        first, overlay = len(self._base.fixtures), self._overlay
        consecutive = (
            positions.step == 1 and first <= positions.start and positions.stop <= self._original_count
        )
        if overlay.deleted_indexes or not consecutive:
            return [self.at(position) for position in positions]
        numbers = range(positions.start - first, positions.stop - first)
        page = Page(self._base, self._draft.catalog, numbers)
        return [self._current(record) for record in page] if overlay.changed else page

    @property
    def _added_keys(self) -> list[str]:
        """Return the keys of the added records, in the order in which they were added."""
        added = self._overlay.added
        if self._added_cache is None or self._added_cache[0] is not added:
            self._added_cache = added, [key for _, key in sorted(added.items())]
        return self._added_cache[1]

    def _index_at(self, position: int) -> int:
        """Return the index of the original record that is now at a position."""
        deleted_indexes, index = self._overlay.deleted_indexes, position
        while (shifted := position + bisect_right(deleted_indexes, index)) != index:
            index = shifted
        return index

    def _original(self, index: int) -> Record:
        fixtures = self._base.fixtures
        if index < len(fixtures):
            return fixtures[index]
        return self._base.generate(self._draft.catalog, index - len(fixtures))

    def _index_of(self, name: str, value: str) -> int | None:
        """Return the index of the original record whose field `name` has this value, or None."""
        index = self._base.fixture_indexes.get((name, value))
        if index is not None:
            return index
        locate = self._collection.locate if name == self._collection.key else self._collection.aliases[name]
        number = locate(self._draft.catalog, value)
        if number is None or not 0 <= number < self._generated_count:
            return None
        return number + len(self._base.fixtures)

    def _current(self, record: Record) -> Record:
        """Return the current version of an original record: the changed record or, by default, `record`."""
        changed = self._overlay.changed.get(str(record[self._collection.key]))
        return record if changed is None else changed
