"""Encodes responses as HTTP/1.1."""

from functools import cache, lru_cache

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from mockserver.contract.response import Response

HeaderLines = list[tuple[bytes, bytes]]
CLOSE_HEADER: HeaderLines = [(b"connection", b"close")]


def kept_for(seconds: float) -> str:
    """Return the value of the header `Keep-Alive`, if the connection is kept open for so long.

    A client can then close an idle connection before the server does, so that no request is lost in between.
    The header is about this connection, not part of the vendor's answer: real front ends send it too.
    """
    return f"timeout={int(seconds)}"


def to_bytes(
    response: Response, first_headers: HeaderLines, *, reason: str | None = None, kept: float | None = None
) -> bytes:
    """Return the bytes of a response. `first_headers` come first; `reason` replaces the standard phrase.

    If the connection is kept open, it may be idle for `kept` seconds.
    """
    status = f"HTTP/1.1 {response.status} {reason}\r\n".encode() if reason else STATUS_LINE[response.status]
    lines, body, kept_line = _lines(response.headers, *first_headers), response.body, _kept_line(kept)
    if response.status == 204:
        return b"%b%b%b\r\n" % (status, lines, kept_line)  # RFC 9110, 8.6: no Content-Length
    return b"%b%bcontent-length: %d\r\n%b\r\n%b" % (status, lines, len(body), kept_line, body)


@cache
def _kept_line(seconds: float | None) -> bytes:
    return b"" if seconds is None else f"keep-alive: {kept_for(seconds)}\r\n".encode()


@lru_cache(256)
def _lines(headers: tuple[tuple[str, str], ...], *first: tuple[bytes, bytes]) -> bytes:
    """Return header lines. They are cached, because most responses have the same headers."""
    own = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    return b"".join(b"%b: %b\r\n" % line for line in (*first, *own))
