"""Reading a raw request: from an ASGI scope, and its parts one by one."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from mockserver.vendor_api.raw_request import RawRequest
from mockserver.vendor_api.request import Headers


def raw_request_of(scope: Mapping[str, Any]) -> RawRequest:
    """Return the request of an ASGI scope, whose body is still to come.

    The path where the application is mounted is no part of the vendor's path.
    """
    path, query = (scope[name].decode("latin-1") for name in ("raw_path", "query_string"))
    return RawRequest(
        scope["method"],
        path.partition("?")[0].removeprefix(quote(scope.get("root_path", ""))),
        query,
        Headers(scope["headers"]),
        None,
        scope.get("scheme", "http"),
        (scope.get("client") or ("127.0.0.1",))[0],
    )


def host_name(host: str) -> str:
    """Return the name in a Host header in lower case, without port and final dot."""
    return host.partition(":")[0].removesuffix(".").lower()


def segments_of(raw_path: str) -> tuple[str, ...]:
    """Return the segments of a path, each decoded by itself: an encoded slash does not separate.

    Bytes that are not UTF-8 become surrogates, because a vendor may count bytes.
    """
    segments = tuple(raw_path.split("/")[1:]) or ("",)  # the target of `OPTIONS *` has no path
    if "%" not in raw_path and raw_path.isascii():
        return segments
    return tuple(unquote_to_bytes(segment).decode("utf-8", "surrogateescape") for segment in segments)
