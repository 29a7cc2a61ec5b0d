"""Sets of numbers as the bits of one integer: bit `n` is set if `n` is in the set.

A set over a million numbers is 125 KB, and is made, joined and counted in about a tenth of a
millisecond: so what repeats can be searched without looking at every record.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate

CHUNK = 128  # bytes: what is counted at once, and looked through for a number of a given rank


def below(size: int) -> int:
    """All numbers below `size`."""
    return (1 << size) - 1


def from_numbers(numbers: Iterable[int], size: int) -> int:
    """Those of the numbers that are below `size`."""
    taken = bytearray(size // 8 + 1)
    for number in numbers:
        if 0 <= number < size:
            taken[number >> 3] |= 1 << (number & 7)
    return int.from_bytes(taken, "little")


def repeat(bits: int, period: int, size: int) -> int:
    """The set again and again every `period` numbers, below `size`. A period of 0 is one of nothing."""
    while 0 < period < size:
        bits |= bits << period
        period *= 2
    return bits & below(size)


class Members(Sequence[int]):
    """The numbers in a set, in ascending order, by rank."""

    def __init__(self, bits: int) -> None:
        self._bytes = bits.to_bytes(bits.bit_length() // 8 + 1, "little")
        chunks = range(0, len(self._bytes), CHUNK)
        self._ranks = [0, *accumulate(self._chunk(start).bit_count() for start in chunks)]

    def __len__(self) -> int:
        return self._ranks[-1]

    def __getitem__(self, rank):  # type: ignore[no-untyped-def]
        if isinstance(rank, slice):
            return [self[one] for one in range(len(self))[rank]]
        place = range(len(self))[rank]
        chunk = bisect_right(self._ranks, place) - 1
        left, start = place - self._ranks[chunk], chunk * CHUNK
        for offset, byte in enumerate(self._bytes[start : start + CHUNK], start):
            if left < byte.bit_count():
                return offset * 8 + _nth(byte, left)
            left -= byte.bit_count()
        raise AssertionError("ranks and bits disagree")

    def _chunk(self, start: int) -> int:
        return int.from_bytes(self._bytes[start : start + CHUNK], "little")


def _nth(byte: int, rank: int) -> int:
    for _ in range(rank):
        byte &= byte - 1
    return (byte & -byte).bit_length() - 1


def containing_digits(text: str, size: int, *, from_start: bool = False, padded: int = 4) -> int:
    """The numbers below `size` whose decimal text, zeros in front up to `padded` digits, contains `text`.

    With `from_start` it must begin with it.
    """
    found, longest = 0, max(len(str(size)), padded)
    for length in range(len(text), longest + 1):  # of the part of a number that begins with it
        if from_start and length < padded:
            continue
        least = 0 if length <= padded else 10 ** (length - 1)
        most = min(10**length, size) if from_start else size
        if least < most:
            found |= _with_digits_at(text, length - len(text), size) & below(most) & ~below(least)
    return found


def _with_digits_at(text: str, behind: int, size: int) -> int:
    """The numbers that have these digits before the last `behind` ones."""
    step, period = 10**behind, 10 ** (behind + len(text))
    first = int(text) * step
    if first >= size:
        return 0
    return repeat(below(min(first + step, size)) & ~below(first), period, size)
