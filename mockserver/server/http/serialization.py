"""Responses as they go over the wire."""

from functools import lru_cache

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from mockserver.contract.response import Response

Defaults = list[tuple[bytes, bytes]]


LAST: Defaults = [(b"connection", b"close")]


def written(response: Response, defaults: Defaults, reason: str | None = None) -> bytes:
    """An answer as it goes over the wire, with the headers that every answer has."""
    first = f"HTTP/1.1 {response.status} {reason}\r\n".encode() if reason else STATUS_LINE[response.status]
    lines, body = _lines(response.headers, *defaults), response.body
    return b"%b%bcontent-length: %d\r\n\r\n%b" % (first, lines, len(body), body)


@lru_cache(256)
def _lines(headers: tuple[tuple[str, str], ...], *defaults: tuple[bytes, bytes]) -> bytes:
    """Headers as they go over the wire; most are those of the last answer."""
    own = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    return b"".join(b"%b: %b\r\n" % line for line in (*defaults, *own))
