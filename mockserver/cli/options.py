"""Options: each can be set in the environment too, and a wrong one is refused in one line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

FILE = click.Path(path_type=Path)


class CommandError(click.ClickException):
    """One clear line, and exit code 2."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        click.echo(f"mockserver: {self.format_message()}", err=True)


def option(name: str, **settings: Any) -> Callable[[Any], Any]:
    """An option that can also be set as MOCKSERVER_… in the environment."""
    variable = "MOCKSERVER_" + name.removeprefix("--").replace("-", "_").upper()
    shown = bool(settings.get("default"))
    return click.option(name, envvar=variable, show_envvar=True, show_default=shown, **settings)


def vendor_list(ctx: click.Context, parameter: click.Parameter, value: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in value.split(",") if name.strip())
