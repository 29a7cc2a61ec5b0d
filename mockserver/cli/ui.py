"""`mockserver ui`: opens the console of a running server in the browser."""

import sys
import webbrowser
from pathlib import Path

import click

from mockserver.cli.background.ready_file import ReadyFileError
from mockserver.cli.background.servers import NotRunning, find_server
from mockserver.cli.healthcheck import MIN_TIMEOUT, NotReady, check
from mockserver.cli.options import PATH, CommandError, WholeNumber, option
from mockserver.server.access.own_origin import CONSOLE
from mockserver.server.tls.data_dir import DataDirError

DEFAULT_PORT = 8080


@click.command("ui")
@option("--ready-file", type=PATH, help="Open the console of the server that wrote this ready file.")
@click.option("--port", type=WholeNumber(1, 65535), help="Open the console of the server on this port.")
@option("--data-dir", type=PATH, help="Data folder of the server.  [default: in your user data folder]")
@click.option("--print", "only_print", is_flag=True, help="Print the URL, and open nothing.")
def command(ready_file: Path | None, port: int | None, data_dir: Path | None, only_print: bool) -> None:
    """Open the console of a running server in the browser, and print its URL.

    The server is the one that was started with --wait or --ready-file, or else the one on port 8080 of this
    machine. Exit with 1 if there is none, or no browser.
    """
    try:
        url = find_server(ready_file, port, data_dir).url
    except NotRunning as error:
        found = None if ready_file else _in_foreground(port or DEFAULT_PORT)
        if found is None:
            hint = "" if ready_file else f", and none answers on port {port or DEFAULT_PORT}"
            click.echo(f"mockserver: {error}{hint}", err=True)
            sys.exit(1)
        url = found
    except (DataDirError, ReadyFileError) as error:
        raise CommandError(str(error)) from None
    click.echo(f"{url}{CONSOLE}/")
    if not only_print and not webbrowser.open(f"{url}{CONSOLE}/"):
        click.echo("mockserver: no browser can be opened here: open this URL yourself", err=True)
        sys.exit(1)


def _in_foreground(port: int) -> str | None:
    """Return the URL of the server on a port of this machine, or None if there is none."""
    for url in (f"http://127.0.0.1:{port}", f"https://127.0.0.1:{port}"):
        try:
            check(url, None, MIN_TIMEOUT)
        except (NotReady, CommandError):
            continue
        return url
    return None
