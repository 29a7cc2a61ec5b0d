"""Bit sets give the same results as plain Python lists and sets."""

import pytest

from mockserver.data.catalog.bitset import Members, containing_digits, from_numbers, repeat

SIZES = [0, 1, 7, 8, 9, 1000, 12_345, 40_000]


def numbers_of(bits: int) -> list[int]:
    return [number for number in range(bits.bit_length()) if bits >> number & 1]


@pytest.mark.parametrize("size", SIZES)
def test_from_numbers_ignores_numbers_out_of_range(size: int) -> None:
    assert numbers_of(from_numbers([0, 3, 999, 39_999, -1, 10**9], size)) == [
        number for number in (0, 3, 999, 39_999) if number < size
    ]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("period", [1, 3, 10, 2560])
def test_repeat_copies_the_first_period_up_to_the_size(period: int, size: int) -> None:
    first = [number for number in range(period) if number % 3 == 0]
    expected = [number for number in range(size) if number % period in first]
    assert numbers_of(repeat(from_numbers(first, period), period, size)) == expected


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("text", ["0", "00", "0000", "1", "12", "123", "0123", "9999", "12345", "7" * 30])
@pytest.mark.parametrize("from_start", [False, True])
def test_containing_digits_finds_zero_padded_numbers(text: str, size: int, from_start: bool) -> None:
    texts = [str(number).zfill(4) for number in range(size)]
    expected = [n for n, one in enumerate(texts) if (one.startswith(text) if from_start else text in one)]
    assert numbers_of(containing_digits(text, size, from_start=from_start)) == expected


@pytest.mark.parametrize("numbers", [[], [0], [5], [0, 1, 2], [*range(0, 200_000, 7)], [199_999]])
def test_members_are_indexed_and_sliced_like_a_list(numbers: list[int]) -> None:
    members = Members(from_numbers(numbers, 200_000))
    assert len(members) == len(numbers)
    assert members[:] == numbers
    assert members[3:9:2] == numbers[3:9:2]
    if numbers:
        assert members[-1] == numbers[-1]
    with pytest.raises(IndexError):
        members[len(numbers)]
