"""Makes a raw request from an ASGI scope, and parses its Host header and its path."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from mockserver.vendor_api.raw_request import RawRequest
from mockserver.vendor_api.request import Headers

PATH_CHARACTERS = "/:@!$&'()*+,;="  # those that may stand in a path as they are, beside letters and digits


def raw_request_of(scope: Mapping[str, Any]) -> RawRequest:
    """Return the request in an ASGI scope. Its body is None, because it has not been received yet.

    If the application is mounted at a path, that prefix is removed from the request's path.
    """
    root, raw_path = scope.get("root_path", ""), scope.get("raw_path")
    if raw_path is None:  # optional in ASGI
        path = quote(scope["path"].removeprefix(root), safe=PATH_CHARACTERS, errors="surrogateescape")
    else:
        path = raw_path.decode("latin-1").partition("?")[0].removeprefix(quote(root))
    return RawRequest(
        scope["method"],
        path,
        scope["query_string"].decode("latin-1"),
        Headers(scope["headers"]),
        None,
        scope.get("scheme", "http"),
        (scope.get("client") or ("127.0.0.1",))[0],
        scope.get("http_version", "1.1"),
    )


def host_name(host: str) -> str:
    """Return the name in a Host header in lower case, without port and final dot."""
    return host.partition(":")[0].removesuffix(".").lower()


def segments_of(raw_path: str) -> tuple[str, ...]:
    """Split a path into segments, and decode them. An encoded slash (`%2F`) does not end a segment.

    Bytes that are not UTF-8 become surrogates, because a vendor's error message may count bytes.
    """
    segments = tuple(raw_path.split("/")[1:]) or ("",)  # `OPTIONS *` has no path
    if "%" not in raw_path and raw_path.isascii():
        return segments
    return tuple(unquote_to_bytes(segment).decode("utf-8", "surrogateescape") for segment in segments)
