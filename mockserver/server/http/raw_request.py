"""Arrival: what comes in, decoded part by part, and bounded in size and time."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec

from mockserver.vendor_api.request import Headers


def host_name(host: str) -> str:
    """The name in a Host header, without port and final dot."""
    return host.partition(":")[0].removesuffix(".").lower()


def segments_of(raw_path: str) -> tuple[str, ...]:
    """The path's parts, each decoded by itself: an encoded slash is no separator.

    Bytes that are no UTF-8 stay what they are, as surrogates: a vendor may count bytes.
    """
    parts = tuple(raw_path.split("/")[1:]) or ("",)  # `OPTIONS *` has no path
    if "%" not in raw_path and raw_path.isascii():
        return parts
    return tuple(unquote_to_bytes(part).decode("utf-8", "surrogateescape") for part in parts)


class RawRequest(msgspec.Struct, frozen=True, gc=False):
    """A request as it came, before anybody knows whose it is. `path` and `query` are still encoded."""

    method: str
    path: str
    query: str
    headers: Headers
    body: bytes = b""
    scheme: str = "http"

    @property
    def target(self) -> str:
        return f"{self.path}?{self.query}" if self.query else self.path


def raw_request_of(scope: Mapping[str, Any]) -> RawRequest:
    """What an ASGI server says of a request whose body is still to come."""
    path, query = (scope[name].decode("latin-1") for name in ("raw_path", "query_string"))
    headers, scheme = Headers(scope["headers"]), scope.get("scheme", "http")
    return RawRequest(scope["method"], path.partition("?")[0], query, headers, scheme=scheme)
