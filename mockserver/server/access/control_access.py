"""Access to the control API and the console: who may use them, and how much of them.

Clients on this machine may, where there is no admin token; others with the admin token, with a control token,
or with a session of the console.
"""

import hashlib
import secrets

from msgspec.structs import replace

from mockserver.contract.exchange import Exchange
from mockserver.contract.response import Response
from mockserver.sandbox.registry import Sandboxes
from mockserver.sandbox.sandbox import Sandbox
from mockserver.server.access.forwarding import sign_of_a_proxy
from mockserver.server.access.login_attempts import LoginAttempts
from mockserver.server.access.own_origin import (
    is_control_origin,
    is_loopback,
    names_this_machine,
    require_own_page,
)
from mockserver.server.access.policy import AccessPolicy
from mockserver.server.access.rights import EVERYTHING
from mockserver.server.access.session_cookie import session_ids
from mockserver.server.access.sessions import Sessions
from mockserver.server.access.shared import Shared
from mockserver.server.access.shares import Share, Shares
from mockserver.server.http.cors import cors_headers, is_preflight
from mockserver.vendor_api.auth import bearer_credential
from mockserver.vendor_api.credential import CONTROL_TOKEN_PREFIX, Credential
from mockserver.vendor_api.problem import Problem
from mockserver.vendor_api.raw_request import RawRequest

OPEN_PATHS = {"/_mock/health", "/_mock/ready"}
# What a control token or a session of one sandbox opens beside the operations that have the sandbox in their
# path. They keep to the sandbox that `admit` names, or tell what anybody may know.
OPEN_TO_ONE_SANDBOX = {
    "list-sandboxes", "get-settings", "list-vendors", "list-collections", "get-openapi", "get-vendor-openapi",
    "list-requests", "total-requests", "clear-requests", "explain-request", "send-request",
    "count-requests", "find-requests",
    "verify-requests", "verify-sequence", "wait-for-requests", "export-har", "stream-events",
}  # fmt: skip
GUARDS = (("Cross-Origin-Resource-Policy", "same-origin"), ("X-Content-Type-Options", "nosniff"))
MAKES_A_SANDBOX = "fork-sandbox"
OPEN_IN_DEMO = "create-demo-sandbox"
NOTHING = Credential("", opens="")


