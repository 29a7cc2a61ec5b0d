"""The raw request: an HTTP request as received, before its vendor is known."""

import msgspec

from mockserver.vendor_api.request import Headers


class RawRequest(msgspec.Struct, gc=False):
    """One HTTP request as received. `path` and `query` are still percent-encoded.

    `body` is None until the body has been received. `peer` is the client's address, `version` that of HTTP.
    """

    method: str
    path: str
    query: str
    headers: Headers
    body: bytes | None = b""
    scheme: str = "http"
    peer: str = "127.0.0.1"
    version: str = "1.1"

    @property
    def target(self) -> str:
        """Path and query, as sent."""
        return f"{self.path}?{self.query}" if self.query else self.path
