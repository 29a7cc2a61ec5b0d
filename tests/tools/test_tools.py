"""The tools of `make conform`: exact versions, and no rule switched off."""

import json
import re

import pytest

from tests.tools.__main__ import HERE
from tests.tools.linters import RULESET


@pytest.mark.finding("D1")
def test_versions_are_exact_and_no_rule_is_switched_off() -> None:
    versions = json.loads((HERE / "package.json").read_text())["dependencies"].values()
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in versions)
    assert RULESET.read_text().split("#")[0].strip() == 'extends: ["spectral:oas"]'
