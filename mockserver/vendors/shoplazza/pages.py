"""The envelope of version 2026-01, and the page size and the cursor of its lists."""

from base64 import b64decode, b64encode
from binascii import Error
from typing import Any

from mockserver.vendor_api import Call, Problem, Record

DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE = 50, 250


def envelope(**data: Any) -> Record:
    """Return an answer of version 2026-01."""
    return {"code": "Success", "message": "Success", "data": data}


def page_size(call: Call) -> int:
    """Return the size of a page: 0 stands for the default, and more than the most for the most."""
    return min(call.query["page_size"] or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)


def to_cursor(*parts: str) -> str:
    return b64encode("#".join(parts).encode()).decode()


def cursor_parts(call: Call, count: int) -> list[str] | None:
    """Return the parts of the cursor of a query, or None if there is none. Raise Problem."""
    if "cursor" not in call.query:
        return None
    try:
        parts = b64decode(call.query["cursor"], validate=True).decode("ascii").split("#")
    except (Error, ValueError):
        parts = []
    if len(parts) != count:
        raise wrong_cursor()
    return parts


def wrong_cursor() -> Problem:
    return Problem("invalid", "cursor is invalid")
