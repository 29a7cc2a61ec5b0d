"""Who may use the control API: whoever is on this machine, or whoever has the admin token."""

import hmac
import ipaddress
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from mockserver.vendor_api.auth import bearer_token
from mockserver.vendor_api.problem import Problem
from mockserver.vendor_api.request import Request

HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([\w.-]+))(?::[0-9]+)?", re.IGNORECASE | re.ASCII)
OPEN_PATHS = {"/_mock/health", "/_mock/ready"}


def admit_to_control(request: Request, client: Sequence[Any] | None, token: str | None) -> None:
    """Problem: `unauthenticated` without the token, or, where there is none, `forbidden`.

    Without a token the peer, the Host and any Origin must all be this machine: a page that
    rebinds its own name to 127.0.0.1 still sends its own name.
    """
    if request.target in OPEN_PATHS:
        return
    if token is not None:
        given = bearer_token(request).text or ""
        if not hmac.compare_digest(given.encode("latin-1"), token.encode()):
            raise Problem("unauthenticated")
        return
    origin = request.headers.get("origin")
    names = [client[0] if client else "127.0.0.1", _name(request.headers.get("host", ""))]
    if origin is not None:
        names.append(_host(origin))
    if not all(map(is_loopback, names)):
        raise Problem("forbidden")


def is_loopback(name: str) -> bool:
    """Whether an address or host name means this machine, whatever a name server says."""
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _name(host: str) -> str:
    """The name in a Host header; empty unless the header is nothing but a name and a port."""
    found = HOST.fullmatch(host)
    return (found[1] or found[2]) if found else ""


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
