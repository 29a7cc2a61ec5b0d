"""Options of `serve` about the store that keeps the sandboxes."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

import click
from click.core import ParameterSource

from mockserver import app
from mockserver.cli.options import CommandError, WholeNumber, option
from mockserver.cli.options.data import OwnData
from mockserver.sandbox.log.log import Joined, Log, StoreRefused, StoreUnavailable
from mockserver.sandbox.log.stores import open_log
from mockserver.server.copies.joining import join_store

MAX_WORKERS = 64


@dataclass(frozen=True)
class StoreSettings:
    """The URL of the store, or an empty string for none, whether to empty it, and how many workers use it."""

    url: str = ""
    fresh: bool = False
    workers: int = 1

    def refuse_beside(self, data: OwnData, *, reload: bool) -> None:
        """Raise CommandError if other options do not go with a store, or need one and there is none."""
        if self.workers > 1 and reload:
            raise CommandError("--workers cannot be used with --reload")
        if self.workers > 1 and not self.url:
            raise CommandError(
                "--workers needs --store: without a store, each worker would have its own sandboxes"
            )
        if self.fresh and not self.url:
            raise CommandError("--fresh needs --store: without a store, every start is fresh")
        others = {"import": data.source, "export-on-exit": data.target, "reload": reload}
        for name, value in others.items():
            if self.url and value:
                raise CommandError(f"--store cannot be used with --{name}")

    def log(self) -> Log | None:
        """Return the log of the store, or None if there is no store. Raise CommandError."""
        try:
            return open_log(self.url) if self.url else None
        except StoreRefused as error:
            raise CommandError(f"--store: {error}") from None

    def check(self, mock: app.Mock) -> Joined | None:
        """Make sure that the mock can use the store, and empty it if that is wanted.

        Return what the store has, or None if there is no store: all workers say so too. Raise CommandError.
        """
        copies, turns = mock.copies, mock.application.turns
        if copies is None or turns is None:
            return None

        async def check() -> Joined:
            log = open_log(self.url)
            try:
                return await join_store(log, copies.fingerprint(), fresh=self.fresh)
            finally:
                await log.close()

        try:
            joined = asyncio.run(check())
        except (StoreRefused, StoreUnavailable) as error:
            raise CommandError(f"--store: {error}") from None
        turns.found = joined.sandboxes
        return joined


def _not_empty(ctx: click.Context, parameter: click.Parameter, value: str) -> str:
    """Refuse an empty URL on the command line: a script whose variable is not set would lose all it keeps."""
    if not value and ctx.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE:
        raise click.BadParameter("is empty: to keep sandboxes in memory, leave it out", ctx, parameter)
    return value


def store_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options about the store. The command gets them as the argument `store`."""

    @wraps(command)
    def gathered(store: str, fresh: bool, workers: int, **others: Any) -> None:
        command(store=StoreSettings(store, fresh, workers), **others)

    for decorator in (
        option(
            "--workers",
            default=1,
            type=WholeNumber(1, MAX_WORKERS),
            help="Number of processes that serve; more than one needs --store.",
        ),
        click.option("--fresh", is_flag=True, help="Empty the store first."),
        option(
            "--store",
            default="",
            callback=_not_empty,
            metavar="URL",
            help="Store that keeps all sandboxes, such as sqlite:///mock.db.  [default: memory]",
        ),
    ):
        gathered = decorator(gathered)
    return gathered


def store_line(mock: app.Mock, joined: Joined | None) -> list[str]:
    """Return the line of the banner about the store, if there is one."""
    if mock.copies is None or joined is None:
        return []
    found = f"{joined.sandboxes} sandbox{'' if joined.sandboxes == 1 else 'es'} found"
    return [f"{'Store':<12} {mock.copies.log.describe()}  ({found})"]
