"""CORS: the headers that let a web page of any origin call a vendor."""

from collections.abc import Mapping


def cors_headers(method: str, headers: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the headers for the response to a request with these headers, names in lower case.

    There are none unless a page asks. Credentials are headers here, never cookies.
    """
    if "origin" not in headers:
        return ()
    allowed = [("Access-Control-Allow-Origin", "*"), ("Access-Control-Expose-Headers", "*")]
    if method == "OPTIONS" and (wanted := headers.get("access-control-request-method")):
        allowed += [("Access-Control-Allow-Methods", wanted), ("Access-Control-Max-Age", "600")]
        if names := headers.get("access-control-request-headers"):
            allowed.append(("Access-Control-Allow-Headers", names))
    return tuple(allowed)


def is_preflight(method: str, headers: Mapping[str, str]) -> bool:
    """Return True if a browser asks whether a page may make a call.

    It shows the page no response, not even a 404, unless the answer is yes.
    """
    return method == "OPTIONS" and "access-control-request-method" in headers
