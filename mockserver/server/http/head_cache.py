"""Heads of requests: what clients send again and again, read once by the library.

The lines after the first are the same in most requests of a client. They go through httptools when
they are new; after that a request that is all there, and plain, needs no parser. Whatever is not
plain is left to the parser, which knows all of HTTP.
"""

import string

import httptools

from mockserver.contract.openapi.spec import METHODS
from mockserver.server.http.raw_request import RawRequest
from mockserver.vendor_api.request import Headers

MAX_CACHED, MAX_CACHED_BYTES = 1024, 4096  # heads that are kept in mind, and the bytes of each
MAX_REQUEST_BYTES = 64 * 1024  # of a request that is looked at here
SPECIAL = {"transfer-encoding", "upgrade", "expect"}
NAMES = {name.upper().encode(): name.upper() for name in METHODS}  # of methods, as they are sent
PLAIN = (string.ascii_letters + string.digits + "-._~%!$'()*+,;:@=&/?").encode()  # in a target
Known = tuple[Headers, int]
NOT_PLAIN: Known = Headers(), -1


class HeadCache:
    """The heads that a server has seen of late, with the length of the body that each announces.

    They are kept as they came, credentials and all, in memory and nowhere else.
    """

    def __init__(self) -> None:
        self._known: dict[bytes, Known] = {}

    def parse(self, data: bytes, scheme: str) -> RawRequest | None:
        """The request, if the bytes are exactly one, and a plain one."""
        head, end, body = data.partition(b"\r\n\r\n")
        if not end or len(data) > MAX_REQUEST_BYTES:
            return None
        line, _, lines = head.partition(b"\r\n")
        headers, length = self._known.get(lines) or self._learn(lines)
        words = line.split(b" ")
        if length != len(body) or len(words) != 3 or words[0] not in NAMES or words[2] != b"HTTP/1.1":
            return None
        target = words[1]
        # A second slash may begin a host.
        if target[:1] != b"/" or target[:2] == b"//" or target.translate(None, PLAIN):
            return None
        path, _, query = target.decode("ascii").partition("?")
        return RawRequest(NAMES[words[0]], path, query, headers, body, scheme)

    def _learn(self, lines: bytes) -> Known:
        if len(lines) > MAX_CACHED_BYTES:
            return NOT_PLAIN
        if len(self._known) >= MAX_CACHED:
            self._known.clear()
        known = self._known[lines] = _Reader().read(lines)
        return known


class _Reader:
    """What httptools calls while it reads one head."""

    def __init__(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._lines: list[tuple[bytes, bytes]] = []
        self._heads: list[bool] = []  # of each, whether the connection stays

    def read(self, lines: bytes) -> Known:
        try:
            self._parser.feed_data(b"GET / HTTP/1.1\r\n" + lines + b"\r\n\r\n")
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            return NOT_PLAIN
        headers = Headers(self._lines)
        if self._heads != [True] or not headers.keys().isdisjoint(SPECIAL):
            return NOT_PLAIN
        return headers, int(headers.get("content-length", "0"))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._lines.append((name, value))

    def on_headers_complete(self) -> None:
        self._heads.append(self._parser.should_keep_alive())
