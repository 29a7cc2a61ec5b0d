"""The parser of one connection's requests: httptools', which ignores the field `Upgrade`.

This server never upgrades. So a request's body and the requests after it are read as ever, whatever is named
in `Upgrade` (RFC 9110, 7.8). httptools alone would take them for the other protocol: it skips the body, and
raises HttpParserUpgrade after the head. See the open issues 124 of httptools and 2722 of uvicorn.
"""

from typing import Any

import httptools


class RequestParser:
    """Parses the requests of one connection, and calls the methods `on_…` of `target`.

    After a head with `Upgrade`, a new parser takes over, which first gets the same head without `Upgrade`.
    `target` does not notice. It must keep the header lines of the latest head in `headers`.

    Fields after a chunked body are not passed on. They must not count as headers (RFC 9110, 6.5.1): a proxy
    has not seen them when it checks or adds headers.
    """

    def __init__(self, target: Any) -> None:
        self._target = target
        self._rereading = False  # True while the new parser reads a head that `target` already knows
        self._in_head = True
        self._ended = False  # True after CONNECT: what follows may be anything
        self.on_body = target.on_body
        self._parser = self._new_parser()

    def _new_parser(self) -> Any:
        parser = httptools.HttpRequestParser(self)
        parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return parser

    def feed_data(self, data: bytes) -> None:
        """Parse bytes. Raise HttpParserError if they are not HTTP."""
        rest = memoryview(data)
        while not self._ended:
            try:
                return self._parser.feed_data(rest)  # type: ignore[no-any-return]
            except httptools.HttpParserUpgrade as upgrade:
                rest = rest[upgrade.args[0] :]
                self._read_head_without_upgrade()

    def _read_head_without_upgrade(self) -> None:
        if self.get_method() == b"CONNECT":
            self._ended = True
            return self._target.on_message_complete()  # type: ignore[no-any-return]
        lines = b"".join(b"%b: %b\r\n" % line for line in self._target.headers if line[0] != b"upgrade")
        version = self._parser.get_http_version().encode()
        self._parser = self._new_parser()
        self._rereading = True
        self._parser.feed_data(b"POST / HTTP/%b\r\n%b\r\n" % (version, lines))
        self._rereading = False

    def get_method(self) -> bytes:
        return self._parser.get_method()  # type: ignore[no-any-return]

    def get_http_version(self) -> str:
        return self._parser.get_http_version()  # type: ignore[no-any-return]

    def should_keep_alive(self) -> bool:
        return bool(self._parser.should_keep_alive()) and self.get_method() != b"CONNECT"

    def should_upgrade(self) -> bool:
        return False

    def on_message_begin(self) -> None:
        self._in_head = True
        if not self._rereading:
            self._target.on_message_begin()

    def on_url(self, url: bytes) -> None:
        if not self._rereading:
            self._target.on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head and not self._rereading:
            self._target.on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        if not self._rereading:
            self._target.on_headers_complete()

    def on_message_complete(self) -> None:
        if not self._parser.should_upgrade():  # otherwise the body is still to come
            self._target.on_message_complete()
