"""The benchmark of the console runs, and counts what it has to count. Its times are judged by nobody here."""

import os
import subprocess
import sys

import pytest

from tests.browser.chromium import PROGRAM
from tests.conftest import ROOT


@pytest.mark.console(5)
@pytest.mark.skipif(not PROGRAM and "CI" not in os.environ, reason="chromium is not installed")
def test_list_of_calls_is_measured_under_load() -> None:
    command = [sys.executable, "-m", "tests.bench.console", "--quick", "--only", "calls"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    lines = run.stdout.splitlines()
    assert len(lines) == 5, run.stderr
    assert lines[3].startswith("ok   at most "), lines
    assert lines[4].startswith("ok   the page counts "), lines
