"""Error messages about a spec: they say where the mistake is, and how to correct it."""

from collections.abc import Iterator
from contextlib import contextmanager

from mockserver.vendor_api.failure import description


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
