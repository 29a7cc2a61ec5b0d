"""Error messages about a spec: they say where the mistake is, and how to correct it."""

from collections.abc import Iterator
from contextlib import contextmanager


class WrongPart(Exception):
    """Raised if a part of a spec is wrong. The message names the place and the fix."""


@contextmanager
def at(place: str) -> Iterator[None]:
    """Turn any exception raised in the block into a WrongPart that names the place."""
    try:
        yield
    except Exception as error:  # the user's file may contain anything
        raise WrongPart(f"{place}: {reason(error)}") from None


def reason(error: Exception) -> str:
    """Return a message that says what is wrong, and how to correct it."""
    match error:
        case WrongPart():
            return str(error)
        case KeyError():
            return f"{error.args[0]} is missing: add it"
        case ValueError():
            return getattr(error, "message", None) or str(error)
    return f"{description(error)}: correct this part"


def description(error: BaseException) -> str:
    """Return the type and the message of an exception. The message is left out if it is empty or fails."""
    try:
        message = str(error)
    except Exception:  # the exception may be one of the user's own
        message = ""
    return f"{type(error).__name__}: {message}" if message else type(error).__name__
