"""The user's own data, for `serve` and `exec`: files to import and export, fault rules, a frozen clock."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import wraps
from pathlib import Path
from typing import Any

import click

from mockserver import app
from mockserver.cli.options import PATH, CommandError, option
from mockserver.cli.options.files import check_replaceable, read_file, write_safely
from mockserver.control.rules import parse_rules, parse_timestamp
from mockserver.control.sandboxes.data_document import export_sandboxes, import_sandboxes
from mockserver.control.vendor import problem_text
from mockserver.data.resources import InvalidFile, read_yaml
from mockserver.sandbox.clock import Clock
from mockserver.sandbox.dialects import DOCUMENTED
from mockserver.sandbox.faults.rules import Faults
from mockserver.vendor_api.json_text import decode, pretty
from mockserver.vendor_api.problem import Problem

IMPORTED_FILE = Path()  # the value of --export-on-exit without a file: the file of --import


class Instant(click.ParamType):  # type: ignore[type-arg]  # not generic in older versions of click
    """A point in time in ISO 8601, in UTC if it has no zone."""

    name = "instant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            return value if isinstance(value, datetime) else parse_timestamp(value)
        except Problem as problem:
            self.fail(problem_text(problem), param, ctx)


def data_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options for the user's own data. The command gets them as the argument `data`."""

    @wraps(command)
    def gathered(import_: Path | None, export_on_exit: Path | None, faults: Path | None,
                 frozen: datetime | None, **others: Any) -> None:  # fmt: skip
        command(data=OwnData.of(import_, export_on_exit, faults, frozen), **others)

    for decorator in (
        option("--frozen", type=Instant(), metavar="INSTANT", help="Stop all clocks at this time."),
        option("--faults", type=PATH, metavar="FILE", help="Fault rules for all sandboxes, in JSON or YAML."),
        option(
            "--export-on-exit",
            type=PATH,
            is_flag=False,
            flag_value=str(IMPORTED_FILE),
            metavar="[FILE]",
            help="Write all changed sandboxes to this file at the end.  [without FILE: that of --import]",
        ),
        option("--import", "import_", type=PATH, metavar="FILE", help="Begin with the data of an export."),
    ):
        gathered = decorator(gathered)
    return gathered


@dataclass(frozen=True)
class OwnData:
    """The user's data with which the sandboxes begin, and the file for their data at the end."""

    source: Path | None = None
    target: Path | None = None
    faults: Path | None = None
    frozen: datetime | None = None

    @classmethod
    def of(
        cls, source: Path | None, target: Path | None, faults: Path | None, frozen: datetime | None
    ) -> "OwnData":
        """Return the data that options name. Raise CommandError if it cannot be written at the end."""
        if target == IMPORTED_FILE:
            target = source
            if target is None:
                raise CommandError("--export-on-exit needs a file, because there is no --import")
        if target:
            check_replaceable(target)
        return cls(source, target, faults, frozen)

    def load(self, mock: app.Mock, carried: Path | None = None) -> None:
        """Give a mock its data. Raise CommandError with one line if a file is missing or not valid.

        If the file `carried` exists, it has the data of an earlier run of this server, and is imported
        instead of the user's file.
        """
        initial = self._begin(mock)
        if carried and carried.exists():
            return _import(mock, carried)
        if self.source is None:
            return
        if not self.source.exists() and self.target and self.target.resolve() == self.source.resolve():
            click.echo(f"mockserver: {self.source} does not exist yet: it is written at the end", err=True)
            return
        _import(mock, self.source, initial)

    def save(self, mock: app.Mock, carried: Path | None = None) -> None:
        """Write the data of a mock to the user's file, and to the file `carried`.

        Raise CommandError with one line if a file cannot be written.
        """
        if self.target:
            write_safely(self.target, pretty(_export(mock)))
        if carried:
            write_safely(carried, pretty(_export(mock, with_initial=True)))

    def _begin(self, mock: app.Mock) -> Mapping[str, Any]:
        """Make all sandboxes begin with the faults and the clock of the options, and return these."""
        initial: dict[str, Any] = {}
        if self.frozen:
            initial["clock"] = Clock().freeze(self.frozen)
        if self.faults:
            initial["faults"] = _read_faults(mock, self.faults)
        if initial:
            mock.sandboxes.begin_with(replace(mock.sandboxes.initial, **initial))
        if mock.sandboxes.initial.limits.enabled:
            initial["limits"] = mock.sandboxes.initial.limits
        if mock.sandboxes.initial.dialects is not DOCUMENTED:
            initial["dialects"] = mock.sandboxes.initial.dialects
        return initial


def _read_faults(mock: app.Mock, file: Path) -> Faults:
    try:
        rules = _with_texts(read_yaml(file))
        mock.control.spec.operations["replace-faults"].check_body(rules)
        return Faults.of(parse_rules(rules, _contracts(mock)))
    except InvalidFile as error:
        raise CommandError(str(error)) from None
    except Problem as problem:
        raise CommandError(f"{file}: {problem_text(problem)}") from None


def _with_texts(rules: Any) -> Any:
    """Return rules with text for the times that YAML has parsed."""
    if isinstance(rules, list):
        return [_with_texts(rule) for rule in rules]
    if not isinstance(rules, dict):
        return rules
    return {key: value.isoformat() if isinstance(value, date) else value for key, value in rules.items()}


def _import(mock: app.Mock, file: Path, initial: Mapping[str, Any] = {}) -> None:
    """Import a file; the options in `initial` win over what it says."""
    try:
        operation = mock.control.spec.operations["import-sandbox"]
        for sandbox in import_sandboxes(_read_json(file), mock.sandboxes, _contracts(mock), operation):
            if initial:
                sandbox.start_from(replace(sandbox.world, **initial))
    except Problem as problem:
        raise CommandError(f"{file}: {problem_text(problem)}") from None


def _read_json(file: Path) -> Any:
    try:
        return decode(read_file(file))
    except ValueError as error:
        reason = str(error).removeprefix("JSON is malformed: ")
        raise CommandError(f"{file}: this is not JSON: {reason}") from None


def _export(mock: app.Mock, *, with_initial: bool = False) -> Any:
    return export_sandboxes(mock.sandboxes, _contracts(mock), with_initial=with_initial)


def _contracts(mock: app.Mock) -> dict[str, Any]:
    return {contract.vendor.name: contract for contract in mock.contracts}
