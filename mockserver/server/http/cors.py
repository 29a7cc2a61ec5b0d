"""CORS: the headers that let a web page of another origin read a response."""

from collections.abc import Mapping

from msgspec.structs import replace

from mockserver.contract.response import Response
from mockserver.vendor_api.raw_request import RawRequest


def cors_headers(method: str, headers: Mapping[str, str], origin: str = "*") -> tuple[tuple[str, str], ...]:
    """Return the CORS headers for a response, or () if the request has no Origin header.

    `headers` are the request's headers, with names in lower case. `origin` is the allowed origin. At vendors,
    `*` is enough, because clients send credentials in headers, never in cookies.
    """
    if "origin" not in headers:
        return ()
    allowed = [("Access-Control-Allow-Origin", origin), ("Access-Control-Expose-Headers", "*")]
    if method == "OPTIONS" and (wanted := headers.get("access-control-request-method")):
        allowed += [("Access-Control-Allow-Methods", wanted), ("Access-Control-Max-Age", "600")]
        if names := headers.get("access-control-request-headers"):
            allowed.append(("Access-Control-Allow-Headers", names))
    return tuple(allowed)


def is_preflight(method: str, headers: Mapping[str, str]) -> bool:
    """Return True if a request is a CORS preflight: a browser asks if a page may make a call.

    A preflight must be allowed even for an unknown path, because otherwise the page cannot see the 404.
    """
    return method == "OPTIONS" and "access-control-request-method" in headers


def with_cors(raw: RawRequest, response: Response) -> Response:
    """Return a response with CORS headers, if the request has an Origin."""
    return replace(response, headers=(*response.headers, *cors_headers(raw.method, raw.headers)))
