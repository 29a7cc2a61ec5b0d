"""Sets of numbers as bits: the same as Python's own sets, only faster."""

import pytest

from mockserver.catalog.bitset import Members, containing_digits, from_numbers, repeat

SIZES = [0, 1, 7, 8, 9, 1000, 12_345, 40_000]


def numbers_of(bits: int) -> list[int]:
    return [number for number in range(bits.bit_length()) if bits >> number & 1]


@pytest.mark.parametrize("size", SIZES)
def test_those_among_the_first_are_kept(size: int) -> None:
    assert numbers_of(from_numbers([0, 3, 999, 39_999, -1, 10**9], size)) == [
        number for number in (0, 3, 999, 39_999) if number < size
    ]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("period", [1, 3, 10, 2560])
def test_a_set_repeats_up_to_the_size(period: int, size: int) -> None:
    first = [number for number in range(period) if number % 3 == 0]
    wanted = [number for number in range(size) if number % period in first]
    assert numbers_of(repeat(from_numbers(first, period), period, size)) == wanted


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("text", ["0", "00", "0000", "1", "12", "123", "0123", "9999", "12345", "7" * 30])
@pytest.mark.parametrize("from_start", [False, True])
def test_digits_are_found_where_the_text_of_a_number_has_them(text: str, size: int, from_start: bool) -> None:
    texts = [str(number).zfill(4) for number in range(size)]
    wanted = [n for n, one in enumerate(texts) if (one.startswith(text) if from_start else text in one)]
    assert numbers_of(containing_digits(text, size, from_start=from_start)) == wanted


@pytest.mark.parametrize("numbers", [[], [0], [5], [0, 1, 2], [*range(0, 200_000, 7)], [199_999]])
def test_numbers_are_chosen_by_rank(numbers: list[int]) -> None:
    chosen = Members(from_numbers(numbers, 200_000))
    assert len(chosen) == len(numbers)
    assert chosen[:] == numbers
    assert chosen[3:9:2] == numbers[3:9:2]
    if numbers:
        assert chosen[-1] == numbers[-1]
    with pytest.raises(IndexError):
        chosen[len(numbers)]
