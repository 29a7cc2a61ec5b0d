"""Records: what a vendor's collection holds in one sandbox, and the changes made to it.

A collection is the page's own records, then the generated ones, then those made later. Changes
lie on top, in an immutable state: a draft that is thrown away leaves no trace, and a copy of a
world costs nothing, however large it is.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from immutables import Map
from msgspec.structs import replace

from mockserver import bits
from mockserver.goods import Goods
from mockserver.shelf import Page, Record, Shelf

MOST_CHANGES = 100_000
FEW, MANY = 1000, 2_000_000  # records that are looked at in a moment, one by one or as bits

Test = Callable[[Record], bool]
Place = tuple[str, str]
Slot = tuple[str, str, str]


class TooManyChanges(Exception):
    """A sandbox holds as many changed records as it will."""


class Layer(msgspec.Struct, frozen=True):
    """All changes of one collection.

    `changed` holds the current record of a key, or None where it was deleted. `added` counts up
    the keys made later, `gone` has the positions of what was deleted, in order, and `found` leads
    from a changed record's aliases to its key.
    """

    changed: Map[str, Record | None] = Map()
    added: Map[int, str] = Map()
    gone: tuple[int, ...] = ()
    found: Map[tuple[str, str], str] = Map()


UNCHANGED = Layer()
ORIGINAL: Any = object()  # stands for a record that nobody has changed


class State(msgspec.Struct, frozen=True):
    """All changes of one sandbox, by vendor and collection, and how many records they are.

    `made` counts the products that were made for all vendors.
    """

    layers: Mapping[Place, Layer] = {}
    changes: int = 0
    made: int = 0


class Draft(msgspec.Struct):
    """One call's view of a sandbox: its records, with the changes that the call has made.

    `changed` has the records that it has changed, as they were and as they are; `seen` is the
    original record that was last asked for by its key, as what is looked at is often changed next.
    """

    goods: Goods
    state: State
    changed: dict[Slot, tuple[Record | None, Record | None]] = {}
    seen: tuple[Shelf, str, Record] | None = None

    def begin(self, state: State) -> None:
        """Look at another state, of which nothing is changed yet."""
        self.state, self.changed, self.seen = state, {}, None


class Records(Sequence[Record]):
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

    def where(self, passes: Test, part: tuple[str, str] | None = None) -> Sequence[Record]:
        """The records that pass, in order, found without looking at each.

        `passes` may look only at fields that repeat. With `part`, the name of a field that does not
        and a text, records that contain the text there pass too, whatever the case of its letters.
        """

        def chosen(record: Record) -> bool:
            if passes(record):
                return True
            return part is not None and part[1] in str(record.get(part[0], "")).lower()

        layer, goods, pinned = self._layer, self._draft.goods, self._shelf.pinned
        first, count = self._shelf.first_period(goods), self._count
        repeating = bits.among((n for n, record in enumerate(first) if passes(record)), len(first))
        found = bits.repeated(repeating, len(first), count)
        if part:
            found |= self._of.parts[part[0]](goods, part[1])
        places = found << len(pinned) | bits.among(
            (place for place, record in enumerate(pinned) if chosen(record)), len(pinned)
        )
        originals = ((self._locate(self._of.key, key), record) for key, record in layer.changed.items())
        if changed := {place: record for place, record in originals if place is not None}:
            passing = (place for place, record in changed.items() if record and chosen(record))
            places = places & ~bits.among(changed, self._standing) | bits.among(passing, self._standing)
        added = (layer.changed[key] for key in self._later)
        later = [record for record in added if record and chosen(record)]
        return Selection(lambda place: self._current(self._original(place)), bits.Chosen(places), later)

    def position(self, key: str) -> int | None:
        """Where the record of a key stands, or None."""
        if self.get(key) is None:
            return None
        place = self._locate(self._of.key, key)
        gone = self._layer.gone
        if place is not None:
            return place - bisect_left(gone, place)
        return self._standing - len(gone) + self._later.index(key)

    def put(self, record: Record) -> None:
        """Replace the record of the same key, or add it. TooManyChanges."""
        key = str(record[self._of.key])
        if self._change(key, record) is not None:
            return
        place, layer = self._locate(self._of.key, key), self._layer
        if place is not None:  # it was deleted: it stands again where it stood
            self._lay(replace(layer, gone=tuple(one for one in layer.gone if one != place)))
        else:
            self._lay(replace(layer, added=layer.added.set(max(layer.added, default=0) + 1, key)))

    def delete(self, key: str) -> None:
        """Take away the record of a key, which must exist. TooManyChanges."""
        self._change(key, None)
        place, layer = self._locate(self._of.key, key), self._layer
        if place is not None:
            gone = list(layer.gone)
            insort(gone, place)
            self._lay(replace(layer, gone=tuple(gone)))
        else:
            number = next(number for number, added in layer.added.items() if added == key)
            added, changed = layer.added.delete(number), layer.changed.delete(key)
            self._lay(replace(layer, added=added, changed=changed), -1)

    def changes(self) -> dict[str, Any]:
        """What differs from the original records: `changed` by key, `added` in order, `deleted` keys."""
        mine = dict(self._layer.changed)
        added = self._later
        rest = sorted(mine.keys() - set(added))
        return {
            "changed": {key: mine[key] for key in rest if mine[key] is not None},
            "added": [mine[key] for key in added],
            "deleted": [key for key in rest if mine[key] is None],
        }

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

    def _lay(self, layer: Layer, more: int = 0) -> None:
        """Another layer in the place of this one, which holds so many changes more."""
        draft = self._draft
        state = draft.state
        layers = {**state.layers, self._shelf.place: layer}
        draft.state = State(layers, state.changes + more, state.made)

    def _change(self, key: str, record: Record | None) -> Record | None:
        """Put a record in its place, and keep its aliases findable; what was there before. TooManyChanges."""
        draft, layer = self._draft, self._layer
        before = layer.changed.get(key, ORIGINAL)
        new_key = before is ORIGINAL
        if new_key:
            before = self._untouched(key)
            if draft.state.changes >= MOST_CHANGES:
                raise TooManyChanges(f"a sandbox holds at most {MOST_CHANGES} changed records")
        slot = (*self._shelf.place, key)
        first = draft.changed[slot][0] if slot in draft.changed else before
        draft.changed[slot] = first, record
        found = self._found_by(key, before, record)
        self._lay(Layer(layer.changed.set(key, record), layer.added, layer.gone, found), int(new_key))
        return before

    def _found_by(self, key: str, before: Record | None, record: Record | None) -> Map[tuple[str, str], str]:
        """Where aliases lead to once a record was changed."""
        found = self._layer.found
        for name in self._of.aliases:
            old, new = before and before.get(name), record and record.get(name)
            if old == new:
                continue
            if found.get((name, str(old))) == key:
                found = found.delete((name, str(old)))
            if new is not None:
                found = found.set((name, str(new)), key)
        return found

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


class Selection(Sequence[Record]):
    """The records at some places, and some that were added later."""

    def __init__(self, at: Callable[[int], Record], places: Sequence[int], later: Sequence[Record]) -> None:
        self._at, self._places, self._later = at, places, later

    def __len__(self) -> int:
        return len(self._places) + len(self._later)

    def __getitem__(self, position):  # type: ignore[no-untyped-def]
        if isinstance(position, slice):
            return [self[one] for one in range(len(self))[position]]
        place = range(len(self))[position]
        standing = len(self._places)
        return self._at(self._places[place]) if place < standing else self._later[place - standing]
