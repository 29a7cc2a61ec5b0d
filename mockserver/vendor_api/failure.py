"""Failures of a vendor's code: what it may raise, and how that is described."""

# What the code of a vendor may raise. SystemExit is not an Exception, but must not end a server either.
UNEXPECTED = (Exception, SystemExit)


def description(error: BaseException) -> str:
    """Return the type and the message of an exception. The message is left out if it is empty or fails."""
    try:
        message = str(error)
    except Exception:  # the exception may be one of the user's own
        message = ""
    return f"{type(error).__name__}: {message}" if message else type(error).__name__
