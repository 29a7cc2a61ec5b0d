"""The `mockserver` command line: each command has its own module, and `serve` is the default command.

A module is imported only if its command runs, so that no command waits for the imports of the others.
"""

import importlib

import click

from mockserver import __version__

COMMANDS = ("serve", "exec", "stop", "status", "healthcheck", "products", "ca", "vendors", "check")


class LazyGroup(click.Group):
    """A group that imports each command from the module of the same name; the default is `serve`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"mockserver.cli.{name}").command
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        group_options = ("--help", "-h", "--version")
        if not args or (args[0].startswith("-") and args[0] not in group_options):
            args = ["serve", *args]
        return super().parse_args(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mockserver")
def main() -> None:
    """Run exact stand-ins for the inventory APIs of several vendors.

    Without a command, mockserver runs `serve`. To see a command's options, run
    `mockserver COMMAND --help`. To list the vendors, run `mockserver vendors`.
    """
