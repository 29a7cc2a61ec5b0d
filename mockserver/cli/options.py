"""Helpers for command line options, and the error for a command that cannot be carried out."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

PATH = click.Path(path_type=Path)


class CommandError(click.ClickException):
    """A command cannot be carried out: each reason is shown as one line, and the exit code is 2."""

    exit_code = 2

    def __init__(self, *reasons: str) -> None:
        super().__init__("; ".join(reasons))
        self._reasons = reasons

    def show(self, file: Any = None) -> None:
        for reason in self._reasons:
            click.echo(f"mockserver: {reason}", err=True)


class EnvironmentOption(click.Option):
    """An option whose environment variable is ignored with a warning if its value is not valid.

    On the command line such a value is an error. But variables come from elsewhere, too: Kubernetes sets
    MOCKSERVER_PORT for a service called mockserver, and MockServer of mock-server.com reads some of the
    same names.
    """

    def consume_value(
        self, ctx: click.Context, opts: Mapping[str, click.Parameter]
    ) -> tuple[Any, ParameterSource]:
        value, source = super().consume_value(ctx, opts)
        if source is ParameterSource.ENVIRONMENT:
            try:
                self.type_cast_value(ctx, value)
            except click.BadParameter as error:
                reason = error.message.rstrip(".")
                click.echo(f"mockserver: {self.envvar} is ignored, the default is used: {reason}", err=True)
                return self.get_default(ctx), ParameterSource.DEFAULT
        return value, source


def option(name: str, **settings: Any) -> Callable[[Any], Any]:
    """Return a decorator for an option that the environment variable MOCKSERVER_<NAME> can set too.

    `settings` are those of `click.option`.
    """
    variable = "MOCKSERVER_" + name.removeprefix("--").replace("-", "_").upper()
    has_default = bool(settings.get("default"))
    return click.option(
        name, cls=EnvironmentOption, envvar=variable, show_envvar=True, show_default=has_default, **settings
    )


def split_list(ctx: click.Context, parameter: click.Parameter, value: str) -> tuple[str, ...]:
    """Return the names in a comma-separated value; a callback for click."""
    return tuple(name.strip() for name in value.split(",") if name.strip())
