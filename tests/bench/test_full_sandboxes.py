"""The memory of a public demo: a few full sandboxes, from which follows that of all."""

from pathlib import Path

import pytest

from tests.bench.full_sandboxes import SANDBOXES, documented_bytes, memory_of

FEW = 12


@pytest.mark.console(51)
def test_full_sandboxes_stay_within_the_documented_memory(tmp_path: Path) -> None:
    before, after = memory_of(FEW, tmp_path)
    assert before + (after - before) / FEW * SANDBOXES <= documented_bytes()
