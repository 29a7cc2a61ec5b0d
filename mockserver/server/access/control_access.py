"""Access to the control API: for clients on this machine, with the admin token, or with a control token."""

import ipaddress
import re
import secrets

from mockserver.contract.exchange import Exchange
from mockserver.sandbox.registry import Sandboxes
from mockserver.server.access.forwarding import forwarding_header
from mockserver.server.access.policy import AccessPolicy
from mockserver.vendor_api.auth import bearer_token
from mockserver.vendor_api.credential import CONTROL_TOKEN_PREFIX, Credential
from mockserver.vendor_api.problem import Problem
from mockserver.vendor_api.raw_request import RawRequest
from mockserver.vendor_api.request import Request

HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([\w.-]+))(?::[0-9]+)?", re.IGNORECASE | re.ASCII)
DEFAULT_PORTS = {"http": ":80", "https": ":443"}
OPEN_PATHS = {"/_mock/health", "/_mock/ready"}
# What the control token of one sandbox opens beside the operations that have the sandbox in their path. They
# keep to the sandbox that `admit` names, or tell what anybody may know.
OPEN_TO_CONTROL_TOKENS = {
    "list-sandboxes", "list-vendors", "get-openapi", "get-vendor-openapi", "list-requests", "clear-requests",
    "explain-request", "count-requests", "find-requests", "verify-requests", "verify-sequence",
    "wait-for-requests", "export-har", "stream-events",
}  # fmt: skip
MAKES_A_SANDBOX = "fork-sandbox"
EVERYTHING = Credential(None)


class ControlAccess:
    """Decides who may use the control API, and how much of it."""

    def __init__(self, sandboxes: Sandboxes, policy: AccessPolicy) -> None:
        self._sandboxes, self._policy = sandboxes, policy

    def admit(self, exchange: Exchange) -> Credential:
        """Return the credential of a call. It names the only sandbox that the call may use, if there is one.

        A control token opens one sandbox. The admin token opens all. If the server has none, so does every
        call from this machine that is not from a web page of another origin. No web page can send a token
        unless the user gives it the token.

        Raise Problem `unauthenticated` or `forbidden`, or `not_found` for a sandbox that the token does not
        open, whether it exists or not.
        """
        request, policy = exchange.request, self._policy
        if request.target in OPEN_PATHS:
            return EVERYTHING
        token = bearer_token(request).text or ""
        if policy.is_admin_token(token):
            return EVERYTHING
        if token.startswith(CONTROL_TOKEN_PREFIX):
            return self._admit_with_control_token(token, exchange)
        if policy.admin_token is not None:
            raise Problem("unauthenticated")
        _require_this_machine(exchange.raw)
        _require_own_page(request)
        return EVERYTHING

    def _admit_with_control_token(self, token: str, exchange: Exchange) -> Credential:
        sandbox = self._sandboxes.secrets.sandbox_with_control_token(token)
        if sandbox is None:
            raise Problem("unauthenticated", "this control token is not valid, or its sandbox has ended")
        named, operation = exchange.path_values.get("sandbox"), exchange.operation_id
        if named not in (None, sandbox.name):
            raise Problem("not_found", f"there is no sandbox {named}")
        allowed = operation != MAKES_A_SANDBOX if named else operation in OPEN_TO_CONTROL_TOKENS
        if operation and not allowed:
            raise Problem("forbidden", f"this token opens the control of sandbox {sandbox.name} alone")
        return Credential("", opens=sandbox.name)


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
