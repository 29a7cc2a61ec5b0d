"""Memory: what was found out from a text that clients send again and again, within bounds."""

from collections.abc import Callable
from typing import TypeVar

MAX_TEXTS, MAX_TEXT_LENGTH = 1024, 256  # texts of one kind that are kept in mind, and their characters
Found = TypeVar("Found")


def memoized(function: Callable[[str], Found]) -> Callable[[str], Found]:
    """The same function; what it gave for short texts of late it does not work out again."""
    return _Memo(function).__getitem__


class _Memo(dict[str, Found]):
    def __init__(self, function: Callable[[str], Found]) -> None:
        super().__init__()
        self._function = function

    def __missing__(self, text: str) -> Found:
        found = self._function(text)
        if len(text) <= MAX_TEXT_LENGTH:
            if len(self) >= MAX_TEXTS:
                self.clear()
            self[text] = found
        return found
