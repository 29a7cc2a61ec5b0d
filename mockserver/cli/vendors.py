"""`mockserver vendors`: what is emulated, and what each answer rests on."""

import click

from mockserver import app
from mockserver.cli.options import CommandError
from mockserver.contract import evidence
from mockserver.contract.openapi.spec import Spec
from mockserver.resources import InvalidFile


@click.command("vendors")
@click.option("--markdown", is_flag=True, help="As the README's table.")
def command(markdown: bool) -> None:
    """List the operations of every vendor, and what each answer rests on."""
    try:
        specs = [Spec(name) for name in app.vendor_names()]
    except InvalidFile as error:
        raise CommandError(str(error)) from None
    click.echo(evidence.as_markdown(specs) if markdown else evidence.as_text(specs))
