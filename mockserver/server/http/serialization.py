"""Encodes responses as HTTP/1.1."""

from functools import lru_cache

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from mockserver.contract.response import Response

HeaderLines = list[tuple[bytes, bytes]]
CLOSE_HEADER: HeaderLines = [(b"connection", b"close")]


def to_bytes(response: Response, first_headers: HeaderLines, reason: str | None = None) -> bytes:
    """Return the bytes of a response. `first_headers` come first; `reason` replaces the standard phrase."""
    status = f"HTTP/1.1 {response.status} {reason}\r\n".encode() if reason else STATUS_LINE[response.status]
    lines, body = _lines(response.headers, *first_headers), response.body
    if response.status == 204:
        return b"%b%b\r\n" % (status, lines)  # RFC 9110, 8.6: no Content-Length
    return b"%b%bcontent-length: %d\r\n\r\n%b" % (status, lines, len(body), body)


@lru_cache(256)
def _lines(headers: tuple[tuple[str, str], ...], *first: tuple[bytes, bytes]) -> bytes:
    """Return header lines. They are cached, because most responses have the same headers."""
    own = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    return b"".join(b"%b: %b\r\n" % line for line in (*first, *own))
