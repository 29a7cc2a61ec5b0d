"""A bounded cache for functions of one string, such as a header that clients send repeatedly."""

from collections.abc import Callable
from typing import TypeVar

MAX_TEXTS = 1024  # cached results per function
MAX_TEXT_LENGTH = 256  # characters; results for longer strings are not cached
Result = TypeVar("Result")


def memoized(function: Callable[[str], Result]) -> Callable[[str], Result]:
    """Return the function with a cache of its results. Exceptions are not cached.

    Clients cannot make the cache grow without limit: it is emptied when it is full, and results for long
    strings are not cached. A hit is a plain dict lookup, which is faster than `functools.lru_cache`.
    """
    return _Memo(function).__getitem__


class _Memo(dict[str, Result]):
    def __init__(self, function: Callable[[str], Result]) -> None:
        super().__init__()
        self._function = function

    def __missing__(self, text: str) -> Result:
        result = self._function(text)
        if len(text) <= MAX_TEXT_LENGTH:
            if len(self) >= MAX_TEXTS:
                self.clear()
            self[text] = result
        return result
