"""Search in a collection: which records pass, found without looking at each."""

from collections.abc import Callable, Mapping, Sequence

from mockserver.catalog import bitset
from mockserver.catalog.products import Catalog
from mockserver.store.base_records import BaseRecords, Record

Test = Callable[[Record], bool]
Part = tuple[str, str]  # the name of a field that does not repeat, and a text to be found in it
Changed = Mapping[int, Record | None]


def matching_places(
    base: BaseRecords, catalog: Catalog, passes: Test, part: Part | None, changed: Changed
) -> int:
    """As bits: the places of the original records that pass, `changed` ones as they are now."""
    fixtures, count = base.fixtures, base.collection.count(catalog)
    first = base.first_period(catalog)
    repeating = bitset.from_numbers((n for n, record in enumerate(first) if passes(record)), len(first))
    found = bitset.repeat(repeating, len(first), count)
    if part:
        found |= base.collection.id_search[part[0]](catalog, part[1])
    places = found << len(fixtures) | bitset.from_numbers(
        (id for id, record in enumerate(fixtures) if chosen(record, passes, part)), len(fixtures)
    )
    if changed:
        size = len(fixtures) + count
        passing = (id for id, record in changed.items() if record and chosen(record, passes, part))
        places = places & ~bitset.from_numbers(changed, size) | bitset.from_numbers(passing, size)
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
        id = range(len(self))[position]
        standing = len(self._places)
        return self._at(self._places[id]) if id < standing else self._later[id - standing]
