"""Times as the vendor writes and reads them."""

import re
from datetime import UTC, datetime

# As RFC 3339 says, and as Go's time.RFC3339 demands.
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)


def timestamp(moment: datetime) -> str:
    """Return a UTC time with seconds, such as 2022-01-10T06:11:45Z."""
    return moment.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def parse_time(text: str) -> str | None:
    """Return a time in any zone as `timestamp` writes it, or None if the text is not a time."""
    try:
        return timestamp(datetime.fromisoformat(text).astimezone(UTC)) if TIME.fullmatch(text) else None
    except (ValueError, OverflowError):
        return None
