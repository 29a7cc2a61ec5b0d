"""Helpers for command-line options, and the error that ends a command."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource
from click.types import BoolParamType, IntParamType

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


class WholeNumber(IntParamType):
    """A whole number in a range."""

    def __init__(self, least: int, most: int | None = None) -> None:
        self.least, self.most = least, most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            number = int(value)
        except ValueError:
            number = None
        if number is None or number < self.least or (self.most is not None and number > self.most):
            limit = "" if self.most is None else f" to {self.most}"
            self.fail(f"must be a whole number from {self.least}{limit}, not {value!r}", param, ctx)
        return number


class EnvironmentOption(click.Option):
    """An option that ignores an invalid value of its environment variable, and prints a warning.

    On the command line, an invalid value is an error. But a variable may not be meant for us: Kubernetes
    sets MOCKSERVER_PORT for a service called mockserver, and the MockServer of mock-server.com reads
    variables of the same names.
    """

    def consume_value(
        self, ctx: click.Context, opts: Mapping[str, click.Parameter]
    ) -> tuple[Any, ParameterSource]:
        value, source = super().consume_value(ctx, opts)
        if source is ParameterSource.ENVIRONMENT:
            try:
                self.type_cast_value(ctx, value)
            except click.BadParameter as error:
                switch = isinstance(self.type, BoolParamType)
                reason = f"must be 1 or 0, not {value!r}" if switch else error.message.rstrip(".")
                click.echo(f"mockserver: {self.envvar} is ignored, the default is used: {reason}", err=True)
                return self.get_default(ctx), ParameterSource.DEFAULT
        return value, source


def option(name: str, *names: str, **settings: Any) -> Callable[[Any], Any]:
    """Return a decorator for an option that can also be set with the variable MOCKSERVER_<NAME>.

    `names` and `settings` are passed on to `click.option`. The name of a switch can be `--on/--off`.
    """
    variable = "MOCKSERVER_" + name.partition("/")[0].removeprefix("--").replace("-", "_").upper()
    has_default = bool(settings.get("default"))
    return click.option(
        name,
        *names,
        cls=EnvironmentOption,
        envvar=variable,
        show_envvar=True,
        show_default=has_default,
        **settings,
    )


def split_lists(ctx: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    """Do the same as `split_list` for an option that can be given several times."""
    return tuple(name for text in value for name in split_list(ctx, parameter, text))


def split_list(ctx: click.Context, parameter: click.Parameter, value: str) -> tuple[str, ...]:
    """Return the names in a comma-separated value; a callback for click. The default is an empty value."""
    names = tuple(name.strip() for name in value.split(",") if name.strip())
    if value and not names:
        raise click.BadParameter(f"must have at least one name, not {value!r}", ctx, parameter)
    return names
