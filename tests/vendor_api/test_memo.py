"""Memory: what is worked out from a text is worked out once, and never more is kept than is told."""

from contextlib import suppress

from mockserver.vendor_api.memo import MAX_TEXT_LENGTH, MAX_TEXTS, memoized


def test_a_text_is_worked_out_once() -> None:
    asked: list[str] = []
    measure = memoized(lambda text: asked.append(text) or len(text))
    assert [measure("a"), measure("bb"), measure("a")] == [1, 2, 1]
    assert asked == ["a", "bb"]


def test_what_fails_is_not_kept() -> None:
    asked: list[str] = []

    def refuse(text: str) -> int:
        asked.append(text)
        raise ValueError(text)

    measure = memoized(refuse)
    for _ in range(2):
        with suppress(ValueError):
            measure("a")
    assert asked == ["a", "a"]


def test_long_texts_and_old_ones_are_forgotten() -> None:
    asked: list[str] = []
    measure = memoized(lambda text: asked.append(text) or len(text))
    long = "x" * (MAX_TEXT_LENGTH + 1)
    assert [measure(long), measure(long)] == [MAX_TEXT_LENGTH + 1] * 2
    assert asked == [long, long]
    for number in range(3 * MAX_TEXTS):
        measure(str(number))
    assert len(measure.__self__) <= MAX_TEXTS  # type: ignore[attr-defined]
