"""Moments, as a client of the control API writes them."""

from datetime import UTC, datetime

from mockserver.vendor import Problem


def moment(text: str) -> datetime:
    """A moment from ISO 8601. Problem: it is none."""
    try:
        read = datetime.fromisoformat(text)
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Problem("invalid", f"{text[:50]} is not a moment, such as 2026-01-02T03:04:05Z") from None
