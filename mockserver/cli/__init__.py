"""The command line: `mockserver serve` (or plain `mockserver`) and its siblings, a module for each.

A command is imported when it is run, so that none of them waits for what another needs.
"""

import importlib

import click

from mockserver import __version__

COMMANDS = ("serve", "exec", "ca", "healthcheck", "vendors")


class Commands(click.Group):
    """The commands, by name of module. Without one the command is `serve`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"mockserver.cli.{name}").command
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own = ("--help", "-h", "--version")
        if not args or (args[0].startswith("-") and args[0] not in own):
            args = ["serve", *args]
        return super().parse_args(ctx, args)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mockserver")
def main() -> None:
    """Exact stand-ins for vendors' inventory APIs; `mockserver vendors` lists them."""
