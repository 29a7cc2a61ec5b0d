"""The dependencies in pyproject.toml: all that is imported, in ranges that older projects can meet.

`make lowest` installs and runs both ends of the ranges.
"""

import sys
import tomllib
from importlib.metadata import packages_distributions

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import ROOT
from tests.test_architecture import OWNERS, PACKAGE, imports_of, modules

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ALLOWED = {
    canonicalize_name(one.name): one.specifier
    for group in (PROJECT["dependencies"], *PROJECT["optional-dependencies"].values())
    for one in map(Requirement, group)
}
OLDER = [
    Requirement(line)
    for line in (ROOT / "tests/older_project.txt").read_text().splitlines()
    if line[0] != "#"
]
PATCHING = {"embedding/interception", "embedding/pytest_plugin"}
PATCHED = {name for name, owners in OWNERS.items() if owners <= PATCHING}
HOSTS = {"schemathesis", "sitecustomize"}  # they load a file of ours, where they are there


@pytest.mark.finding("C8")
@pytest.mark.parametrize("older", [one for one in OLDER if one.name in ALLOWED], ids=str)
def test_older_version_is_allowed(older: Requirement) -> None:
    version = str(older.specifier).removeprefix("==").replace("*", "99")
    assert version in ALLOWED[canonicalize_name(older.name)]


def test_every_imported_package_is_a_dependency() -> None:
    """Except for what is only patched or only loads a file of ours, where a user has it."""
    imported = {name.partition(".")[0] for path in modules(PACKAGE) for name in imports_of(path)}
    third_party = imported - sys.stdlib_module_names - {"mockserver"} - PATCHED - HOSTS
    distributions = packages_distributions()
    missing = {name for name in third_party if canonicalize_name(distributions[name][0]) not in ALLOWED}
    assert third_party and not missing
