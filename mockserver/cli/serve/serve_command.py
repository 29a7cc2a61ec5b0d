"""`mockserver serve`: serves the vendors and the control API on one port until a signal stops it."""

import socket
import sys
from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path

import click

from mockserver import app
from mockserver.cli.background import daemon
from mockserver.cli.background.ready_file import ReadyFile, ReadyFileError
from mockserver.cli.background.servers import default_ready_file
from mockserver.cli.options import PATH, CommandError, WholeNumber, option, shared
from mockserver.cli.options.data import OwnData, data_options
from mockserver.cli.output.line_writer import print_without_waiting
from mockserver.cli.output.logs import LEVELS, log_to_stderr
from mockserver.cli.serve.access_options import AccessSettings, access_options
from mockserver.cli.serve.banner import banner, shell_line
from mockserver.cli.serve.demo_options import DemoSettings, ServeCommand, demo_options
from mockserver.cli.serve.reload import carried_file, is_trial, serve_and_reload
from mockserver.cli.serve.running import Running
from mockserver.cli.serve.store_options import StoreSettings, store_options
from mockserver.cli.serve.tls_options import certifiable_names, load_tls_settings, server_names
from mockserver.data.resources import InvalidFile
from mockserver.sandbox.journal.redaction import also_redact
from mockserver.server import sockets

CANNOT_START = (app.UnknownVendor, app.InvalidDialects, InvalidFile, sockets.CannotListen, ReadyFileError)


@click.command("serve", cls=ServeCommand)
@option("--host", default="127.0.0.1", help="Address to listen on; 0.0.0.0 means all.")
@option("--port", default=8080, type=WholeNumber(0, 65535), help="Port to listen on; 0 picks a free one.")
@shared.seed
@shared.products
@shared.vendors
@shared.vendors_from
@access_options
@shared.limits
@shared.dialect
@shared.redact
@shared.journal_memory
@data_options
@store_options
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
    help="Name or address for the certificate of --tls, besides the vendors' hosts; may be repeated.",
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
            vendors_from: Path | None, access: AccessSettings, limits: bool, dialect: str,
            redact: tuple[str, ...], journal_memory: int, engine: app.EngineName, no_fast_path: bool,
            tls: bool, tls_cert: Path | None, tls_key: Path | None, tls_name: tuple[str, ...],
            data_dir: Path | None, ready_file: Path | None, wait: bool, log_level: str, log_format: str,
            reload: bool, data: OwnData, demo: DemoSettings, store: StoreSettings) -> None:  # fmt: skip
    """Serve the vendors' APIs and the control API until Ctrl-C.

    The server prints a curl command for each vendor once it is ready.
    """
    log = log_to_stderr(log_level, log_format, shared=store.workers > 1)
    also_redact(redact)
    store.refuse_beside(data, reload=reload)
    if reload:
        return _serve_with_reload(host, port, vendors_from, vendors, wait)
    new_token = access.new_token(host, needed=demo.quotas is not None)
    try:
        mock = app.build(
            seed, demo.quotas.products if demo.quotas else products, vendors, vendors_from=vendors_from,
            limits=limits, dialect=dialect, journal_memory=journal_memory, engine=engine, demo=demo.quotas,
            log=store.log(), **access.options(new_token),
        )  # fmt: skip
        demo.begin(mock)
        if is_trial():
            return mock.check_specs()
        data.load(mock, carried_file())
        listener = sockets.listen(host, port)
        ready_files = _ready_files(ready_file, listener, data_dir, wait)
    except CANNOT_START as error:
        raise CommandError(str(error)) from None
    names = [*_vendors_hosts(mock), *server_names(host, listener), *tls_name]
    https = load_tls_settings(tls, tls_cert, tls_key, data_dir, names)
    found = store.check(mock)  # last: a server that cannot start does not empty it
    announce = daemon.fork() if wait else partial(print_without_waiting, sys.stdout)
    running = Running(mock, listener, https, ready_files, data, not no_fast_path)
    log.use_base_url(mock.access.public_url or running.url)
    text = shell_line(listener, https, new_token) if wait else banner(listener, mock, https, new_token, found)
    running.serve(lambda: announce(text), store.workers, detached=wait)
    log.write("stopped")


def _ready_files(
    file: Path | None, listener: socket.socket, data_dir: Path | None, wait: bool
) -> list[ReadyFile]:
    """Return the ready files of a server: the user's, and with --wait that of `stop` and `status`."""
    own = default_ready_file(listener.getsockname()[1], data_dir) if wait else None
    return [ReadyFile(one) for one in (file, own) if one]


def _vendors_hosts(mock: app.Mock) -> Iterator[str]:
    return chain.from_iterable(contract.spec.host_names for contract in mock.contracts)


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
