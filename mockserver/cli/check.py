"""`mockserver check`: finds what is wrong in the specs, fixtures and modules of vendors."""

from pathlib import Path

import click

from mockserver import app
from mockserver.cli import shared_options
from mockserver.cli.options import CommandError
from mockserver.resources import InvalidFile


@click.command("check")
@shared_options.vendors
@shared_options.vendors_from
def command(vendors: tuple[str, ...], vendors_from: Path | None) -> None:
    """Check vendors' files: what a server checks at start, and each spec by Connexion.

    Exits with 2 and one line for the first thing that is wrong.
    """
    try:
        mock = app.build(products=1, names=vendors, vendors_from=vendors_from)
        mock.check_specs()
    except (app.UnknownVendor, InvalidFile) as error:
        raise CommandError(str(error)) from None
    click.echo(f"checked: {', '.join(contract.vendor.name for contract in mock.contracts)}, control")
