"""`mockserver serve`: the vendors on a socket, until told to stop."""

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
from mockserver.cli.options import FILE, CommandError, option
from mockserver.cli.ready_file import ReadyFile, ReadyFileError
from mockserver.cli.reload import SUPERVISOR, process_to_stop, serve_and_reload
from mockserver.cli.tls_options import TlsSettings, own_names, tls_settings
from mockserver.resources import InvalidFile
from mockserver.server import server, sockets
from mockserver.server.admin_auth import is_loopback
from mockserver.vendor_api.credential import DEFAULT_SANDBOX


@click.command("serve")
@option("--host", default="127.0.0.1", help="Address to listen on.")
@option("--port", default=8080, type=click.IntRange(0, 65535), help="Port to listen on; 0 takes a free one.")
@shared_options.seed
@shared_options.products
@shared_options.vendors
@option("--admin-token", help="Token for the control API; made and shown if needed and not given.")
@shared_options.limits
@option(
    "--engine",
    default="compiled",
    type=click.Choice(("compiled", "connexion")),
    help="Who validates calls: our compiled specs (fast), or Connexion.",
)
@option("--no-fast-path", is_flag=True, help="Give every request a task of its own: slower, same answers.")
@option("--tls", is_flag=True, help="Speak HTTPS; `mockserver ca` shows what a client must trust.")
@option("--tls-cert", type=FILE, help="Your own certificate, in PEM.  [default: one is made]")
@option("--tls-key", type=FILE, help="Its key, without a password.")
@option("--data-dir", type=FILE, help="Folder where the certificate authority is kept.  [default: your own]")
@option("--ready-file", type=FILE, help="Write where the server is into this file while it answers.")
@click.option("--wait", is_flag=True, help="Go on in the background, and return once the server answers.")
@option(
    "--log-level", default="info", type=click.Choice(LEVELS, case_sensitive=False), help="How much to log."
)
@option(
    "--log-format", default="text", type=click.Choice(("text", "json")), help="Lines for people or programs."
)
@option("--reload", is_flag=True, help="Restart when a spec, fixture or vendor file changes.")
def command(host: str, port: int, seed: int, products: int, vendors: tuple[str, ...],
          admin_token: str | None, limits: bool, engine: app.EngineName, no_fast_path: bool, tls: bool,
          tls_cert: Path | None, tls_key: Path | None, data_dir: Path | None, ready_file: Path | None,
          wait: bool, log_level: str, log_format: str, reload: bool) -> None:  # fmt: skip
    """Serve the vendors until Ctrl-C."""
    log_to_stderr(log_level, log_format)
    if reload:
        return _reloading(host, port, vendors, wait)
    made_token = None if admin_token or is_loopback(host) else secrets.token_urlsafe(24)
    try:
        mock = app.build(
            seed, products, vendors, limits=limits, admin_token=admin_token or made_token, engine=engine
        )
        listening = sockets.listen(host, port)
        announcement = ReadyFile(ready_file) if ready_file else None
    except (app.UnknownVendor, InvalidFile, sockets.CannotListen, ReadyFileError) as error:
        raise CommandError(str(error)) from None
    names = [name for contract in mock.contracts for name in contract.spec.host_names]
    safe = tls_settings(tls, tls_cert, tls_key, data_dir, [*names, *own_names(host, listening)])
    say = daemon.fork() if wait else click.echo
    text = _whereabouts(listening, safe, made_token) if wait else banner(listening, mock, safe, made_token)
    _serve(mock, listening, safe, announcement, lambda: say(text), not no_fast_path)
    click.echo("stopped", err=True)


