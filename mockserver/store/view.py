"""A view of one collection in one sandbox: its records, read by position, by key, by alias and by search."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from immutables import Map

from mockserver.catalog import bitset
from mockserver.store.base_records import Page, Record, Shelf
from mockserver.store.search import Part, Selection, Test, chosen, matching_places
from mockserver.store.state import ORIGINAL, UNCHANGED, Draft, Layer

FEW, MANY = 1000, 2_000_000  # records that are looked at in a moment, one by one or as bits


class RecordsView(Sequence[Record]):
    """One collection as a call sees it. Keys are text; positions count from 0."""

    __slots__ = ("_count", "_draft", "_of", "_shelf", "_sorted", "_standing")

    def __init__(self, shelf: Shelf, draft: Draft) -> None:
        self._shelf, self._draft = shelf, draft
        self._of = shelf.collection
        self._count = self._of.count(draft.goods)
        self._standing = len(shelf.pinned) + self._count
        self._sorted: tuple[Map[int, str], list[str]] | None = None

    @property
    def _layer(self) -> Layer:
        return self._draft.state.layers.get(self._shelf.place, UNCHANGED)

    def __len__(self) -> int:
        layer = self._layer
        return self._standing - len(layer.gone) + len(layer.added)

    def __getitem__(self, position):  # type: ignore[no-untyped-def]
        return self._page(range(len(self))[position]) if isinstance(position, slice) else self.at(position)

    def at(self, position: int) -> Record:
        """The record at a position. IndexError: there are not so many."""
        layer = self._layer
        standing = self._standing - len(layer.gone)
        if position < standing:
            return self._current(self._original(self._place(position)))
        try:
            key = self._later[position - standing]
        except IndexError:
            raise IndexError(f"no record {position}") from None
        record = layer.changed[key]
        assert record is not None
        return record

    def get(self, key: str) -> Record | None:
        """The record of a key, or None."""
        record = self._layer.changed.get(key, ORIGINAL)
        return self._untouched(key) if record is ORIGINAL else record

    def _untouched(self, key: str) -> Record | None:
        """The original record of a key, or None."""
        draft, shelf = self._draft, self._shelf
        if (seen := draft.seen) and seen[0] is shelf and seen[1] == key:
            return seen[2]
        place = self._locate(self._of.key, key)
        if place is None:
            return None
        record = self._original(place)
        draft.seen = shelf, key, record
        return record

    def find(self, name: str, value: str) -> Record | None:
        """The record whose key or alias `name` is `value`, or None."""
        if name == self._of.key:
            return self.get(value)
        key = self._layer.found.get((name, value))
        if key is not None:
            return self.get(key)
        place = self._locate(name, value)
        if place is None:
            return None
        original = self._original(place)
        record = self._layer.changed.get(str(original[self._of.key]), original)
        return record if record and str(record.get(name)) == value else None

    @property
    def quick_to_search(self) -> bool:
        """Whether `where` will be done in a moment."""
        seen = self._count <= FEW or self._shelf.knows(self._draft.goods)
        return seen and self._count <= MANY and len(self._layer.changed) <= FEW

    def where(self, passes: Test, part: Part | None = None) -> Sequence[Record]:
        """The records that pass, in order, found without looking at each.

        `passes` may look only at fields that repeat. With `part`, the name of a field that does not
        and a text, records that contain the text there pass too, whatever the case of its letters.
        """
        layer, goods = self._layer, self._draft.goods
        originals = ((self._locate(self._of.key, key), record) for key, record in layer.changed.items())
        changed = {place: record for place, record in originals if place is not None}
        places = matching_places(self._shelf, goods, passes, part, changed)
        added = (layer.changed[key] for key in self._later)
        later = [record for record in added if record and chosen(record, passes, part)]
        return Selection(lambda place: self._current(self._original(place)), bitset.Chosen(places), later)

    def position(self, key: str) -> int | None:
        """Where the record of a key stands, or None."""
        if self.get(key) is None:
            return None
        place = self._locate(self._of.key, key)
        gone = self._layer.gone
        if place is not None:
            return place - bisect_left(gone, place)
        return self._standing - len(gone) + self._later.index(key)

    def _page(self, positions: range) -> Sequence[Record]:
        """The records at positions; where none was deleted, most were made in a row."""
        first, layer = len(self._shelf.pinned), self._layer
        in_a_row = positions.step == 1 and first <= positions.start and positions.stop <= self._standing
        if layer.gone or not in_a_row:
            return [self.at(position) for position in positions]
        numbers = range(positions.start - first, positions.stop - first)
        page = Page(self._shelf, self._draft.goods, numbers)
        return [self._current(record) for record in page] if layer.changed else page

    @property
    def _later(self) -> list[str]:
        """The keys of what was made later, in order."""
        added = self._layer.added
        if self._sorted is None or self._sorted[0] is not added:
            self._sorted = added, [key for _, key in sorted(added.items())]
        return self._sorted[1]

    def _place(self, position: int) -> int:
        """Where among the original records the one at a position of today stands."""
        gone, place = self._layer.gone, position
        while (shifted := position + bisect_right(gone, place)) != place:
            place = shifted
        return place

    def _original(self, place: int) -> Record:
        pinned = self._shelf.pinned
        if place < len(pinned):
            return pinned[place]
        return self._shelf.one(self._draft.goods, place - len(pinned))

    def _locate(self, name: str, value: str) -> int | None:
        """The place among the original records of a key or alias, or None."""
        pinned = self._shelf.positions.get((name, value))
        if pinned is not None:
            return pinned
        locate = self._of.locate if name == self._of.key else self._of.aliases[name]
        number = locate(self._draft.goods, value)
        if number is None or not 0 <= number < self._count:
            return None
        return number + len(self._shelf.pinned)

    def _current(self, record: Record) -> Record:
        changed = self._layer.changed.get(str(record[self._of.key]))
        return record if changed is None else changed
