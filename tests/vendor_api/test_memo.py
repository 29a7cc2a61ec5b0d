"""Memoized functions compute each result once, and their caches are bounded."""

from contextlib import suppress

from mockserver.vendor_api.memo import MAX_TEXT_LENGTH, MAX_TEXTS, memoized


def test_memoized_computes_a_result_once() -> None:
    computed: list[str] = []
    length = memoized(lambda text: computed.append(text) or len(text))
    assert [length("a"), length("bb"), length("a")] == [1, 2, 1]
    assert computed == ["a", "bb"]


def test_memoized_does_not_cache_exceptions() -> None:
    computed: list[str] = []

    def fail(text: str) -> int:
        computed.append(text)
        raise ValueError(text)

    failing = memoized(fail)
    for _ in range(2):
        with suppress(ValueError):
            failing("a")
    assert computed == ["a", "a"]


def test_cache_has_a_maximum_size_and_text_length() -> None:
    computed: list[str] = []
    length = memoized(lambda text: computed.append(text) or len(text))
    long = "x" * (MAX_TEXT_LENGTH + 1)
    assert [length(long), length(long)] == [MAX_TEXT_LENGTH + 1] * 2
    assert computed == [long, long]
    for number in range(3 * MAX_TEXTS):
        length(str(number))
    assert len(length.__self__) <= MAX_TEXTS  # type: ignore[attr-defined]
