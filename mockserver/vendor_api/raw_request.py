"""The raw request: what came over the wire, before it is known whose it is."""

import msgspec

from mockserver.vendor_api.request import Headers


class RawRequest(msgspec.Struct, gc=False):
    """One HTTP request as it came. `path` and `query` are still percent-encoded.

    `body` is None while it is still to come; `peer` is the address of the client.
    """

    method: str
    path: str
    query: str
    headers: Headers
    body: bytes | None = b""
    scheme: str = "http"
    peer: str = "127.0.0.1"

    @property
    def target(self) -> str:
        """Path and query, as sent."""
        return f"{self.path}?{self.query}" if self.query else self.path
