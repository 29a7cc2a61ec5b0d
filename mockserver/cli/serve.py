"""`mockserver serve`: serves the vendors and the control API on one port until it is told to stop."""

import gc
import os
import secrets
import shlex
import signal
import socket
import sys
import threading
from base64 import b64decode
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from mockserver import __version__, app
from mockserver.cli import daemon, shared_options
from mockserver.cli.logs import LEVELS, log_to_stderr
from mockserver.cli.options import PATH, CommandError, option
from mockserver.cli.ready_file import ReadyFile, ReadyFileError
from mockserver.cli.reload import SUPERVISOR, pid_to_stop, serve_and_reload
from mockserver.cli.tls_options import TlsSettings, load_tls_settings, server_names
from mockserver.resources import InvalidFile
from mockserver.server import server, sockets
from mockserver.server.admin_auth import is_loopback
from mockserver.vendor_api.credential import DEFAULT_SANDBOX


@click.command("serve")
@option("--host", default="127.0.0.1", help="Address to listen on; 0.0.0.0 for all.")
@option("--port", default=8080, type=click.IntRange(0, 65535), help="Port to listen on; 0 picks a free one.")
@shared_options.seed
@shared_options.products
@shared_options.vendors
@option(
    "--admin-token",
    help="Token that the control API requires.  "
    "[default: none if --host is a loopback address, else a new one, printed at start]",
)
@shared_options.limits
@option("--no-express", is_flag=True, help="Check every call with Connexion: slower, same answers.")
@option("--tls", is_flag=True, help="Serve HTTPS; clients must trust the certificate of `mockserver ca`.")
@option("--tls-cert", type=PATH, help="Your own certificate, in PEM.  [default: a new one with --tls]")
@option("--tls-key", type=PATH, help="The certificate's private key, in PEM, without a password.")
@option(
    "--data-dir", type=PATH, help="Folder of the certificate authority.  [default: in your user data folder]"
)
@option("--ready-file", type=PATH, help="File to hold URL, port and process id while the server answers.")
@click.option("--wait", is_flag=True, help="Run in the background; return once the server answers.")
@option(
    "--log-level",
    default="info",
    type=click.Choice(LEVELS, case_sensitive=False),
    help="How much to log to stderr; each request is logged as info.",
)
@option(
    "--log-format",
    default="text",
    type=click.Choice(("text", "json")),
    help="Log lines of text, or of JSON for other programs.",
)
@option("--reload", is_flag=True, help="Restart when a spec, a fixture or the mock's own code changes.")
def command(host: str, port: int, seed: int, products: int, vendors: tuple[str, ...],
          admin_token: str | None, limits: bool, no_express: bool, tls: bool, tls_cert: Path | None,
          tls_key: Path | None, data_dir: Path | None, ready_file: Path | None, wait: bool,
          log_level: str, log_format: str, reload: bool) -> None:  # fmt: skip
    """Serve the vendors' APIs and the control API until Ctrl-C.

    The server prints a curl command for each vendor once it is ready.
    """
    log_to_stderr(log_level, log_format)
    if reload:
        return _serve_with_reload(host, port, vendors, wait)
    new_token = None if admin_token or is_loopback(host) else secrets.token_urlsafe(24)
    try:
        mock = app.build(seed, products, vendors, admin_token or new_token, limits, not no_express)
        listener = sockets.listen(host, port)
        server_ready_file = ReadyFile(ready_file) if ready_file else None
    except (app.UnknownVendor, InvalidFile, sockets.CannotListen, ReadyFileError) as error:
        raise CommandError(str(error)) from None
    names = [name for contract in mock.contracts for name in contract.spec.host_names]
    certified = [*names, *server_names(host, listener)]
    tls_settings = load_tls_settings(tls, tls_cert, tls_key, data_dir, certified)
    announce = daemon.fork() if wait else click.echo
    line = shell_line(listener, tls_settings, new_token)
    text = line if wait else banner(listener, mock, tls_settings, new_token)
    _serve(mock, listener, tls_settings, server_ready_file, lambda: announce(text))
    click.echo("stopped", err=True)


