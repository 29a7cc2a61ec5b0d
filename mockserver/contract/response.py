"""Responses: status, headers and bytes, ready to be sent."""

import re
from collections.abc import AsyncIterator
from functools import lru_cache
from typing import Any

import msgspec
from msgspec.structs import replace

from mockserver.sandbox.faults.fault import Fault
from mockserver.vendor_api.request import Request

HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # a token: RFC 9110, section 5.6.2
NOT_MODIFIED = 304
BODY_HEADERS = ("Content-Type", "Content-Length", "Content-Encoding")  # of which a 304 has none
NO_CACHE = re.compile(r"(?:^|,)\s*?no-cache\s*?(?:,|$)")  # as in Express 4
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


def tagged(response: Response, etag: str, request: Request) -> Response:
    """Return a response with its ETag, or the 304 that tells a client that it has this response already.

    As in Express 4, that is for a GET or HEAD whose `If-None-Match` has the ETag, or is `*`. The marks `W/`
    make no difference. `Cache-Control: no-cache` and `If-Modified-Since` prevent it.
    """
    headers = (*response.headers, ("ETag", etag))
    if 200 <= response.status < 300 and request.method in ("GET", "HEAD") and _has(request, etag):
        kept = tuple(header for header in headers if header[0] not in BODY_HEADERS)
        return Response(NOT_MODIFIED, kept, b"")
    return replace(response, headers=headers)


def _has(request: Request, etag: str) -> bool:
    wanted = request.headers.get("if-none-match")
    if wanted is None or "if-modified-since" in request.headers:
        return False
    if NO_CACHE.search(request.headers.get("cache-control", "")):
        return False
    tags = [tag.strip().removeprefix("W/") for tag in wanted.split(",")]
    return wanted.strip() == "*" or etag.removeprefix("W/") in tags


def is_header(name: Any, value: Any) -> bool:
    """Return True if a name and a value can be sent as a header: in latin-1, on one line."""
    strings = isinstance(name, str) and isinstance(value, str)
    return strings and _is_name(name) and HEADER_VALUE.fullmatch(value) is not None


@lru_cache(256)
def _is_name(name: str) -> bool:
    return HEADER_NAME.fullmatch(name) is not None
