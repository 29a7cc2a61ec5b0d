"""Every row of tests/findings.md has a test, and every mark `finding` names a row."""

import re
from pathlib import Path

TESTS = Path(__file__).parent
ROW = re.compile(r"^\| ([A-D]\d+) \|", re.MULTILINE)
MARK = re.compile(r"mark\.finding\(\s*\"([A-D]\d+)\"\s*\)")


def test_every_finding_has_a_test() -> None:
    rows = set(ROW.findall((TESTS / "findings.md").read_text()))
    marked = {number for path in TESTS.rglob("*.py") for number in MARK.findall(path.read_text())}
    assert len(rows) == 54
    assert (sorted(rows - marked), sorted(marked - rows)) == ([], [])
