"""The records of a collection in the order of their ranks, found without reading every record.

Generated records repeat after a period, so all of them have the ranks of the first period. Records of one
rank follow each other: first the generated ones, by their number in the period and then by their number;
after them all others. A record keeps its place while others come and go, so a list can go on from any place.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property, partial
from heapq import merge
from itertools import islice

from mockserver.data.store.base_records import BaseRecords, Record
from mockserver.data.store.search import Predicate
from mockserver.data.store.view import MAX_FAST_SCAN, RecordsView

# The place of a record in the order. Of a generated record: its rank, its number in the period, its number.
# Of any other: its rank, the length of the period, its sequence number.
Place = tuple[int, int, int]
Found = tuple[Place, Callable[[], Record]]
RANKS = "ranks"  # with the id of a collection, a key of the catalog's cache


class Ranked:
    """The records of a collection that pass, in the order of their ranks.

    `passes` must use only fields that repeat with the period. If it asks for more, `passes_as_generated` says
    whether a record passes that nobody has changed; those that this is not true for are named in `also`.
    Records with a key in `hidden` are left out. If `only` is given, only records with these keys are listed.
    """

    def __init__(
        self,
        records: RecordsView,
        passes: Predicate | None = None,
        *,
        passes_as_generated: Predicate | None = None,
        also: Iterable[str] = (),
        hidden: Iterable[str] = (),
        only: Iterable[str] | None = None,
    ) -> None:
        self._records, self._passes, self._hidden = records, passes, frozenset(hidden)
        self._passes_as_generated, self._also = passes_as_generated or passes, frozenset(also)
        self._only = None if only is None else dict.fromkeys(only)
        self._base, self._catalog = records.base, records.catalog
        self._collection, self._count = self._base.collection, self._base.collection.count(self._catalog)
        self._period = self._collection.period(self._catalog)

    @property
    def is_fast(self) -> bool:
        """Return True if a page can be found without making other calls wait."""
        known = (self._base.id, RANKS) in self._catalog.record_templates or self._count < MAX_FAST_SCAN // 10
        return known and self._passes is None and self._records.changed_count <= MAX_FAST_SCAN

    def __len__(self) -> int:
        sizes = ((self._count - number - 1) // self._period + 1 for _, number in self._classes)
        kept = {number for _, number in self._classes}
        moved = sum(number % self._period in kept for number in self._moved)
        return sum(sizes) - moved + len(self._others)

    def after(self, place: Place | None, limit: int) -> list[Record]:
        """Return the first records after a place, at most `limit`; if it is None, the first of all."""
        start = bisect_right(self._places, place) if place else 0
        found = merge(self._generated(place, 1), self._others[start:], key=_place_of)
        return [read() for _, read in islice(found, limit)]

    def before(self, place: Place, limit: int) -> list[Record]:
        """Return the last records before a place, at most `limit`, in the order of their ranks."""
        end = bisect_left(self._places, place)
        found = merge(self._generated(place, -1), self._others[:end][::-1], key=_place_of, reverse=True)
        return [read() for _, read in islice(found, limit)][::-1]

    def place_of(self, record: Record) -> Place:
        """Return the place of a record."""
        return self.place(self._collection.rank(record), str(record[self._collection.key]))

    def place(self, rank: int, key: str) -> Place:
        """Return the place of the record with this rank and key, which may have been deleted.

        If the place of a deleted record is not known, it is before all others of its rank that are not
        generated: so a list that goes on from there may show a record again, and omits none.
        """
        return self._place(rank, key) or (rank, self._period, self._records.sequence_number(key))

    def _place(self, rank: int, key: str) -> Place | None:
        """Return the place of a generated record, changed or not, or None if the record is another one."""
        number = self._collection.locate(self._catalog, key)
        if number is None or not 0 <= number < self._count:
            return None
        return rank, number % self._period, number

    @cached_property
    def _classes(self) -> list[tuple[int, int]]:
        """The pairs (rank, number) of the first period's records that pass, in order."""
        if self._only is not None:
            return []
        ranks = _ranks(self._base, self._records, min(self._period, self._count))
        if (passes := self._passes_as_generated) is None:
            return ranks
        generate = self._base.generate
        return [(rank, number) for rank, number in ranks if passes(generate(self._catalog, number))]

    @cached_property
    def _moved(self) -> frozenset[int]:
        """The numbers of the generated records that are looked at one by one."""
        named = (self._collection.locate(self._catalog, key) for key in self._hidden | self._also)
        changed = (number for number, _ in self._records.changed_generated())
        return frozenset(
            number for number in (*named, *changed) if number is not None and 0 <= number < self._count
        )

    @cached_property
    def _others(self) -> list[Found]:
        """The records that pass and are looked at one by one, in order."""
        passes, name, found = self._passes, self._collection.key, []
        for sequence, record in self._not_as_generated():
            key, rank = str(record[name]), self._collection.rank(record)
            if key not in self._hidden and (passes is None or passes(record)):
                place = self._place(rank, key) or (rank, self._period, sequence)
                found.append((place, partial(_itself, record)))
        return sorted(found, key=_place_of)

    def _not_as_generated(self) -> Iterator[tuple[int, Record]]:
        named: Iterable[str] = self._only or ()
        if self._only is None:
            seen = set()
            for sequence, record in self._records.not_as_generated():
                seen.add(str(record[self._collection.key]))
                yield sequence, record
            named = self._also - seen
        for key in named:
            if (named_record := self._records.get(key)) is not None:
                yield self._records.sequence_number(key), named_record

    @cached_property
    def _places(self) -> list[Place]:
        return [place for place, _ in self._others]

    def _generated(self, place: Place | None, step: int) -> Iterator[Found]:
        """Yield the unchanged generated records after a place, or before it if `step` is -1."""
        classes, moved, period = self._classes, self._moved, self._period
        start = 0 if step == 1 else len(classes) - 1
        number_of_place = None
        if place is not None:
            rank, number, number_of_place = place
            start = bisect_left(classes, (rank, number))
            if not (start < len(classes) and classes[start] == (rank, number)):
                number_of_place = None
                start -= step == -1
        for index in range(start, len(classes) if step == 1 else -1, step):
            rank, first = classes[index]
            numbers = range(first, self._count, period)
            if number_of_place is not None:
                at = numbers.index(number_of_place)
                numbers, number_of_place = (numbers[at + 1 :] if step == 1 else numbers[:at]), None
            for number in numbers[::step]:
                if number not in moved:
                    yield (rank, first, number), partial(self._base.generate, self._catalog, number)


def _itself(record: Record) -> Record:
    return record


def _place_of(found: Found) -> Place:
    return found[0]


def _ranks(base: BaseRecords, records: RecordsView, count: int) -> list[tuple[int, int]]:
    """Return the pairs (rank, number) of the first `count` generated records, in order. They are cached."""
    catalog, rank = records.catalog, base.collection.rank
    cache = catalog.record_templates.setdefault((base.id, RANKS), {})
    if count not in cache:
        cache[count] = sorted((rank(base.generate(catalog, number)), number) for number in range(count))
    ranks: list[tuple[int, int]] = cache[count]
    return ranks
