"""`mockserver vendors`: lists the operations of all vendors, and the evidence for each response."""

import click

from mockserver import app
from mockserver.cli.options import CommandError
from mockserver.contract import evidence
from mockserver.contract.openapi.spec import Spec
from mockserver.resources import InvalidFile


@click.command("vendors")
@click.option("--markdown", is_flag=True, help="Print the Markdown table that is in the README.")
def command(markdown: bool) -> None:
    """List every vendor's operations and responses.

    The word after a status is the evidence for it: `documented` by the vendor, `observed` in real
    clients or recorded answers, or `inferred`, which is our own choice.
    """
    try:
        specs = [Spec(name) for name in app.vendor_names()]
    except InvalidFile as error:
        raise CommandError(str(error)) from None
    click.echo(evidence.markdown(specs) if markdown else evidence.text(specs))
