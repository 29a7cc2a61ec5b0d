"""Responses: status, headers and bytes, ready to be sent."""

import re
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from mockserver.sandbox.faults.fault import Fault

HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # a token: RFC 9110, section 5.6.2
HEADER_VALUE = re.compile(r"[\t -~\x80-\xff]*")


class ContractBroken(Exception):
    """Raised if the mock would have to send a response that its own spec does not declare."""


class Response(msgspec.Struct, frozen=True, gc=False):
    """A response. If its body is not complete yet, `stream` yields the body piece by piece.

    It is sent after `delay` seconds, in the way that `fault` decides. Status 0 means that nothing is sent.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    stream: AsyncIterator[bytes] | None = None
    delay: float = 0.0
    fault: Fault | None = None


class RawAnswer(msgspec.Struct, frozen=True):
    """A handler's answer that is not JSON: bytes, or a stream of them."""

    content_type: str
    body: bytes = b""
    stream: AsyncIterator[bytes] | None = None


def is_header(name: Any, value: Any) -> bool:
    """Return True if a name and a value can be sent as a header: in latin-1, on one line."""
    texts = isinstance(name, str) and isinstance(value, str)
    return texts and bool(HEADER_NAME.fullmatch(name) and HEADER_VALUE.fullmatch(value))
