"""`mockserver serve`: the vendors on a socket, until told to stop."""

import logging
import secrets
import shlex
import sys
from base64 import b64decode
from pathlib import Path

import click

from mockserver import __version__, app, server
from mockserver.access import is_loopback
from mockserver.cli import world
from mockserver.cli.logs import LEVELS, log_to_stderr
from mockserver.cli.options import Refusal, option
from mockserver.files import HOME, PACKAGE, FileBroken
from mockserver.vendor import DEFAULT_SANDBOX

log = logging.getLogger("mockserver")


@click.command("serve")
@option("--host", default="127.0.0.1", help="Address to listen on.")
@option("--port", default=8080, type=click.IntRange(0, 65535), help="Port to listen on; 0 takes a free one.")
@world.seed
@world.products
@world.vendors
@option("--admin-token", help="Token for the control API; made and shown if needed and not given.")
@world.limits
@option(
    "--log-level", default="info", type=click.Choice(LEVELS, case_sensitive=False), help="How much to log."
)
@option(
    "--log-format", default="text", type=click.Choice(("text", "json")), help="Lines for people or programs."
)
@option("--reload", is_flag=True, help="Restart when a spec, fixture or vendor file changes.")
def command(host: str, port: int, seed: int, products: int, vendors: tuple[str, ...],
          admin_token: str | None, limits: bool, log_level: str, log_format: str,
          reload: bool) -> None:  # fmt: skip
    """Serve the vendors until Ctrl-C."""
    log_to_stderr(log_level, log_format)
    if reload:
        return _serve_and_reload(host, port, vendors)
    made_token = None if admin_token or is_loopback(host) else secrets.token_urlsafe(24)
    try:
        mock = app.build(seed, products, vendors, admin_token or made_token, limits)
        listening = server.listen(host, port)
    except (app.UnknownVendor, FileBroken, server.CannotListen) as error:
        raise Refusal(str(error)) from None
    text = banner(server.base_url(listening), mock, made_token)
    try:
        server.Server(mock.gateway, lambda: click.echo(text)).run([listening])
    except KeyboardInterrupt:
        click.echo("stopped", err=True)


def banner(base: str, mock: app.Mock, made_token: str | None) -> str:
    """What a person needs to make a first call to each vendor."""
    world = f"seed {mock.sandboxes.seed}, products {mock.sandboxes.products}"
    lines = [f"mockserver {__version__} on {base} ({world})"]
    for vendor in (contract.vendor for contract in mock.contracts):
        headers = [f"{name}: {value}" for name, value in vendor.grant(DEFAULT_SANDBOX).items()]
        url = f"{base}/{vendor.name}"
        curl = ["curl", url + vendor.sample, *(word for header in headers for word in ("-H", header))]
        lines += ["", f"{vendor.title:<12} {url}  {_credential(headers[0])}", f"  {shlex.join(curl)}"]
    token = f"  admin token {made_token}" if made_token else ""
    return "\n".join([*lines, "", f"{'Control':<12} {base}/_mock{token}", "", "ready, Ctrl-C stops"])


def _credential(header: str) -> str:
    """A header of the sample in words: Basic is written out, the rest is shown as it is."""
    basic = header.partition("Authorization: Basic ")[2]
    return "user {}, password {}".format(*b64decode(basic).decode().split(":")) if basic else header


def _serve_and_reload(host: str, port: int, vendors: tuple[str, ...]) -> None:
    """Run this same command, less `--reload`, anew after every change."""
    from watchfiles import PythonFilter, run_process

    try:
        app.chosen(vendors)
        with server.listen(host, port) as free:
            port = free.getsockname()[1]
    except (app.UnknownVendor, server.CannotListen) as error:
        raise Refusal(str(error)) from None
    arguments = [argument for argument in sys.argv[1:] if argument != "--reload"]
    command = shlex.join([sys.executable, "-m", "mockserver", *arguments, "--port", str(port)])
    folders: list[Path] = [HOME / "specs", HOME / "fixtures", PACKAGE]
    run_process(
        *folders,
        target=f"env MOCKSERVER_RELOAD=0 {command}",
        target_type="command",
        watch_filter=PythonFilter(extra_extensions=(".yaml",)),
        callback=lambda changes: log.info("reloading: %s", ", ".join(sorted({path for _, path in changes}))),
    )
