"""Responses: status, headers and bytes, ready to be sent."""

import re
from collections.abc import AsyncIterator
from functools import lru_cache
from typing import Any

import msgspec

from mockserver.sandbox.faults.fault import Fault

HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # a token: RFC 9110, section 5.6.2
HEADER_VALUE = re.compile(r"[\t -~\x80-\xff]*")


class ContractBroken(Exception):
    """Raised if the mock would have to send a response that its own spec does not declare."""


class Response(msgspec.Struct, frozen=True, gc=False):
    """A response. If its body is not complete yet, `stream` yields the body piece by piece.

    The response is sent after `delay` seconds. `fault` may change how it is sent, for instance slowly. Status
    0 means that nothing is sent. If `close` is set, the connection is closed afterwards.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    stream: AsyncIterator[bytes] | None = None
    delay: float = 0.0
    fault: Fault | None = None
    close: bool = False


def is_header(name: Any, value: Any) -> bool:
    """Return True if a name and a value can be sent as a header: in latin-1, on one line."""
    strings = isinstance(name, str) and isinstance(value, str)
    return strings and _is_name(name) and HEADER_VALUE.fullmatch(value) is not None


@lru_cache(256)
def _is_name(name: str) -> bool:
    return HEADER_NAME.fullmatch(name) is not None
