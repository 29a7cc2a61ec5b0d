"""The user's own data: files that are imported and exported, fault rules and a frozen clock."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pytest

from mockserver import app
from mockserver.cli import main
from mockserver.cli.options import CommandError
from mockserver.cli.options.data import OwnData

INSTANT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
RULES = {
    "yaml": "- fault: 503\n  times: 2\n  from: 2026-01-02\n",
    "json": '[{"fault": {"type": "status", "status": 503}, "times": 2, "from": "2026-01-02T00:00:00Z"}]',
}


def data_of(*arguments: str) -> OwnData:
    """Return the data that the options of `serve` name."""
    source, target, faults, frozen = (
        main.get_command(click.Context(main), "serve").make_context("serve", list(arguments)).params[name]
        for name in ("import_", "export_on_exit", "faults", "frozen")
    )
    return OwnData.of(source, target, faults, frozen)


def loaded(data: OwnData) -> app.Mock:
    mock = app.build(products=10)
    data.load(mock)
    return mock


@pytest.mark.finding("C1")
def test_data_is_there_again_after_an_export_and_an_import(tmp_path: Path) -> None:
    file = tmp_path / "shop.json"
    first = loaded(OwnData(target=file))
    first.sandboxes.get_or_create("spring").set_clock(lambda clock: clock.freeze(INSTANT))
    OwnData(target=file).save(first)
    second = loaded(OwnData(source=file))
    assert second.sandboxes.get("spring").clock.now() == INSTANT
    assert file.read_text().endswith("\n}\n"), "people can read it"


def test_export_without_a_file_goes_to_the_imported_file(tmp_path: Path) -> None:
    file = str(tmp_path / "shop.json")
    assert data_of("--import", file, "--export-on-exit").target == Path(file)
    assert data_of("--import", file, "--export-on-exit", "other.json").target == Path("other.json")
    assert data_of("--import", file).target is None
    with pytest.raises(CommandError, match="needs a file, because there is no --import"):
        data_of("--export-on-exit")


@pytest.mark.finding("C1")
def test_file_that_does_not_exist_yet_is_told_in_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "shop.json"
    loaded(OwnData(source=file, target=tmp_path / "../" / tmp_path.name / "shop.json"))
    assert capsys.readouterr().err == f"mockserver: {file} does not exist yet: it is written at the end\n"
    with pytest.raises(CommandError, match=r"cannot read .*shop\.json: No such file"):
        loaded(OwnData(source=file))


BROKEN = {
    "no JSON": ("{", "this is not JSON: "),
    "not UTF-8": ("\udcff", "this is not JSON: "),
    "nested": ("[" * 5000, "this is not JSON: "),
    "another document": ('{"log": {}}', "this is not an export of a mockserver: "),
    "wrong type": ('{"format": "mockserver sandbox", "version": 1, "seed": 7.5}', "body.seed: must be "),
}


@pytest.mark.finding("C1")
@pytest.mark.parametrize("name", BROKEN)
def test_broken_import_is_one_line_that_names_the_file(tmp_path: Path, name: str) -> None:
    text, reason = BROKEN[name]
    file = tmp_path / "shop.json"
    file.write_text(text, errors="surrogateescape")
    with pytest.raises(CommandError) as caught:
        loaded(OwnData(source=file, target=file))
    assert str(caught.value).startswith(f"{file}: ") and reason in str(caught.value)
    assert caught.value.exit_code == 2 and "\n" not in str(caught.value)
    assert file.read_text(errors="surrogateescape") == text


@pytest.mark.finding("C1")
@pytest.mark.parametrize("kind", RULES)
def test_faults_and_frozen_clock_are_in_every_sandbox(tmp_path: Path, kind: str) -> None:
    file = tmp_path / f"faults.{kind}"
    file.write_text(RULES[kind])
    mock = loaded(data_of("--faults", str(file), "--frozen", "2026-01-02T03:04:05Z"))
    for sandbox in (mock.sandboxes.get("demo"), mock.sandboxes.get_or_create("other")):
        (counted,) = sandbox.faults.rules
        assert (counted.rule.times, counted.rule.since) == (2, datetime(2026, 1, 2, tzinfo=UTC))
        assert sandbox.clock.now() == INSTANT
        sandbox.set_clock(lambda clock: clock.resume())
        sandbox.reset()
        assert sandbox.clock.now() == INSTANT


def test_options_win_over_the_imported_file(tmp_path: Path) -> None:
    file, rules = tmp_path / "shop.json", tmp_path / "faults.yaml"
    rules.write_text(RULES["yaml"])
    OwnData(target=file).save(loaded(OwnData()))
    mock = loaded(OwnData(source=file, faults=rules, frozen=INSTANT))
    sandbox = mock.sandboxes.get("demo")
    assert (len(sandbox.faults.rules), sandbox.clock.now()) == (1, INSTANT)


BROKEN_RULES: dict[str, tuple[Any, str]] = {
    "no YAML": ("- [", "correct the YAML there"),
    "a mapping": ("fault: 503", "body: must be "),
    "unknown vendor": ('[{"vendor": "acme"}]', "there is no vendor acme"),
    "bad time": ('[{"from": "soon"}]', "soon is not an ISO 8601 timestamp"),
    "unknown field": ('[{"faults": 1}]', "faults"),
}


@pytest.mark.finding("C1")
@pytest.mark.parametrize("name", BROKEN_RULES)
def test_broken_fault_rules_are_one_line_that_names_the_file(tmp_path: Path, name: str) -> None:
    text, reason = BROKEN_RULES[name]
    file = tmp_path / "faults.yaml"
    file.write_text(text)
    with pytest.raises(CommandError) as caught:
        loaded(OwnData(faults=file))
    assert str(caught.value).startswith(f"{file}: ") and reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_fault_file_is_one_line() -> None:
    with pytest.raises(CommandError, match=r"^/nowhere: No such file or directory: make the file readable$"):
        loaded(OwnData(faults=Path("/nowhere")))


def test_time_that_is_not_valid_is_refused() -> None:
    with pytest.raises(click.BadParameter, match="soon is not an ISO 8601 timestamp"):
        data_of("--frozen", "soon")


def test_file_of_an_export_can_be_edited(tmp_path: Path) -> None:
    file = tmp_path / "shop.json"
    OwnData(target=file).save(loaded(OwnData()))
    document = json.loads(file.read_text())
    document["sandboxes"]["demo"]["clock"] = {"frozen": True, "now": "2026-01-02T03:04:05Z"}
    file.write_text(json.dumps(document))
    assert loaded(OwnData(source=file)).sandboxes.get("demo").clock.now() == INSTANT
