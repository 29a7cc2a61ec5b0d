"""Records in the order of one of their fields, without making all of them.

Records repeat after a period, and so does the field. Therefore the records at one position in all periods are
consecutive in the order: a run of numbers with a constant step. Only the runs, and the records that clients
have changed, are sorted. A changed record is between two runs, so it keeps its place among equal ones.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate

from mockserver.data.store.base_records import Record


class SortedRecords(Sequence[Record]):
    """Records in order. `parts` are runs of generated records, and single records, in this order.

    `read(number)` returns a generated record. It is called only when the record is accessed.
    """

    def __init__(self, read: Callable[[int], Record], parts: Sequence[range | Record]) -> None:
        self._read, self._parts = read, parts
        sizes = (len(part) if isinstance(part, range) else 1 for part in parts)
        self._starts = [0, *accumulate(sizes)]

    def __len__(self) -> int:
        return self._starts[-1]

    def __getitem__(self, position):  # type: ignore[no-untyped-def]
        if isinstance(position, slice):
            return [self[one] for one in range(len(self))[position]]
        position = range(len(self))[position]
        index = bisect_right(self._starts, position) - 1
        part = self._parts[index]
        return self._read(part[position - self._starts[index]]) if isinstance(part, range) else part


def runs(
    first_period: Sequence[Record], count: int, changed: Iterable[int], passes: Callable[[Record], bool]
) -> Iterator[tuple[Record, list[range]]]:
    """Yield (first record, its runs) for each place in the period that passes. Runs end at changed records.

    `first_period` are the records of the first period, `count` is the number of all generated records.
    """
    period, left_out = len(first_period), defaultdict[int, list[int]](list)
    for number in sorted(changed):
        left_out[number % period].append(number)
    for place, record in enumerate(first_period):
        if passes(record):
            gaps = left_out.get(place, [])
            starts, ends = [place, *(number + period for number in gaps)], [*gaps, count]
            pairs = zip(starts, ends, strict=True)
            yield record, [range(start, end, period) for start, end in pairs if start < end]
