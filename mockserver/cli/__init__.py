"""The `mockserver` command line: each command has its own module, and `serve` is the default command.

A module is imported only if its command runs, so that no command waits for the imports of the others.
"""

import importlib
import sys
from typing import Any

import click
from click.shell_completion import CompletionItem

from mockserver import __version__
from mockserver.cli.options.errors import usage_error_text

COMMANDS = (
    "serve",
    "exec",
    "ui",
    "stop",
    "status",
    "healthcheck",
    "products",
    "ca",
    "vendors",
    "check",
    "completion",
)


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
        no_command = not args and not ctx.resilient_parsing  # while a shell completes, a command may follow
        if no_command or (args and args[0].startswith("-") and args[0] not in group_options):
            args = ["serve", *args]
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the commands that begin so, or the options of the group and of `serve`."""
        found = super().shell_complete(ctx, incomplete)
        if incomplete.startswith("-") and (serve := self.get_command(ctx, "serve")):
            found += serve.shell_complete(click.Context(serve, info_name="serve"), incomplete)
        return found

    def main(self, *args: Any, **options: Any) -> Any:
        """Run the command line. Report a mistake in it as one line on stderr, with exit code 2."""
        try:
            code = super().main(*args, **{**options, "standalone_mode": False})
        except click.UsageError as error:
            click.echo(f"mockserver: {usage_error_text(error)}", err=True)
            sys.exit(error.exit_code)
        except click.ClickException as error:
            error.show()
            sys.exit(error.exit_code)
        except click.Abort:  # Ctrl-C
            sys.exit(130)
        sys.exit(code if isinstance(code, int) else 0)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mockserver")
def main() -> None:
    """Run exact stand-ins for the inventory APIs of several vendors.

    Without a command, mockserver runs `serve`. To see a command's options, run
    `mockserver COMMAND --help`. To list the vendors, run `mockserver vendors`.
    """
