"""Access to the control API: for clients on this machine, or for clients with the admin token."""

import hmac
import ipaddress
import re
import secrets
from urllib.parse import urlsplit

from mockserver.vendor_api.auth import bearer_token
from mockserver.vendor_api.problem import Problem
from mockserver.vendor_api.request import Request

HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([\w.-]+))(?::[0-9]+)?", re.IGNORECASE | re.ASCII)
OPEN_PATHS = {"/_mock/health", "/_mock/ready"}


def admit_to_control(request: Request, peer: str, token: str | None) -> None:
    """Raise Problem if a request may not use the control API: `unauthenticated` or `forbidden`.

    If the server has an admin token, the request must send the token. Otherwise the peer, the Host header
    and the Origin header (if there is one) must all mean this machine.

    The check of the Host header prevents DNS rebinding. In that attack, the host name of a web page is made
    to resolve to 127.0.0.1. The browser still sends the page's host name, so the request is refused.
    """
    if request.target in OPEN_PATHS:
        return
    if token is not None:
        given = bearer_token(request).text or ""
        if not hmac.compare_digest(given.encode("latin-1"), token.encode()):
            raise Problem("unauthenticated")
        return
    origin = request.headers.get("origin")
    names = [peer, _name_in_host(request.headers.get("host", ""))]
    if origin is not None:
        names.append(_name_in_url(origin))
    if not all(map(is_loopback, names)):
        raise Problem("forbidden")


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


def _name_in_url(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
