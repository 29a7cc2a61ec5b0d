"""Places in a spec: an error in a part of it says where the part is, and how to correct it."""

from collections.abc import Iterator
from contextlib import contextmanager


class WrongPart(Exception):
    """A part of a spec is wrong. The message names the place and the cure."""


@contextmanager
def at(place: str) -> Iterator[None]:
    """Turn any exception of the block into a WrongPart that names the place."""
    try:
        yield
    except Exception as error:  # a person may have written anything there
        raise WrongPart(f"{place}: {reason(error)}") from None


def reason(error: Exception) -> str:
    """Return what is wrong, and what to do about it."""
    match error:
        case WrongPart():
            return str(error)
        case KeyError():
            return f"{error.args[0]} is missing: add it"
        case ValueError():
            return getattr(error, "message", None) or str(error)
    return f"{type(error).__name__}: {error}: correct this part"
