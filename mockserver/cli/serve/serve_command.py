"""`mockserver serve`: serves the vendors and the control API on one port until a signal stops it."""

import gc
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click

from mockserver import app
from mockserver.cli.background import daemon
from mockserver.cli.background.process_identity import identity_of
from mockserver.cli.background.ready_file import ReadyFile, ReadyFileError
from mockserver.cli.background.servers import default_ready_file
from mockserver.cli.options import PATH, CommandError, WholeNumber, option, shared
from mockserver.cli.options.data import OwnData, data_options
from mockserver.cli.output.line_writer import print_without_waiting
from mockserver.cli.output.logs import LEVELS, log_to_stderr
from mockserver.cli.serve.access_options import AccessSettings, access_options
from mockserver.cli.serve.banner import banner, local_url, shell_line
from mockserver.cli.serve.demo_options import DemoSettings, ServeCommand, demo_options
from mockserver.cli.serve.reload import SUPERVISOR, carried_file, is_trial, pid_to_stop, serve_and_reload
from mockserver.cli.serve.tls_options import TlsSettings, certifiable_names, load_tls_settings, server_names
from mockserver.resources import InvalidFile
from mockserver.sandbox.journal.redaction import also_redact
from mockserver.server import server, sockets
from mockserver.server.http.connections.descriptors import raise_descriptor_limit

# Seconds that a thread with a long body runs before the event loop may. Python's 5 ms would delay each call.
SWITCH_INTERVAL = 0.0002


@click.command("serve", cls=ServeCommand)
@option("--host", default="127.0.0.1", help="Address to listen on; 0.0.0.0 means all.")
@option("--port", default=8080, type=WholeNumber(0, 65535), help="Port to listen on; 0 picks a free one.")
@shared.seed
@shared.products
@shared.vendors
@shared.vendors_from
@access_options
@shared.limits
@shared.redact
@shared.journal_memory
@data_options
@option(
    "--engine",
    default="compiled",
    type=click.Choice(("compiled", "connexion")),
    help="How to check calls against the specs: with code compiled from them (fast), or with Connexion.",
)
@option("--no-fast-path", is_flag=True, help="Start a task for every request: slower, but the same answers.")
@option("--tls", is_flag=True, help="Serve HTTPS; clients must trust the certificate of `mockserver ca`.")
@option("--tls-cert", type=PATH, help="Your own certificate, in PEM.  [default with --tls: a new one]")
@option("--tls-key", type=PATH, help="The certificate's private key, in PEM, without a password.")
@option(
    "--tls-name",
    multiple=True,
    metavar="NAME",
    callback=certifiable_names,
    help="Name or address for the certificate of --tls, beside the vendors' hosts; may be repeated.",
)
@option(
    "--data-dir",
    type=PATH,
    help="Folder of the certificate authority, and of what `stop` and `status` read.  "
    "[default: in your user data folder]",
)
@option(
    "--ready-file",
    type=PATH,
    help="File for the server's URL, port and process id; it exists while the server answers.",
)
@click.option("--wait", is_flag=True, help="Run in the background; return once the server answers.")
@option(
    "--log-level",
    default="info",
    type=click.Choice(LEVELS, case_sensitive=False),
    help="Lowest level that is logged to stderr; requests have the level info.",
)
@option(
    "--log-format",
    default="text",
    type=click.Choice(("text", "json")),
    help="Format of the log: lines of text, or of JSON for programs.",
)
@option("--reload", is_flag=True, help="Restart when a spec, a fixture or the mock's own code changes.")
@demo_options
def command(host: str, port: int, seed: int, products: int, vendors: tuple[str, ...],
          vendors_from: Path | None, access: AccessSettings, limits: bool, redact: tuple[str, ...],
          journal_memory: int, engine: app.EngineName, no_fast_path: bool, tls: bool, tls_cert: Path | None,
          tls_key: Path | None, tls_name: tuple[str, ...], data_dir: Path | None, ready_file: Path | None,
          wait: bool, log_level: str, log_format: str, reload: bool, data: OwnData,
          demo: DemoSettings) -> None:  # fmt: skip
    """Serve the vendors' APIs and the control API until Ctrl-C.

    The server prints a curl command for each vendor once it is ready.
    """
    log = log_to_stderr(log_level, log_format)
    also_redact(redact)
    if reload:
        return _serve_with_reload(host, port, vendors_from, vendors, wait)
    new_token = access.new_token(host, needed=demo.quotas is not None)
    try:
        mock = app.build(
            seed, demo.quotas.products if demo.quotas else products, vendors, vendors_from=vendors_from,
            limits=limits, journal_memory=journal_memory, engine=engine, demo=demo.quotas,
            **access.options(new_token),
        )  # fmt: skip
        demo.begin(mock)
        if is_trial():
            return mock.check_specs()
        data.load(mock, carried_file())
        listener = sockets.listen(host, port)
        places = [ready_file, default_ready_file(listener.getsockname()[1], data_dir) if wait else None]
        ready_files = [ReadyFile(file) for file in places if file]
    except (app.UnknownVendor, InvalidFile, sockets.CannotListen, ReadyFileError) as error:
        raise CommandError(str(error)) from None
    names = [name for contract in mock.contracts for name in contract.spec.host_names]
    certified = [*names, *server_names(host, listener), *tls_name]
    tls_settings = load_tls_settings(tls, tls_cert, tls_key, data_dir, certified)
    announce = daemon.fork() if wait else partial(print_without_waiting, sys.stdout)
    log.use_base_url(mock.access.public_url or local_url(listener, tls_settings))
    text = (shell_line(listener, tls_settings, new_token) if wait
            else banner(listener, mock, tls_settings, new_token))  # fmt: skip
    running = Running(mock, listener, tls_settings, ready_files, data)
    running.serve(lambda: announce(text), fast_path=not no_fast_path)
    log.write("stopped")