def _serve(
    mock: app.Mock,
    listening: socket.socket,
    safe: TlsSettings | None,
    announcement: ReadyFile | None,
    say: Callable[[], None],
    fast_path: bool,
) -> None:
    """Answer until told to stop."""

    warming = Warming(mock)

    def ready() -> None:
        if announcement:
            announcement.publish(
                url=reachable(listening, safe),
                port=listening.getsockname()[1],
                pid=process_to_stop(),
                ca=str(safe.trusted) if safe else None,
            )
        say()
        threading.Thread(target=warming.run, args=(running,), name="warm", daemon=True).start()

    def abandon(code: int) -> None:
        if announcement:
            announcement.withdraw()
        os._exit(code)

    if os.getpid() == 1:  # in a container: whose parent ends becomes a child of ours
        signal.signal(signal.SIGCHLD, _reap)
        _reap()
    running = server.Server(
        mock.application, ready, abandon, tls=safe.context if safe else None, fast_path=fast_path
    )
    try:
        running.run([listening])
    except ReadyFileError as error:
        raise CommandError(str(error)) from None
    finally:
        if announcement:
            announcement.withdraw()
    if warming.broken:
        raise CommandError(str(warming.broken))


class Warming:
    """What most calls do not need, made while the server answers already."""

    def __init__(self, mock: app.Mock) -> None:
        self._mock = mock
        self.broken: InvalidFile | None = None

    def run(self, running: server.Server) -> None:
        try:
            self._mock.warm_up()
            if SUPERVISOR in os.environ:  # a spec is being worked on
                self._mock.check_specs()
            # What is there now stays: a full collection that looked at it would hold up every call.
            gc.collect()
            gc.freeze()
        except InvalidFile as error:
            self.broken = error
            running.should_exit = True


def reachable(listening: socket.socket, safe: TlsSettings | None) -> str:
    """The base URL for a client on this machine."""
    base = sockets.base_url(listening, bool(safe))
    return base.replace("://0.0.0.0:", "://127.0.0.1:").replace("://[::]:", "://[::1]:")


def _whereabouts(listening: socket.socket, safe: TlsSettings | None, made_token: str | None) -> str:
    """For a shell: base URL, process, and the token if one was made."""
    return " ".join([reachable(listening, safe), str(os.getpid()), *([made_token] if made_token else [])])


def banner(listening: socket.socket, mock: app.Mock, safe: TlsSettings | None, made_token: str | None) -> str:
    """What a person needs to make a first call to each vendor."""
    base = sockets.base_url(listening, bool(safe))
    trust = ["--cacert", str(safe.trusted)] if safe and not safe.own else []
    world = f"seed {mock.sandboxes.seed}, products {mock.sandboxes.products}"
    lines = [f"mockserver {__version__} on {base} ({world})"]
    for vendor in (contract.vendor for contract in mock.contracts):
        headers = [f"{name}: {value}" for name, value in vendor.auth_headers(DEFAULT_SANDBOX).items()]
        url = f"{base}/{vendor.name}"
        asked = [word for header in headers for word in ("-H", header)]
        curl = ["curl", *trust, url + vendor.sample, *asked]
        lines += ["", f"{vendor.title:<12} {url}  {_credential(headers[0])}", f"  {shlex.join(curl)}"]
    token = f"  admin token {made_token}" if made_token else ""
    lines += ["", f"{'Control':<12} {base}/_mock{token}"]
    if trust:
        lines += [f"{'Certificate':<12} {trust[1]}  to be trusted by your client"]
    return "\n".join([*lines, "", "ready, Ctrl-C stops"])


def _credential(header: str) -> str:
    """A header of the sample in words: Basic is written out, the rest is shown as it is."""
    basic = header.partition("Authorization: Basic ")[2]
    return "user {}, password {}".format(*b64decode(basic).decode().split(":")) if basic else header


def _reap(*_: Any) -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _reloading(host: str, port: int, vendors: tuple[str, ...], wait: bool) -> None:
    """Serve anew after every change, always on the same port."""
    if wait:
        raise CommandError("--wait and --reload do not go together")
    try:
        app.VendorFiles().choose(vendors)
        with sockets.listen(host, port) as free:
            port = free.getsockname()[1]
    except (app.UnknownVendor, sockets.CannotListen) as error:
        raise CommandError(str(error)) from None
    sys.exit(serve_and_reload(port))
