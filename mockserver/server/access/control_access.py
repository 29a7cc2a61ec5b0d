"""Access to the control API: for clients on this machine, or for clients with the admin token."""

import hmac
import ipaddress
import re
import secrets

from mockserver.server.access.forwarding import forwarding_header
from mockserver.server.access.policy import AccessPolicy
from mockserver.vendor_api.auth import bearer_token
from mockserver.vendor_api.problem import Problem
from mockserver.vendor_api.raw_request import RawRequest
from mockserver.vendor_api.request import Request

HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([\w.-]+))(?::[0-9]+)?", re.IGNORECASE | re.ASCII)
DEFAULT_PORTS = {"http": ":80", "https": ":443"}
OPEN_PATHS = {"/_mock/health", "/_mock/ready"}


def admit_to_control(request: Request, raw: RawRequest, policy: AccessPolicy) -> None:
    """Raise Problem if a request may not use the control API: `unauthenticated` or `forbidden`.

    If the server has an admin token, the request must send it; no web page can do that unless the user
    gives it the token. Otherwise the request must come from this machine, and from no page of another origin.
    """
    if request.target in OPEN_PATHS:
        return
    if policy.admin_token is None:
        _require_this_machine(raw)
        _require_own_page(request)
        return
    given = bearer_token(request).text or ""
    if not hmac.compare_digest(given.encode("latin-1", "replace"), policy.admin_token.encode()):
        raise Problem("unauthenticated")


def _require_this_machine(raw: RawRequest) -> None:
    """Raise Problem unless peer and Host header mean this machine, and no proxy forwarded the request.

    The check of the Host header prevents DNS rebinding. In that attack, the host name of a web page is made
    to resolve to 127.0.0.1. The browser still sends the page's host name, so the request is refused.

    A proxy may add no header and send a loopback Host, as nginx does with nothing but `proxy_pass`. Its
    HTTP/1.0 gives it away: no client of the control API needs that.
    """
    header = forwarding_header(raw.headers)
    if header or raw.version == "1.0":
        sign = f"it has the header {header}" if header else "it is HTTP/1.0"
        raise Problem(
            "forbidden",
            f"a proxy has forwarded this call ({sign}), and without an admin token the control API answers"
            " only this machine: start the server with --admin-token, and send the token",
        )
    if not (is_loopback(raw.peer) and is_loopback(_name_in_host(raw.headers.get("host", "")))):
        raise Problem("forbidden")


def _require_own_page(request: Request) -> None:
    """Raise Problem if a browser sent the request for a page of another origin than this server's own."""
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    own = f"{request.scheme}://{request.headers.get('host', '')}"
    if site in ("cross-site", "same-site") or (origin and _canonical(origin) != _canonical(own)):
        raise Problem(
            "forbidden", f"web pages of another origin than {own} may not use the control API of this server"
        )


def new_admin_token() -> str:
    """Return a new random admin token of 32 characters."""
    return secrets.token_urlsafe(24)


def is_loopback(name: str) -> bool:
    """Return True if an address or host name means this machine. This makes no DNS lookup."""
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _name_in_host(host: str) -> str:
    """Return the name in a Host header, or an empty string if the header is not just a name and a port."""
    found = HOST.fullmatch(host)
    return (found[1] or found[2]) if found else ""


def _canonical(origin: str) -> str:
    """Return an origin in lower case, without the default port of its scheme."""
    scheme, _, _ = origin.lower().partition("://")
    return origin.lower().removesuffix(DEFAULT_PORTS.get(scheme, ""))