@dataclass(frozen=True)
class Running:
    """The server that the command runs, with its socket, TLS settings, ready files and the user's data."""

    mock: app.Mock
    listener: socket.socket
    tls: TlsSettings | None
    ready_files: list[ReadyFile]
    data: OwnData

    def serve(self, announce: Callable[[], None], *, fast_path: bool) -> None:
        """Serve until a signal stops the server; call `announce` once it answers.

        Raise CommandError if the ready file cannot be written, or if the warm-up finds an invalid file.
        """
        warm_up = WarmUp(self.mock)
        sys.setswitchinterval(SWITCH_INTERVAL)

        def ready() -> None:
            self._publish()
            announce()
            threading.Thread(target=warm_up.run, args=(running,), name="warm up", daemon=True).start()

        def abandon(code: int) -> None:
            self._withdraw()
            try:
                self._save()
            except CommandError as error:
                print_without_waiting(sys.stderr, f"mockserver: {error.message}")
            logging.shutdown()  # writes what waits to be written
            os._exit(code)

        if os.getpid() == 1:  # in a container, process 1 becomes the parent of orphaned processes
            signal.signal(signal.SIGCHLD, _reap)
            _reap()
        raise_descriptor_limit()
        context = self.tls.context if self.tls else None
        running = server.Server(self.mock.application, ready, abandon, tls=context, fast_path=fast_path)
        try:
            running.run([self.listener])
        except ReadyFileError as error:
            raise CommandError(str(error)) from None
        finally:
            self._withdraw()
            self._save()
        if warm_up.error:
            raise CommandError(str(warm_up.error))

    def _publish(self) -> None:
        for file in self.ready_files:
            file.publish(
                url=local_url(self.listener, self.tls),
                port=self.listener.getsockname()[1],
                pid=pid_to_stop(),
                process=identity_of(pid_to_stop()),
                ca=str(self.tls.certificate) if self.tls else None,
            )

    def _save(self) -> None:
        self.data.save(self.mock, carried_file())

    def _withdraw(self) -> None:
        for file in self.ready_files:
            file.withdraw()


class WarmUp:
    """Work that runs after the start, while the server already answers. Most calls do not need its results.

    If the work finds an invalid file, it stores the error in `error`, and stops the server.
    """

    def __init__(self, mock: app.Mock) -> None:
        self._mock = mock
        self.error: InvalidFile | None = None

    def run(self, running: server.Server) -> None:
        try:
            self._mock.warm_up()
            if SUPERVISOR in os.environ:  # somebody is editing specs, so report an error in them at once
                self._mock.check_specs()
            # The objects that exist now stay until the end. Full garbage collections would scan them again
            # and again, and delay all calls. Freezing them prevents that.
            gc.collect()
            gc.freeze()
        except InvalidFile as error:
            self.error = error
            running.should_exit = True


def _reap(*_: Any) -> None:
    """Collect the exit codes of child processes that have ended, so that they do not stay zombies."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _serve_with_reload(
    host: str, port: int, vendors_from: Path | None, vendors: tuple[str, ...], wait: bool
) -> None:
    """Serve in a child process that is restarted, on the same port, whenever a file changes."""
    if wait:
        raise CommandError("--wait and --reload cannot be used together")
    try:
        files = app.VendorFiles(vendors_from)
        files.choose(vendors)
        with sockets.listen(host, port) as free:
            port = free.getsockname()[1]
    except (app.UnknownVendor, InvalidFile, sockets.CannotListen) as error:
        raise CommandError(str(error)) from None
    sys.exit(serve_and_reload(port, files.folder))
