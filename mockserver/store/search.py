"""Search in a collection: which records pass, found without looking at each."""

from collections.abc import Callable, Mapping, Sequence

from mockserver.catalog import bitset
from mockserver.catalog.products import Goods
from mockserver.store.base_records import Record, Shelf

Test = Callable[[Record], bool]
Part = tuple[str, str]  # the name of a field that does not repeat, and a text to be found in it
Changed = Mapping[int, Record | None]


def matching_places(shelf: Shelf, goods: Goods, passes: Test, part: Part | None, changed: Changed) -> int:
    """As bits: the places of the original records that pass, `changed` ones as they are now."""
    pinned, count = shelf.pinned, shelf.collection.count(goods)
    first = shelf.first_period(goods)
    repeating = bitset.among((n for n, record in enumerate(first) if passes(record)), len(first))
    found = bitset.repeated(repeating, len(first), count)
    if part:
        found |= shelf.collection.parts[part[0]](goods, part[1])
    places = found << len(pinned) | bitset.among(
        (place for place, record in enumerate(pinned) if chosen(record, passes, part)), len(pinned)
    )
    if changed:
        size = len(pinned) + count
        passing = (place for place, record in changed.items() if record and chosen(record, passes, part))
        places = places & ~bitset.among(changed, size) | bitset.among(passing, size)
    return places


def chosen(record: Record, passes: Test, part: Part | None) -> bool:
    """Whether a record passes, or contains the text of a part, whatever the case of its letters."""
    if passes(record):
        return True
    return part is not None and part[1] in str(record.get(part[0], "")).lower()


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
