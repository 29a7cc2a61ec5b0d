"""Helpers for command line options, and the error for a command that cannot be carried out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

PATH = click.Path(path_type=Path)


class CommandError(click.ClickException):
    """A command cannot be carried out: the message is shown as one line, and the exit code is 2."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        click.echo(f"mockserver: {self.format_message()}", err=True)


def option(name: str, **settings: Any) -> Callable[[Any], Any]:
    """Return a decorator for an option that the environment variable MOCKSERVER_<NAME> can set too.

    `settings` are those of `click.option`.
    """
    variable = "MOCKSERVER_" + name.removeprefix("--").replace("-", "_").upper()
    has_default = bool(settings.get("default"))
    return click.option(name, envvar=variable, show_envvar=True, show_default=has_default, **settings)


def split_list(ctx: click.Context, parameter: click.Parameter, value: str) -> tuple[str, ...]:
    """Return the names in a comma-separated value; a callback for click."""
    return tuple(name.strip() for name in value.split(",") if name.strip())