def _serve(
    mock: app.Mock,
    listener: socket.socket,
    tls: TlsSettings | None,
    ready_file: ReadyFile | None,
    announce: Callable[[], None],
) -> None:
    """Serve until a signal stops the server; call `announce` once it answers."""
    warm_up = WarmUp(mock)

    def ready() -> None:
        if ready_file:
            ready_file.publish(
                url=local_url(listener, tls),
                port=listener.getsockname()[1],
                pid=pid_to_stop(),
                ca=str(tls.certificate) if tls else None,
            )
        announce()
        threading.Thread(target=warm_up.run, args=(running,), name="warm up", daemon=True).start()

    def abandon(code: int) -> None:
        if ready_file:
            ready_file.withdraw()
        os._exit(code)

    if os.getpid() == 1:  # in a container, process 1 becomes the parent of orphaned processes
        signal.signal(signal.SIGCHLD, _reap)
        _reap()
    running = server.Server(mock.application, ready, abandon, tls.context if tls else None)
    try:
        running.run([listener])
    except ReadyFileError as error:
        raise CommandError(str(error)) from None
    finally:
        if ready_file:
            ready_file.withdraw()
    if warm_up.error:
        raise CommandError(str(warm_up.error))


class WarmUp:
    """Work that most calls do not need, done while the server already answers.

    `error` is the file error that the work met, which also stops the server.
    """

    def __init__(self, mock: app.Mock) -> None:
        self._mock = mock
        self.error: InvalidFile | None = None

    def run(self, running: server.Server) -> None:
        try:
            self._mock.warm_up()
            if SUPERVISOR in os.environ:  # somebody is editing specs: report a broken one at once
                self._mock.check()
            # What exists now stays until the end. Frozen, it is left out of full garbage
            # collections, each of which would delay all calls.
            gc.collect()
            gc.freeze()
        except InvalidFile as error:
            self.error = error
            running.should_exit = True


def local_url(listener: socket.socket, tls: TlsSettings | None) -> str:
    """Return the server's base URL for a client on this machine."""
    base = sockets.base_url(listener, bool(tls))
    return base.replace("://0.0.0.0:", "://127.0.0.1:").replace("://[::]:", "://[::1]:")


def shell_line(listener: socket.socket, tls: TlsSettings | None, new_token: str | None) -> str:
    """Return what --wait prints, for a script to split: base URL, process id, and the admin token if new."""
    return " ".join([local_url(listener, tls), str(os.getpid()), *([new_token] if new_token else [])])


def banner(listener: socket.socket, mock: app.Mock, tls: TlsSettings | None, new_token: str | None) -> str:
    """Return what a person needs for a first call to each vendor."""
    base = sockets.base_url(listener, bool(tls))
    ca_options = ["--cacert", str(tls.certificate)] if tls and not tls.from_user else []
    data = f"seed {mock.sandboxes.seed}, {mock.sandboxes.products} products"
    lines = [f"mockserver {__version__} on {base} ({data})"]
    for vendor in (contract.vendor for contract in mock.contracts):
        headers = [f"{name}: {value}" for name, value in vendor.auth_headers(DEFAULT_SANDBOX).items()]
        url = f"{base}/{vendor.name}"
        header_options = [word for header in headers for word in ("-H", header)]
        curl = shlex.join(["curl", *ca_options, url + vendor.sample, *header_options])
        lines += ["", f"{vendor.title:<12} {url}  {_readable(headers[0])}", f"  {curl}"]
    token = f"  admin token {new_token}" if new_token else ""
    lines += ["", f"{'Control API':<12} {base}/_mock{token}"]
    if ca_options:
        lines += [f"{'Certificate':<12} {ca_options[1]}  (your client must trust it)"]
    return "\n".join([*lines, "", "ready, press Ctrl-C to stop"])


def _readable(header: str) -> str:
    """Return a header as text; a Basic Authorization header as its user and password."""
    basic = header.partition("Authorization: Basic ")[2]
    return "user {}, password {}".format(*b64decode(basic).decode().split(":")) if basic else header


def _reap(*_: Any) -> None:
    """Collect the exit codes of child processes that have ended, so that none stays a zombie."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _serve_with_reload(host: str, port: int, vendors: tuple[str, ...], wait: bool) -> None:
    """Serve in a child process that restarts on changes, always on the same port."""
    if wait:
        raise CommandError("--wait and --reload cannot be used together")
    try:
        app.chosen(vendors)
        with sockets.listen(host, port) as free:
            port = free.getsockname()[1]
    except (app.UnknownVendor, sockets.CannotListen) as error:
        raise CommandError(str(error)) from None
    sys.exit(serve_and_reload(port))
