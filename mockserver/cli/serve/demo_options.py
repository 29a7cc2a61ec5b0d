"""Options of `serve` about the public demo: `--demo`, and one for each of its quotas."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click
from click.core import ParameterSource

from mockserver.app import Mock
from mockserver.cli.options import CommandError, WholeNumber, option
from mockserver.cli.options.byte_size import ByteSize
from mockserver.cli.serve.access_options import Duration
from mockserver.server.access.quotas.demo_quotas import (
    DemoQuotas,
    about_quotas,
    as_option_value,
    kind_of,
    option_of,
)

PREFIX = "demo"
TITLE = "Public demo"
MAX_NUMBER = 1_000_000
MIN_BYTES = 1_000
# Options that would let visitors out of their quotas, or write their data to a file.
NOT_WITH_DEMO = {
    "products": "--products: use --demo-products",
    "any_credential": "--any-credential",
    "trust_sandbox_header": "--trust-sandbox-header",
    "export_on_exit": "--export-on-exit",
    "reload": "--reload",
}


@dataclass(frozen=True)
class DemoSettings:
    """The values of these options: the quotas, or None without `--demo`."""

    quotas: DemoQuotas | None = None
    paused: bool = False

    def begin(self, mock: Mock) -> None:
        """Pause the creation of sandboxes, if the operator has chosen so."""
        if mock.guard:
            mock.guard.paused = self.paused


class ServeCommand(click.Command):
    """The command `serve`, whose help shows the options of the public demo in a group of their own."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        records = [
            (str(parameter.name).startswith(PREFIX), record)
            for parameter in self.get_params(ctx)
            if (record := parameter.get_help_record(ctx))
        ]
        for title, of_demo in (("Options", False), (TITLE, True)):
            with formatter.section(title):
                formatter.write_dl([record for demo, record in records if demo is of_demo])


def demo_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add these options to a command, which gets their values as `demo`, a DemoSettings."""

    @functools.wraps(command)
    def with_settings(**values: Any) -> Any:
        demo, paused = values.pop("demo"), values.pop("demo_pause")
        quotas = {name: values.pop(f"{PREFIX}_{name}") for name in about_quotas()}
        _refuse_contradictions(click.get_current_context(), demo)
        settings = DemoSettings(DemoQuotas(**quotas), paused) if demo else DemoSettings()
        return command(demo=settings, **values)

    for add_option in reversed([*_switches(), *map(_option_for, about_quotas())]):
        with_settings = add_option(with_settings)
    return with_settings


def _switches() -> list[Callable[[Any], Any]]:
    return [
        option(
            "--demo",
            is_flag=True,
            help="Serve a public demo: each visitor gets a private sandbox, within these limits.",
        ),
        option("--demo-pause", is_flag=True, help="Begin with the creation of sandboxes paused."),
    ]


def _option_for(name: str) -> Callable[[Any], Any]:
    about, kind = about_quotas()[name], kind_of(name)
    types: dict[str, click.ParamType] = {  # type: ignore[type-arg]
        "number": WholeNumber(1, MAX_NUMBER),
        "bytes": ByteSize(MIN_BYTES),
        "time": Duration(),
    }
    return option(
        option_of(name),
        default=as_option_value(name),
        type=types[kind],
        metavar={"number": "NUMBER", "bytes": "SIZE", "time": "TIME"}[kind],
        help=f"{about.what[0].upper()}{about.what[1:]}.",
    )


def _refuse_contradictions(ctx: click.Context, demo: bool) -> None:
    """Raise CommandError for an option on the command line that needs `--demo`, or that it rules out."""
    for parameter in ctx.command.params:
        name = str(parameter.name)
        if ctx.get_parameter_source(name) is not ParameterSource.COMMANDLINE:
            continue
        if demo and name in NOT_WITH_DEMO:
            raise CommandError(f"--demo cannot be used with {NOT_WITH_DEMO[name]}")
        if not demo and name.startswith(f"{PREFIX}_"):
            raise CommandError(f"{parameter.opts[0]} needs --demo")
