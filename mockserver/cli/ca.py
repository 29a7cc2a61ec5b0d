"""`mockserver ca`: prints the CA certificate, or its path. Clients of `serve --tls` must trust it."""

import sys
from pathlib import Path

import click

from mockserver.cli.options import PATH, CommandError, option
from mockserver.server.tls.data_dir import DataDirError


@click.command("ca")
@option(
    "--data-dir", type=PATH, help="Folder of the certificate authority.  [default: in your user data folder]"
)
@click.option(
    "--out", type=PATH, help="Write the certificate to this file instead of printing its path; - is stdout."
)
def command(data_dir: Path | None, out: Path | None) -> None:
    """Print the path of the CA certificate that clients must trust.

    Clients of `mockserver serve --tls` need it. The certificate authority is your own: it is created
    on this machine when it is first used.
    """
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
