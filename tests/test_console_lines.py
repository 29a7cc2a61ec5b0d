"""Every row of tests/console_lines.md has a test, and every mark `console` names a row."""

import re
from pathlib import Path

TESTS = Path(__file__).parent
ROW = re.compile(r"^\| (\d+) \|", re.MULTILINE)
MARK = re.compile(r"mark\.console\(([\d\s,]+)\)")


def rows() -> list[int]:
    return [int(number) for number in ROW.findall((TESTS / "console_lines.md").read_text())]


def marked() -> set[int]:
    found = (numbers for path in TESTS.rglob("*.py") for numbers in MARK.findall(path.read_text()))
    return {int(number) for numbers in found for number in re.findall(r"\d+", numbers)}


def test_rows_are_numbered_through() -> None:
    assert rows() == list(range(1, 53))


def test_every_mark_names_a_row() -> None:
    assert marked() <= {*rows()}


def test_every_row_has_a_test() -> None:
    assert sorted({*rows()} - marked()) == []
