"""A view of one collection in one sandbox: its records, read by position, by key, by alias and by search."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from immutables import Map

from mockserver.catalog import bitset
from mockserver.store.base_records import BaseRecords, Page, Record
from mockserver.store.search import Part, Selection, Test, chosen, matching_places
from mockserver.store.state import ORIGINAL, UNCHANGED, Draft, Overlay

MAX_FAST_SCAN, MAX_FAST_SEARCH = (
    1000,
    2_000_000,
)  # records that are looked at in a moment, one by one or as bits


class RecordsView(Sequence[Record]):
    """One collection as a call sees it. Keys are text; positions count from 0."""

    __slots__ = ("_base", "_count", "_draft", "_of", "_sorted", "_standing")

    def __init__(self, base: BaseRecords, draft: Draft) -> None:
        self._base, self._draft = base, draft
        self._of = base.collection
        self._count = self._of.count(draft.catalog)
        self._standing = len(base.fixtures) + self._count
        self._sorted: tuple[Map[int, str], list[str]] | None = None

    @property
    def _overlay(self) -> Overlay:
        return self._draft.state.overlays.get(self._base.id, UNCHANGED)

    def __len__(self) -> int:
        overlay = self._overlay
        return self._standing - len(overlay.deleted_positions) + len(overlay.added)

    def __getitem__(self, position):  # type: ignore[no-untyped-def]
        return self._page(range(len(self))[position]) if isinstance(position, slice) else self.at(position)

    def at(self, position: int) -> Record:
        """The record at a position. IndexError: there are not so many."""
        overlay = self._overlay
        standing = self._standing - len(overlay.deleted_positions)
        if position < standing:
            return self._current(self._original(self._place(position)))
        try:
            key = self._later[position - standing]
        except IndexError:
            raise IndexError(f"no record {position}") from None
        record = overlay.changed[key]
        assert record is not None
        return record

    def get(self, key: str) -> Record | None:
        """The record of a key, or None."""
        record = self._overlay.changed.get(key, ORIGINAL)
        return self._untouched(key) if record is ORIGINAL else record

    def _untouched(self, key: str) -> Record | None:
        """The original record of a key, or None."""
        draft, base = self._draft, self._base
        if (seen := draft.seen) and seen[0] is base and seen[1] == key:
            return seen[2]
        place = self._locate(self._of.key, key)
        if place is None:
            return None
        record = self._original(place)
        draft.seen = base, key, record
        return record

    def find(self, name: str, value: str) -> Record | None:
        """The record whose key or alias `name` is `value`, or None."""
        if name == self._of.key:
            return self.get(value)
        key = self._overlay.found.get((name, value))
        if key is not None:
            return self.get(key)
        place = self._locate(name, value)
        if place is None:
            return None
        original = self._original(place)
        record = self._overlay.changed.get(str(original[self._of.key]), original)
        return record if record and str(record.get(name)) == value else None

    @property
    def search_is_fast(self) -> bool:
        """Whether `where` will be done in a moment."""
        seen = self._count <= MAX_FAST_SCAN or self._base.has_first_period(self._draft.catalog)
        return seen and self._count <= MAX_FAST_SEARCH and len(self._overlay.changed) <= MAX_FAST_SCAN

    def where(self, passes: Test, id_contains: Part | None = None) -> Sequence[Record]:
        """The records that pass, in order, found without looking at each.

        `passes` may look only at fields that repeat. With `id_contains`, the name of a field that does not
        and a text, records that contain the text there pass too, whatever the case of its letters.
        """
        overlay, catalog = self._overlay, self._draft.catalog
        originals = ((self._locate(self._of.key, key), record) for key, record in overlay.changed.items())
        changed = {place: record for place, record in originals if place is not None}
        places = matching_places(self._base, catalog, passes, id_contains, changed)
        added = (overlay.changed[key] for key in self._later)
        later = [record for record in added if record and chosen(record, passes, id_contains)]
        return Selection(lambda place: self._current(self._original(place)), bitset.Members(places), later)

    def position(self, key: str) -> int | None:
        """Where the record of a key stands, or None."""
        if self.get(key) is None:
            return None
        place = self._locate(self._of.key, key)
        deleted_positions = self._overlay.deleted_positions
        if place is not None:
            return place - bisect_left(deleted_positions, place)
        return self._standing - len(deleted_positions) + self._later.index(key)

    def _page(self, positions: range) -> Sequence[Record]:
        """The records at positions; where none was deleted, most were made in a row."""
        first, overlay = len(self._base.fixtures), self._overlay
        in_a_row = positions.step == 1 and first <= positions.start and positions.stop <= self._standing
        if overlay.deleted_positions or not in_a_row:
            return [self.at(position) for position in positions]
        numbers = range(positions.start - first, positions.stop - first)
        page = Page(self._base, self._draft.catalog, numbers)
        return [self._current(record) for record in page] if overlay.changed else page

    @property
    def _later(self) -> list[str]:
        """The keys of what was made later, in order."""
        added = self._overlay.added
        if self._sorted is None or self._sorted[0] is not added:
            self._sorted = added, [key for _, key in sorted(added.items())]
        return self._sorted[1]

    def _place(self, position: int) -> int:
        """Where among the original records the one at a position of today stands."""
        deleted_positions, place = self._overlay.deleted_positions, position
        while (shifted := position + bisect_right(deleted_positions, place)) != place:
            place = shifted
        return place

    def _original(self, place: int) -> Record:
        fixtures = self._base.fixtures
        if place < len(fixtures):
            return fixtures[place]
        return self._base.generate(self._draft.catalog, place - len(fixtures))

    def _locate(self, name: str, value: str) -> int | None:
        """The place among the original records of a key or alias, or None."""
        fixtures = self._base.positions.get((name, value))
        if fixtures is not None:
            return fixtures
        locate = self._of.locate if name == self._of.key else self._of.aliases[name]
        number = locate(self._draft.catalog, value)
        if number is None or not 0 <= number < self._count:
            return None
        return number + len(self._base.fixtures)

    def _current(self, record: Record) -> Record:
        changed = self._overlay.changed.get(str(record[self._of.key]))
        return record if changed is None else changed
