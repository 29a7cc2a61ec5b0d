"""`mockserver exec`: runs a command whose calls to the vendors' real hosts are answered by a mock."""

import os
import shutil
import sys
import tempfile
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from mockserver import app
from mockserver.cli.exec.ca_bundles import write_ca_bundles
from mockserver.cli.exec.client_environment import client_environment
from mockserver.cli.exec.handshakes import Failures, count_failures
from mockserver.cli.exec.process import CommandProcess, NotStarted
from mockserver.cli.exec.proxy import Proxy, running_proxy
from mockserver.cli.exec.summary import summarize
from mockserver.cli.options import PATH, CommandError, option, shared
from mockserver.cli.options.data import OwnData, data_options
from mockserver.cli.options.files import check_writable
from mockserver.cli.output.logs import log_to_stderr
from mockserver.contract.hosts import Hosts
from mockserver.data.resources import InvalidFile
from mockserver.sandbox.journal.journal import merged
from mockserver.sandbox.journal.redaction import also_redact
from mockserver.server import server, sockets
from mockserver.server.tls.authority import Authority
from mockserver.server.tls.data_dir import DataDirError
from mockserver.vendor_api.credential import DEFAULT_SANDBOX

EXIT_REMARKS = 76  # EX_PROTOCOL in sysexits.h
COLORS = {"refusal": "red", "remark": "yellow", "note": "blue", "host": "cyan"}


@dataclass(frozen=True)
class ExecSetup:
    """The mock that answers a command, its URL, the proxy, failed TLS handshakes, and the environment."""

    mock: app.Mock
    url: str
    proxy: Proxy
    failures: Failures
    environment: dict[str, str]


def file_option(name: str, help_text: str) -> Callable[[Any], Any]:
    """Return a decorator for an option that takes the path of a file to write after the command has run."""
    return option(name, type=PATH, callback=_check_writable, metavar="FILE", help=help_text)


def _check_writable(ctx: click.Context, parameter: click.Parameter, value: Path | None) -> Path | None:
    """Raise CommandError if a file cannot be written, so that the error comes before the command runs."""
    if value:
        check_writable(value)
    return value


@click.command("exec", context_settings={"allow_interspersed_args": False})
@shared.seed
@shared.products
@shared.vendors
@shared.vendors_from
@shared.limits
@shared.dialect
@shared.redact
@data_options
@option(
    "--only-vendors", is_flag=True, help="Refuse calls to all hosts except those of the emulated vendors."
)
@option(
    "--fail-on-remarks",
    is_flag=True,
    help=f"Exit with {EXIT_REMARKS} if the command succeeds but a call deviates from a vendor's contract.",
)
@file_option("--har", "Write all calls to this file, as an HTTP Archive.")
@file_option("--snapshot", "Export the default sandbox to this file at the end.")
@click.argument("argv", metavar="[--] COMMAND...", nargs=-1, required=True, type=click.UNPROCESSED)
def command(seed: int, products: int, vendors: tuple[str, ...], vendors_from: Path | None,
            limits: bool, dialect: str, redact: tuple[str, ...], only_vendors: bool, fail_on_remarks: bool,
            har: Path | None, snapshot: Path | None, argv: tuple[str, ...],
            data: OwnData) -> None:  # fmt: skip
    """Run a command against a mock of the vendors.

    COMMAND gets proxy and CA variables, which clients in many languages read, so that a mock answers
    its calls to the vendors' real hosts. At the end, a summary of the calls is printed to stderr. The
    exit code is the command's, or 128 + n if signal n ended it.
    """
    log_to_stderr("warning", "text")
    also_redact(redact)
    try:
        files = app.VendorFiles(vendors_from)
        mock = app.build(seed, products, vendors, vendors_from=vendors_from, limits=limits, dialect=dialect)
        data.load(mock)
        with exec_setup(mock, only_vendors, files) as setup:
            code = CommandProcess(argv, setup.environment).run()
            has_remarks = _print_summary(setup)
            data.save(mock)
            for file, path in ((har, "requests/har"), (snapshot, f"sandboxes/{DEFAULT_SANDBOX}/export")):
                if file:
                    _save(file, f"{setup.url}/_mock/{path}")
    except (app.UnknownVendor, app.InvalidDialects, InvalidFile, DataDirError,
            sockets.CannotListen) as error:  # fmt: skip
        raise CommandError(str(error)) from None
    except NotStarted as error:
        click.echo(f"mockserver: {error}", err=True)
        sys.exit(error.exit_code)
    sys.exit(EXIT_REMARKS if fail_on_remarks and has_remarks and not code else code)


@contextmanager
def exec_setup(
    mock: app.Mock, only_vendors: bool, files: app.VendorFiles | None = None
) -> Iterator[ExecSetup]:
    """Run a server and a proxy while the block runs; yield the setup for a command that uses them.

    Raise DataDirError if the data folder cannot be used, and CannotListen if there is no free port.
    """
    served = [contract.spec for contract in mock.contracts]
    files = files or app.VendorFiles()
    others = [files.spec(name) for name in files.names() if name not in {spec.name for spec in served}]
    hosts, authority = Hosts(served, [*served, *others]), Authority()
    tls = authority.context([*chain.from_iterable(spec.host_names for spec in served)])
    failures = count_failures(tls)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mockserver-")))
        https_listener = sockets.listen("127.0.0.1", 0)
        url = stack.enter_context(server.serving(mock.application, (https_listener, tls)))
        proxy = Proxy(hosts, urlsplit(url).port or 0, https_listener.getsockname()[1], only_vendors)
        proxy_url = stack.enter_context(running_proxy(proxy))
        bundles = write_ca_bundles(folder, authority.pem, os.environ)
        variables = client_environment(os.environ, url, proxy_url, bundles, hosts, only_vendors)
        yield ExecSetup(mock, url, proxy, failures, variables)


def _save(file: Path, url: str) -> None:
    """Write a response of the control API to a file, byte for byte."""
    without_proxy = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with without_proxy.open(url) as response, file.open("wb") as written:
            shutil.copyfileobj(response, written)
    except OSError as error:
        raise CommandError(f"cannot write to {file}: {error.strerror or error}") from None


def _print_summary(setup: ExecSetup) -> bool:
    """Print the summary to stderr; return True if it has remarks."""
    journals = setup.mock.sandboxes.every_journal()
    entries = [kept.summary() for kept in merged(journals) if kept.direction == "incoming"]
    specs = {contract.vendor.name: contract.spec for contract in setup.mock.contracts}
    hosts = {
        "TLS handshakes failed": Counter({f"{host} ({why})": n for (host, why), n in setup.failures.items()}),
        "other hosts called": setup.proxy.forwarded,
        "hosts refused": setup.proxy.refused,
        "hosts not reached": setup.proxy.unreachable,
    }
    for kind, text in summarize(entries, specs, hosts):
        click.secho(text, fg=COLORS.get(kind), bold=kind == "head", err=True)
    if dropped := sum(journal.dropped for journal in journals):
        click.secho(
            f"  {dropped} earlier calls are not listed: the journal keeps only the latest ones", err=True
        )
    return any(entry.remarks for entry in entries)
