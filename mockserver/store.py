"""Records: what a vendor's collection holds in one sandbox, and the changes made to it.

A collection is the page's own records, then the generated ones, then those made later. Changes
lie on top, in an immutable state: a draft that is thrown away leaves no trace, and a copy of a
world costs nothing, however large it is.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

from immutables import Map

from mockserver import bits
from mockserver.goods import Goods

MOST_CHANGES = 100_000
FEW, MANY = 1000, 2_000_000  # records that are looked at in a moment, one by one or as bits
NONE_ADDED: Map[int, str] = Map()

Record = Mapping[str, Any]
Locate = Callable[[Goods, str], int | None]
Test = Callable[[Record], bool]


class TooManyChanges(Exception):
    """A sandbox holds as many changed records as it will."""


@dataclass(frozen=True)
class Collection:
    """One kind of record at one vendor: how it is named, counted, made and found again.

    `key` is the field that names a record. `make` builds generated record `n` of `count`;
    `locate` finds the `n` of a key, `aliases` the `n` of another field's value. After `period`
    generated records all repeats but what is made from `n` itself; of the fields that are, `parts`
    tells, as bits, which records contain a text there (in lower case). 0: nothing repeats.
    """

    name: str
    key: str
    count: Callable[[Goods], int] = lambda goods: 0
    make: Callable[[Goods, int], Record] = lambda goods, n: {}
    locate: Locate = lambda goods, key: None
    aliases: Mapping[str, Locate] = field(default_factory=dict)
    period: Callable[[Goods], int] = lambda goods: 0
    parts: Mapping[str, Callable[[Goods, str], int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Shelf:
    """A collection, with its vendor and the page's own records."""

    vendor: str
    collection: Collection
    pinned: tuple[Record, ...]
    positions: Mapping[tuple[str, str], int]
    periods: WeakKeyDictionary[Goods, list[Record]] = field(default_factory=WeakKeyDictionary, compare=False)

    @classmethod
    def of(cls, vendor: str, collection: Collection, pinned: tuple[Record, ...]) -> "Shelf":
        """The shelf of a vendor's collection. KeyError: a pinned record has no key."""
        fields = (collection.key, *collection.aliases)
        for record in pinned:
            record[collection.key]
        positions = {
            (name, str(record[name])): n
            for n, record in enumerate(pinned)
            for name in fields
            if record.get(name) is not None
        }
        return cls(vendor, collection, pinned, positions)

    def first_period(self, goods: Goods) -> list[Record]:
        """The generated records up to where they begin to repeat; kept for as long as the goods are."""
        known = self.periods.get(goods)
        if known is None:
            count, of = self.collection.count(goods), self.collection
            known = [of.make(goods, n) for n in range(min(of.period(goods) or count, count))]
            self.periods[goods] = known
        return known

    @cached_property
    def place(self) -> tuple[str, str]:
        return self.vendor, self.collection.name


Slot = tuple[str, str, str]


@dataclass(frozen=True)
class State:
    """All changes of one sandbox.

    `changed` holds the current record of a slot (vendor, collection, key), or None where it was
    deleted. `added` counts up the keys made later, `gone` has the positions of what was deleted,
    in order, and `found` leads from a changed record's aliases to its key. `made` counts the
    products that were made for all vendors.
    """

    changed: Map[Slot, Record | None] = field(default_factory=Map)
    added: Map[tuple[str, str], Map[int, str]] = field(default_factory=Map)
    gone: Map[tuple[str, str], tuple[int, ...]] = field(default_factory=Map)
    found: Map[tuple[str, str, str, str], str] = field(default_factory=Map)
    made: int = 0


class Draft:
    """One call's view of a sandbox: its records, with the changes that the call has made."""

    def __init__(self, goods: Goods, state: State) -> None:
        self.goods, self.state = goods, state
        self.before: dict[Slot, Record | None] = {}
        """The records that the call has changed, as they were."""


