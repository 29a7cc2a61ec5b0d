"""`mockserver status`: lists the servers that run in the background."""

import sys
from pathlib import Path

import click

from mockserver.cli.background.ready_file import ReadyFileError
from mockserver.cli.background.servers import BackgroundServer, NotRunning, server_of, servers_in_background
from mockserver.cli.healthcheck import MIN_TIMEOUT, NotReady, check
from mockserver.cli.options import PATH, CommandError, option
from mockserver.server.tls.data_dir import DataDirError


@click.command("status")
@option("--ready-file", type=PATH, help="Only the server that wrote this ready file.")
@option("--data-dir", type=PATH, help="Data folder of the servers.  [default: in your user data folder]")
def command(ready_file: Path | None, data_dir: Path | None) -> None:
    """List the servers in the background.

    These are the servers that were started with --wait. Each line has the URL, the process id, and whether
    the server answers. Exit with 0 if there is one and all answer, otherwise with 1.
    """
    try:
        servers = [server_of(ready_file)] if ready_file else servers_in_background(data_dir)
    except NotRunning as error:
        click.echo(f"mockserver: {error}", err=True)
        sys.exit(1)
    except (DataDirError, ReadyFileError) as error:
        raise CommandError(str(error)) from None
    if not servers:
        click.echo("mockserver: no server runs in the background", err=True)
    states = [_state(server) for server in servers]
    for server, state in zip(servers, states, strict=True):
        click.echo(f"{server.url}  pid {server.pid}  {state}")
    sys.exit(0 if servers and set(states) == {"ready"} else 1)


def _state(server: BackgroundServer) -> str:
    try:
        check(server.url, server.ca, MIN_TIMEOUT)
    except NotReady as error:
        return f"not ready: {error}"
    return "ready"
