"""Search in a collection. A search finds the matching records without reading every record."""

from collections.abc import Callable, Mapping, Sequence

from mockserver.data.catalog import bitset
from mockserver.data.catalog.products import Catalog
from mockserver.data.store.base_records import BaseRecords, Record

Predicate = Callable[[Record], bool]
IdText = tuple[str, str]  # the name of an id field, and a lower-case string to look for in its value
ChangedRecords = Mapping[int, Record | None]  # by index; None for a deleted record


def matching_indexes(
    base: BaseRecords, catalog: Catalog, passes: Predicate, id_text: IdText | None, changed: ChangedRecords
) -> int:
    """Return the indexes of the matching original records, as a bit set.

    If a record is in `changed`, its current version decides.
    """
    fixtures, count = base.fixtures, base.collection.count(catalog)
    first = base.first_period(catalog)
    passing = bitset.from_numbers((n for n, record in enumerate(first) if passes(record)), len(first))
    generated = bitset.repeat(passing, len(first), count)
    if id_text:
        generated |= base.collection.id_search[id_text[0]](catalog, id_text[1])
    return combined_indexes(
        fixtures, generated, count, lambda record: matches(record, passes, id_text), changed
    )


def combined_indexes(
    fixtures: Sequence[Record], generated: int, count: int, passes: Predicate, changed: ChangedRecords
) -> int:
    """Return the indexes of the fixtures that pass, and those of generated records, as one bit set.

    `generated` is the bit set of the generated records that match; there are `count` of them in all. If a
    record is in `changed`, its current version decides.
    """
    indexes = generated << len(fixtures) | bitset.from_numbers(
        (index for index, record in enumerate(fixtures) if passes(record)), len(fixtures)
    )
    if changed:
        size = len(fixtures) + count
        now = (index for index, record in changed.items() if record and passes(record))
        indexes = indexes & ~bitset.from_numbers(changed, size) | bitset.from_numbers(now, size)
    return indexes


def matches(record: Record, passes: Predicate, id_text: IdText | None) -> bool:
    """Return True if `passes` accepts the record, or if `id_text` is found in its id field, ignoring case."""
    if passes(record):
        return True
    return id_text is not None and id_text[1] in str(record.get(id_text[0], "")).lower()


class SearchResult(Sequence[Record]):
    """The records that a search found: first original records, then added records.

    `read(index)` returns an original record. It is called only when the record is accessed.
    """

    def __init__(
        self, read: Callable[[int], Record], indexes: Sequence[int], added: Sequence[Record]
    ) -> None:
        self._read, self._indexes, self._added = read, indexes, added

    def __len__(self) -> int:
        return len(self._indexes) + len(self._added)

    def __getitem__(self, position):  # type: ignore[no-untyped-def]
        if isinstance(position, slice):
            return [self[one] for one in range(len(self))[position]]
        position = range(len(self))[position]
        originals = len(self._indexes)
        if position < originals:
            return self._read(self._indexes[position])
        return self._added[position - originals]