class Records(Sequence[Record]):
    """One collection as a call sees it. Keys are text; positions count from 0."""

    def __init__(self, shelf: Shelf, draft: Draft) -> None:
        self._shelf, self._draft = shelf, draft
        self._of = shelf.collection
        self._sorted: tuple[Map[int, str], list[str]] | None = None

    def __len__(self) -> int:
        return self._standing - len(self._gone) + len(self._added)

    def __getitem__(self, position):  # type: ignore[no-untyped-def]
        return self._page(range(len(self))[position]) if isinstance(position, slice) else self.at(position)

    def at(self, position: int) -> Record:
        """The record at a position. IndexError: there are not so many."""
        standing = self._standing - len(self._gone)
        if position < standing:
            return self._current(self._original(self._place(position)))
        try:
            key = self._later[position - standing]
        except IndexError:
            raise IndexError(f"no record {position}") from None
        record = self._draft.state.changed[self._slot(key)]
        assert record is not None
        return record

    def get(self, key: str) -> Record | None:
        """The record of a key, or None."""
        slot = self._slot(key)
        if slot in self._draft.state.changed:
            return self._draft.state.changed[slot]
        place = self._locate(self._of.key, key)
        return None if place is None else self._original(place)

    def find(self, name: str, value: str) -> Record | None:
        """The record whose key or alias `name` is `value`, or None."""
        if name == self._of.key:
            return self.get(value)
        key = self._draft.state.found.get((*self._shelf.place, name, value))
        if key is not None:
            return self.get(key)
        place = self._locate(name, value)
        if place is None:
            return None
        record = self.get(str(self._original(place)[self._of.key]))
        return record if record and str(record.get(name)) == value else None

    @property
    def quick_to_search(self) -> bool:
        """Whether `where` will be done in a moment."""
        goods, count = self._draft.goods, self._of.count(self._draft.goods)
        seen = goods in self._shelf.periods or count <= FEW
        return seen and count <= MANY and len(self._draft.state.changed) <= FEW

    def where(self, passes: Test, part: tuple[str, str] | None = None) -> Sequence[Record]:
        """The records that pass, in order, found without looking at each.

        `passes` may look only at fields that repeat. With `part`, the name of a field that does not
        and a text, records that contain the text there pass too, whatever the case of its letters.
        """

        def chosen(record: Record) -> bool:
            if passes(record):
                return True
            return part is not None and part[1] in str(record.get(part[0], "")).lower()

        state, goods, pinned = self._draft.state, self._draft.goods, self._shelf.pinned
        first, count = self._shelf.first_period(goods), self._of.count(goods)
        repeating = bits.among((n for n, record in enumerate(first) if passes(record)), len(first))
        found = bits.repeated(repeating, len(first), count)
        if part:
            found |= self._of.parts[part[0]](goods, part[1])
        places = found << len(pinned) | bits.among(
            (place for place, record in enumerate(pinned) if chosen(record)), len(pinned)
        )
        if changed := {place: record for place, record in self._changed() if place is not None}:
            passing = (place for place, record in changed.items() if record and chosen(record))
            places = places & ~bits.among(changed, self._standing) | bits.among(passing, self._standing)
        added = (state.changed[self._slot(key)] for key in self._later)
        later = [record for record in added if record and chosen(record)]
        return Selection(lambda place: self._current(self._original(place)), bits.Chosen(places), later)

    def _changed(self) -> Iterator[tuple[int | None, Record | None]]:
        """The records of today that are not the original ones, with their original places."""
        for slot, record in self._draft.state.changed.items():
            if slot[:2] == self._shelf.place:
                yield self._locate(self._of.key, slot[2]), record

    def position(self, key: str) -> int | None:
        """Where the record of a key stands, or None."""
        if self.get(key) is None:
            return None
        place = self._locate(self._of.key, key)
        if place is not None:
            return place - bisect_left(self._gone, place)
        return self._standing - len(self._gone) + self._later.index(key)

    def put(self, record: Record) -> None:
        """Replace the record of the same key, or add it. TooManyChanges."""
        key = str(record[self._of.key])
        known = self._remember(key) is not None
        self._change(key, record)
        place = self._locate(self._of.key, key)
        if known:
            return
        if place is not None:  # it was deleted: it stands again where it stood
            self._set_gone(tuple(one for one in self._gone if one != place))
        else:
            number = max(self._added, default=0) + 1
            self._set_added(self._added.set(number, key))

    def delete(self, key: str) -> None:
        """Take away the record of a key, which must exist. TooManyChanges."""
        self._remember(key)
        place = self._locate(self._of.key, key)
        self._change(key, None)
        if place is not None:
            gone = list(self._gone)
            insort(gone, place)
            self._set_gone(tuple(gone))
        else:
            number = next(number for number, added in self._added.items() if added == key)
            self._set_added(self._added.delete(number))
            state = self._draft.state
            self._draft.state = replace(state, changed=state.changed.delete(self._slot(key)))

    def changes(self) -> dict[str, Any]:
        """What differs from the original records: `changed` by key, `added` in order, `deleted` keys."""
        vendor, name = self._shelf.place
        mine = {k: r for (v, n, k), r in self._draft.state.changed.items() if (v, n) == (vendor, name)}
        added = self._later
        rest = sorted(mine.keys() - set(added))
        return {
            "changed": {key: mine[key] for key in rest if mine[key] is not None},
            "added": [mine[key] for key in added],
            "deleted": [key for key in rest if mine[key] is None],
        }

    def _page(self, positions: range) -> list[Record]:
        """The records at positions; where nothing was deleted or added there, they stand at their places."""
        if self._gone or (positions and max(positions[0], positions[-1]) >= self._standing):
            return [self.at(position) for position in positions]
        pinned, make, goods = self._shelf.pinned, self._of.make, self._draft.goods
        first = len(pinned)
        records = [make(goods, place - first) if place >= first else pinned[place] for place in positions]
        return [self._current(record) for record in records] if self._draft.state.changed else records

    @property
    def _standing(self) -> int:
        return len(self._shelf.pinned) + self._of.count(self._draft.goods)

    @property
    def _gone(self) -> tuple[int, ...]:
        return self._draft.state.gone.get(self._shelf.place, ())

    @property
    def _added(self) -> Map[int, str]:
        return self._draft.state.added.get(self._shelf.place, NONE_ADDED)

    @property
    def _later(self) -> list[str]:
        """The keys of what was made later, in order."""
        if self._sorted is None or self._sorted[0] is not self._added:
            self._sorted = self._added, [key for _, key in sorted(self._added.items())]
        return self._sorted[1]

    def _set_gone(self, gone: tuple[int, ...]) -> None:
        state = self._draft.state
        self._draft.state = replace(state, gone=state.gone.set(self._shelf.place, gone))

    def _set_added(self, added: Map[int, str]) -> None:
        state = self._draft.state
        self._draft.state = replace(state, added=state.added.set(self._shelf.place, added))

    def _remember(self, key: str) -> Record | None:
        """The record of a key, kept as it was before the call first changed it."""
        record = self.get(key)
        self._draft.before.setdefault(self._slot(key), record)
        return record

    def _change(self, key: str, record: Record | None) -> None:
        """Put a record into its slot, and keep its aliases findable."""
        state, slot = self._draft.state, self._slot(key)
        if slot not in state.changed and len(state.changed) >= MOST_CHANGES:
            raise TooManyChanges(f"a sandbox holds at most {MOST_CHANGES} changed records")
        found = state.found
        for name in self._of.aliases:
            for one, operation in ((state.changed.get(slot), "delete"), (record, "set")):
                if one is not None and one.get(name) is not None:
                    alias = (*self._shelf.place, name, str(one[name]))
                    if operation == "set":
                        found = found.set(alias, key)
                    elif found.get(alias) == key:
                        found = found.delete(alias)
        self._draft.state = replace(state, changed=state.changed.set(slot, record), found=found)

    def _place(self, position: int) -> int:
        """Where among the original records the one at a position of today stands."""
        gone, place = self._gone, position
        while (shifted := position + bisect_right(gone, place)) != place:
            place = shifted
        return place

    def _original(self, place: int) -> Record:
        pinned = self._shelf.pinned
        if place < len(pinned):
            return pinned[place]
        return self._of.make(self._draft.goods, place - len(pinned))

    def _locate(self, name: str, value: str) -> int | None:
        """The place among the original records of a key or alias, or None."""
        pinned = self._shelf.positions.get((name, value))
        if pinned is not None:
            return pinned
        locate = self._of.locate if name == self._of.key else self._of.aliases[name]
        number = locate(self._draft.goods, value)
        if number is None or not 0 <= number < self._of.count(self._draft.goods):
            return None
        return number + len(self._shelf.pinned)

    def _current(self, record: Record) -> Record:
        changed = self._draft.state.changed.get(self._slot(str(record[self._of.key])))
        return record if changed is None else changed

    def _slot(self, key: str) -> Slot:
        return (*self._shelf.place, key)


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
