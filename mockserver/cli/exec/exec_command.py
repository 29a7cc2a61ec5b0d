"""`mockserver exec`: one command, run so that it finds the vendors here and cannot find the real ones."""

import os
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from mockserver import app
from mockserver.cli import shared_options
from mockserver.cli.exec.ca_bundles import trust
from mockserver.cli.exec.client_environment import environment
from mockserver.cli.exec.process import CommandProcess, NotStarted
from mockserver.cli.exec.proxy import Proxy, proxying
from mockserver.cli.exec.summary import report
from mockserver.cli.logs import log_to_stderr
from mockserver.cli.options import FILE, CommandError, option
from mockserver.contract.hosts import Hosts
from mockserver.contract.openapi.spec import Spec
from mockserver.resources import InvalidFile
from mockserver.server import server, sockets
from mockserver.server.tls.authority import Authority
from mockserver.server.tls.data_dir import DataDirError
from mockserver.vendor_api.credential import DEFAULT_SANDBOX

REMARKS = 76  # a mistake in the protocol, as sysexits.h has it
COLOURS = {"refusal": "red", "remark": "yellow", "elsewhere": "cyan"}


@dataclass(frozen=True)
class ExecSetup:
    """All that a command needs: where the mock answers, what leads there, and the variables that say so."""

    mock: app.Mock
    url: str
    proxy: Proxy
    environment: dict[str, str]


def file_option(name: str, words: str) -> Callable[[Any], Any]:
    return option(name, type=FILE, callback=_writable, metavar="FILE", help=words)


def _writable(ctx: click.Context, parameter: click.Parameter, value: Path | None) -> Path | None:
    """Whether a file can be written is found out before the command runs, not after."""
    if value and (value.is_dir() or not os.access(value if value.exists() else value.parent, os.W_OK)):
        raise CommandError(f"cannot write to {value}")
    return value


@click.command("exec", context_settings={"allow_interspersed_args": False})
@shared_options.seed
@shared_options.products
@shared_options.vendors
@shared_options.limits
@option("--only-vendors", is_flag=True, help="Refuse every host that is no vendor's.")
@option("--fail-on-remarks", is_flag=True, help=f"Exit {REMARKS} if all went well, but the contract objects.")
@file_option("--har", "Write all calls there, as an HTTP Archive.")
@file_option("--snapshot", "Write the default sandbox there afterwards, as its export.")
@click.argument("words", metavar="[--] COMMAND...", nargs=-1, required=True, type=click.UNPROCESSED)
def command(seed: int, products: int, vendors: tuple[str, ...], limits: bool, only_vendors: bool,
            fail_on_remarks: bool, har: Path | None, snapshot: Path | None,
            words: tuple[str, ...]) -> None:  # fmt: skip
    """Run a command whose calls to the vendors' real host names are answered here.

    Its exit code is passed on (128 + n if signal n ended it), and what it called is told on stderr.
    """
    log_to_stderr("warning", "text")
    try:
        mock = app.build(seed, products, vendors, limits=limits)
        with exec_setup(mock, only_vendors) as stage:
            code = CommandProcess(words, stage.environment).run()
            remarked = _tell(stage)
            for file, path in ((har, "requests/har"), (snapshot, f"sandboxes/{DEFAULT_SANDBOX}/export")):
                if file:
                    _save(file, f"{stage.url}/_mock/{path}")
    except (app.UnknownVendor, InvalidFile, DataDirError, sockets.CannotListen) as error:
        raise CommandError(str(error)) from None
    except NotStarted as error:
        click.echo(f"mockserver: {error}", err=True)
        sys.exit(error.code)
    sys.exit(REMARKS if fail_on_remarks and remarked and not code else code)


@contextmanager
def exec_setup(mock: app.Mock, only_vendors: bool) -> Iterator[ExecSetup]:
    """A server, a proxy and the variables that lead to them, while the block runs."""
    served = [contract.spec for contract in mock.contracts]
    others = [Spec(name) for name in app.vendor_names() if name not in {spec.name for spec in served}]
    hosts, authority = Hosts(served, [*served, *others]), Authority()
    tls = authority.context([*chain.from_iterable(spec.host_names for spec in served)])
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mockserver-")))
        tls_listener = sockets.listen("127.0.0.1", 0)
        url = stack.enter_context(server.serving(mock.application, (tls_listener, tls)))
        proxy = Proxy(hosts, urlsplit(url).port or 0, tls_listener.getsockname()[1], only_vendors)
        proxy_url = stack.enter_context(proxying(proxy))
        files = trust(folder, authority.pem, os.environ)
        variables = environment(os.environ, url, proxy_url, files, hosts, only_vendors)
        yield ExecSetup(mock, url, proxy, variables)


def _save(file: Path, url: str) -> None:
    """What the control API gives, as it gives it."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(url) as answer:
            file.write_bytes(answer.read())
    except OSError as error:
        raise CommandError(f"cannot write to {file}: {error.strerror or error}") from None


def _tell(stage: ExecSetup) -> bool:
    """What happened, on stderr; whether the contract had remarks."""
    journals = [sandbox.journal for sandbox in stage.mock.sandboxes]
    entries = sorted(chain.from_iterable(journals), key=lambda entry: entry.serial)
    contracts = {contract.vendor.name: contract.spec for contract in stage.mock.contracts}
    for kind, words in report(entries, contracts, stage.proxy.passed, stage.proxy.refused):
        click.secho(words, fg=COLOURS.get(kind), bold=kind == "head", err=True)
    if dropped := sum(journal.dropped for journal in journals):
        click.secho(f"  {dropped} calls before these are not in the journal any more", err=True)
    return any(entry.remarks for entry in entries)
