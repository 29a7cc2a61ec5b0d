"""The banner that `serve` prints once it is ready."""

import os
import shlex
import socket
from base64 import b64decode
from urllib.parse import urlsplit

from mockserver import __version__, app
from mockserver.cli.serve.store_options import store_line
from mockserver.cli.serve.tls_options import TlsSettings, local_url
from mockserver.sandbox.dialects import DOCUMENTED
from mockserver.sandbox.log.log import Joined
from mockserver.server import sockets
from mockserver.server.access.own_origin import CONSOLE, is_loopback
from mockserver.server.access.policy import AccessPolicy
from mockserver.vendor_api.credential import DEFAULT_SANDBOX


def shell_line(listener: socket.socket, tls: TlsSettings | None, new_token: str | None) -> str:
    """Return what --wait prints for scripts: base URL, process id, and the admin token if it is new."""
    return " ".join([local_url(listener, tls), str(os.getpid()), *([new_token] if new_token else [])])


def banner(
    listener: socket.socket,
    mock: app.Mock,
    tls: TlsSettings | None,
    new_token: str | None,
    joined: Joined | None = None,
) -> str:
    """Return the banner: for each vendor its URL, a credential and a curl command, then the rest."""
    listening = sockets.base_url(listener, bool(tls))
    base = mock.access.public_url or listening
    ca_options = ["--cacert", str(tls.certificate)] if tls and not tls.from_user else []
    data = f"seed {mock.sandboxes.seed}, {mock.sandboxes.products} products, engine {mock.engine.name}"
    if mock.sandboxes.initial.dialects is not DOCUMENTED:
        data += f", dialect {mock.sandboxes.initial.dialects}"
    lines = [f"mockserver {__version__} on {listening} ({data})"]
    for vendor in (contract.vendor for contract in mock.contracts):
        headers = [f"{name}: {value}" for name, value in vendor.auth_headers(DEFAULT_SANDBOX).items()]
        url = f"{base}/{vendor.name}"
        header_options = [word for header in headers for word in ("-H", header)]
        curl = shlex.join(["curl", *ca_options, url + vendor.sample, *header_options])
        lines += ["", f"{vendor.title:<12} {url}  {_readable(headers[0])}", f"  {curl}"]
    lines += ["", f"{'Control API':<12} {base}/_mock  {_who_may_control(mock.access, new_token)}"]
    lines += [f"{'Console':<12} {_console(mock, mock.access.public_url or local_url(listener, tls))}"]
    lines += store_line(mock, joined)
    if mock.guard:
        lines += [f"{'Public demo':<12} {base}/  (at most {mock.guard.quotas.sandboxes} sandboxes)"]
    lines += _what_clients_may_choose(mock.access)
    if ca_options:
        lines += [f"{'Certificate':<12} {ca_options[1]}  (your client must trust it)"]
    return "\n".join([*lines, "", "ready, press Ctrl-C to stop"])


def _who_may_control(access: AccessPolicy, new_token: str | None) -> str:
    if new_token:
        return f"admin token {new_token}"
    if access.admin_token:
        return "needs the admin token"
    return "open to this machine; behind a proxy, set --admin-token"


def _console(mock: app.Mock, base: str) -> str:
    """Return the URL of the console. With an admin token, it is a link that logs a browser in once."""
    if mock.access.admin_token is None:
        return f"{base}{CONSOLE}/"
    parts = urlsplit(base)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        return f"{base}{CONSOLE}/  (to log in, it needs HTTPS: --tls)"
    code = mock.application.control_access.sessions.new_code()
    return f"{base}{CONSOLE}/login?once={code}  (works once, within 10 minutes)"


def _what_clients_may_choose(access: AccessPolicy) -> list[str]:
    """Return a line for each choice that opens more than a credential of the mock's own does."""
    lines = []
    if access.any_credential:
        lines += [f"{'Credentials':<12} any opens the default sandbox"]
    if access.trusts_sandbox_header:
        lines += [f"{'Header':<12} X-Mock-Sandbox picks any sandbox"]
    return lines


def _readable(header: str) -> str:
    """Return the header itself, or user and password if it is a Basic Authorization header."""
    basic = header.partition("Authorization: Basic ")[2]
    return "user {}, password {}".format(*b64decode(basic).decode().split(":")) if basic else header
