"""Memory: what was found out from a text that clients send again and again, within bounds."""

from collections.abc import Callable
from typing import TypeVar

MOST, SHORT = 1024, 256  # texts of one kind that are kept in mind, and their characters
Found = TypeVar("Found")


def remembered(function: Callable[[str], Found]) -> Callable[[str], Found]:
    """The same function; what it gave for short texts of late it does not work out again."""
    return _Memory(function).__getitem__


class _Memory(dict[str, Found]):
    def __init__(self, function: Callable[[str], Found]) -> None:
        super().__init__()
        self._function = function

    def __missing__(self, text: str) -> Found:
        found = self._function(text)
        if len(text) <= SHORT:
            if len(self) >= MOST:
                self.clear()
            self[text] = found
        return found
