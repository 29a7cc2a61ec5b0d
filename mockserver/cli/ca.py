"""`mockserver ca`: the certificate that a client must trust, made if there is none."""

import sys
from pathlib import Path

import click

from mockserver.cli.options import FILE, CommandError, option
from mockserver.server.tls.data_dir import DataDirError


@click.command("ca")
@option("--data-dir", type=FILE, help="Folder of the authority.  [default: your own]")
@click.option("--out", type=FILE, help="Write the certificate into this file; - is stdout.")
def command(data_dir: Path | None, out: Path | None) -> None:
    """Print the path of the certificate that a client must trust."""
    from mockserver.server.tls.authority import Authority

    try:
        authority = Authority(data_dir)
        if out is None:
            click.echo(authority.file)
        elif str(out) == "-":
            sys.stdout.buffer.write(authority.pem)
        else:
            out.write_bytes(authority.pem)
    except DataDirError as error:
        raise CommandError(str(error)) from None
    except OSError as error:
        raise CommandError(f"cannot write {out}: {error.strerror}") from None
