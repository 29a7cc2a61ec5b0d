"""Encodes responses as HTTP/1.1."""

from functools import lru_cache

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
    (lines, end), body = _lines(response.headers, kept, *first_headers), response.body
    if response.status == 204:
        return b"%b%b%b" % (status, lines, end)  # RFC 9110, 8.6: no Content-Length
    return b"%b%bcontent-length: %d\r\n%b%b" % (status, lines, len(body), end, body)


@lru_cache(256)
def _lines(
    headers: tuple[tuple[str, str], ...], kept: float | None, *first: tuple[bytes, bytes]
) -> tuple[bytes, bytes]:
    """Return the header lines before Content-Length and those after it, with the line that ends the head.

    They are cached, because most responses have the same headers.
    """
    own = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    kept_line = "" if kept is None else f"keep-alive: {kept_for(kept)}\r\n"
    return b"".join(b"%b: %b\r\n" % line for line in (*first, *own)), f"{kept_line}\r\n".encode()
