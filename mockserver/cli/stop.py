"""`mockserver stop`: stops a server that runs in the background, and waits until it has ended."""

import sys
import time
from pathlib import Path

import click

from mockserver.cli.background.process_identity import NotThatProcess, terminate
from mockserver.cli.background.ready_file import ReadyFileError
from mockserver.cli.background.servers import NotRunning, find_server
from mockserver.cli.options import PATH, CommandError, WholeNumber, option
from mockserver.server.tls.data_dir import DataDirError

POLL_PAUSE = 0.02  # seconds


@click.command("stop")
@option("--ready-file", type=PATH, help="Stop the server that wrote this ready file.")
@click.option("--port", type=WholeNumber(1, 65535), help="Stop the server in the background on this port.")
@option("--data-dir", type=PATH, help="Data folder of the server.  [default: in your user data folder]")
@click.option(
    "--timeout",
    default=30,
    show_default=True,
    type=WholeNumber(1, 3600),
    help="Seconds to wait for the end.",
)
def command(ready_file: Path | None, port: int | None, data_dir: Path | None, timeout: int) -> None:
    """Stop a server in the background.

    It must have been started with --wait or --ready-file. Exit with 0 once it has ended, and with 1 if
    there is none, or if it has not ended in time.
    """
    try:
        server = find_server(ready_file, port, data_dir)
        terminate(server.pid, server.process)
    except (NotRunning, NotThatProcess) as error:
        click.echo(f"mockserver: {error}", err=True)
        sys.exit(1)
    except (DataDirError, ReadyFileError) as error:
        raise CommandError(str(error)) from None
    except PermissionError:
        raise CommandError(f"{server.url} belongs to another user, who must stop it") from None
    deadline = time.monotonic() + timeout
    while server.is_alive:
        if time.monotonic() > deadline:
            click.echo(f"mockserver: {server.url} has not ended after {timeout} s", err=True)
            sys.exit(1)
        time.sleep(POLL_PAUSE)
    click.echo(f"{server.url} has ended")