class ControlAccess:
    """Decides who may use the control API and the console, and how much of them.

    A control token or a session opens everything, or one sandbox. The admin token opens everything. If the
    server has none, so does every call from this machine.

    Browsers send cookies, and reach this machine, for pages of any origin. So the own-origin rule applies to
    all calls, except to those that have only a token: no page can send one unless the user gives it to it.
    """

    def __init__(self, sandboxes: Sandboxes, policy: AccessPolicy, shared: Shared | None = None) -> None:
        self._sandboxes, self._policy = sandboxes, policy
        self.shared = shared or shared_tables(sandboxes, policy)
        self.sessions = Sessions(sandboxes, self.shared, policy.admin_token or "")
        self.attempts, self.shares = LoginAttempts(self.shared), Shares(sandboxes, self.shared)

    def visitor_of(self, raw: RawRequest) -> Credential:
        """Return what the sender of a request may rule: one sandbox, which the credential names, or all.

        Raise Problem: `unauthenticated` if a login or a token would help, `forbidden` if it would not.
        """
        token = bearer_credential(raw.headers).text or ""
        cookies = [] if is_control_origin(raw, self._policy) else session_ids(raw)
        by_token = self._opened_by_token(token)
        if by_token is None or cookies:
            require_own_page(raw, self._policy)
        for opened in (by_token, *map(self.sessions.find, cookies)):
            if opened is not None:
                return opened
        if token.startswith(CONTROL_TOKEN_PREFIX):
            raise Problem("unauthenticated", "this control token is not valid, or its sandbox has ended")
        if self._policy.admin_token is not None:
            raise Problem("unauthenticated")
        _require_this_machine(raw)
        return EVERYTHING

    def log_in(self, token: str) -> str | None:
        """Return the id of a new session for what a token opens, or None if it opens nothing.

        The token is the admin token, or the control token of a sandbox.
        """
        opened = self._opened_by_token(token.encode("utf-8", "replace").decode("latin-1"))  # as in a header
        return None if opened is None else self.sessions.begin(self._sandbox_of(opened))

    def begin_session(self, visitor: Credential) -> str:
        """Return the id of a new session for what somebody may rule."""
        return self.sessions.begin(self._sandbox_of(visitor))

    def new_code(self, visitor: Credential) -> str:
        """Return a new one-time code for what a visitor may rule."""
        return self.sessions.new_code(self._sandbox_of(visitor))

    def share(self, sandbox: str, call: str) -> Share:
        """Return the share link to a call in a sandbox. The visitor must be allowed to read it."""
        return self.shares.make(self._sandboxes.get(sandbox), call)

    def tidy(self) -> None:
        """Remove sessions, links and counts that are over, in a change of the tables."""
        self.sessions.tidy()
        self.shares.tidy()
        self.attempts.tidy()

    def _sandbox_of(self, visitor: Credential) -> Sandbox | None:
        """Return the only sandbox that a visitor may rule, or None if it is everything. Raise Problem."""
        if visitor.sandbox is None:
            return None
        if (found := self._sandboxes.find(visitor.sandbox)) is None:
            raise Problem("unauthenticated", f"sandbox {visitor.sandbox} has ended")
        return found

    def _opened_by_token(self, token: str) -> Credential | None:
        if self._policy.is_admin_token(token):
            return EVERYTHING
        if not token.startswith(CONTROL_TOKEN_PREFIX):
            return None
        sandbox = self._sandboxes.secrets.sandbox_with_control_token(token)
        return Credential("", opens=sandbox.name) if sandbox else None

    def admit(self, exchange: Exchange) -> Credential:
        """Return the credential of a call. It names the only sandbox that the call may use, if there is one.

        Raise Problem `unauthenticated` or `forbidden`, or `not_found` for a sandbox that the client may not
        use, whether it exists or not.
        """
        if exchange.request.target in OPEN_PATHS:
            return EVERYTHING
        if exchange.operation_id == OPEN_IN_DEMO and self._policy.demo:
            return self._maker_of(exchange.raw)
        visitor = self.visitor_of(exchange.raw)
        if (sandbox := visitor.sandbox) is not None:
            _require_within(sandbox, exchange)
        return visitor

    def _maker_of(self, raw: RawRequest) -> Credential:
        """Return the credential of somebody who makes a sandbox of the public demo, as anybody may."""
        try:
            return self.visitor_of(raw)
        except Problem as problem:
            if problem.kind != "unauthenticated":
                raise
            return NOTHING

    def is_preflight(self, raw: RawRequest) -> bool:
        """Return True if a browser asks if a page may use the control API, and the page may."""
        return is_preflight(raw.method, raw.headers) and is_control_origin(raw, self._policy)

    def guarded(self, raw: RawRequest, response: Response) -> Response:
        """Return a response of the control API with headers that keep it from pages of other origins.

        A page of an admitted origin gets CORS headers instead. They never let it send cookies
        (`Access-Control-Allow-Credentials`).
        """
        headers: tuple[tuple[str, str], ...] = GUARDS
        if is_control_origin(raw, self._policy):
            cors = cors_headers(raw.method, raw.headers, raw.headers["origin"])
            headers = (*cors, ("Vary", "Origin"))
        return replace(response, headers=(*response.headers, *headers))


def _require_within(sandbox: str, exchange: Exchange) -> None:
    """Raise Problem unless somebody who may use this sandbox alone may make the call."""
    named, operation = exchange.path_values.get("sandbox"), exchange.operation_id
    if named not in (None, sandbox):
        raise Problem("not_found", f"there is no sandbox {named}")
    allowed = operation != MAKES_A_SANDBOX if named else operation in OPEN_TO_ONE_SANDBOX
    if operation and not allowed:
        raise Problem("forbidden", f"you may use the control of sandbox {sandbox} alone")


def _require_this_machine(raw: RawRequest) -> None:
    """Raise Problem unless peer and Host header mean this machine, and no proxy forwarded the request.

    The check of the Host header prevents DNS rebinding. In that attack, the host name of a web page is made
    to resolve to 127.0.0.1. The browser still sends the page's host name, so the request is refused.

    A proxy may send a loopback Host for clients elsewhere.
    """
    if sign := sign_of_a_proxy(raw):
        raise Problem(
            "forbidden",
            f"a proxy has forwarded this call ({sign}), and without an admin token the control API answers"
            " only this machine: start the server with --admin-token, and send the token",
        )
    if not (is_loopback(raw.peer) and names_this_machine(raw)):
        raise Problem("forbidden")


def shared_tables(sandboxes: Sandboxes, policy: AccessPolicy) -> Shared:
    """Return new tables. If other servers share them, the key follows from a secret that they share too."""
    if sandboxes.knows_all:
        return Shared()
    secret = sandboxes.policy.token_secret or policy.admin_token or ""
    return Shared(hashlib.sha256(f"tables {secret}".encode()).digest())


def new_admin_token() -> str:
    """Return a new random admin token of 32 characters."""
    return secrets.token_urlsafe(24)
