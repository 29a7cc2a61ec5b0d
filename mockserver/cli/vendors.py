"""`mockserver vendors`: lists the operations of all vendors, and the evidence for each response."""

from pathlib import Path

import click

from mockserver import app
from mockserver.cli.options import CommandError, shared
from mockserver.contract import evidence
from mockserver.data.resources import InvalidFile


@click.command("vendors")
@shared.vendors_from
@click.option("--markdown", is_flag=True, help="Print the Markdown tables that are in docs/fidelity.md.")
def command(markdown: bool, vendors_from: Path | None) -> None:
    """List every vendor's operations and responses.

    The word after a status is the evidence for that response: `documented` by the vendor, `observed`
    in real clients or recorded answers, or `inferred`, which means that it is our own choice.
    """
    try:
        files = app.VendorFiles(vendors_from)
        specs = [files.spec(name) for name in files.names()]
    except InvalidFile as error:
        raise CommandError(str(error)) from None
    click.echo(evidence.as_markdown(specs) if markdown else evidence.as_text(specs))
