"""The example vendor of docs/add-a-vendor.md works in a checkout and with an installed package."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.conftest import ROOT, needs_curl
from tests.server_process import copy_project
from tests.test_docs import blocks, output_fits

PAGE = ROOT / "docs" / "add-a-vendor.md"
BLOCKS = blocks(PAGE.read_text())
FILES = {kind.partition("file=")[2]: block.text for block in BLOCKS if "file=" in (kind := block.kind)}
# Tests that run for every vendor, without any test code from the vendor's author.
SHARED_TESTS = [
    "tests/vendors/test_exchanges.py", "tests/contract/test_engines.py", "tests/contract/test_hosts.py",
    "tests/e2e/test_conformance.py", "tests/control/records/test_records.py",
    "tests/embedding/test_vendor_app.py",
]  # fmt: skip


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a copy of this checkout to which the example vendor is added."""
    copy_project(tmp_path, "tests", "docs")
    for name in ("pyproject.toml", "README.md", "CONTRIBUTING.md"):
        shutil.copy(ROOT / name, tmp_path)
    for name, text in FILES.items():
        in_package = f"mockserver/{name}" if name.startswith("vendors/") else name
        (tmp_path / in_package).write_text(f"{text}\n")
    return tmp_path


@pytest.fixture
def own_folder(tmp_path: Path) -> Path:
    """Return a folder that contains only the example vendor."""
    for name, text in FILES.items():
        file = tmp_path / "depot-vendor" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{text}\n")
    return tmp_path / "depot-vendor"


@pytest.fixture
def installed(wheel: Path, tmp_path: Path) -> Path:
    """Install the package from its wheel, and return the folder that it is in."""
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run(
        [*install, "--target", str(tmp_path / "site"), str(wheel)], check=True, capture_output=True
    )
    return tmp_path / "site"


def run(command: list[str], folder: Path, **environment: str) -> str:
    """Run a command in a folder and return its output. Fail if its exit code is not 0."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, "PATH": path, **environment}, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


def run_blocks(kind: str, folder: Path, environment: Mapping[str, str]) -> None:
    """Run the page's blocks of a kind. Fail if the output of one is not what the page shows."""
    found = [block for block in BLOCKS if block.kind == kind]
    assert found
    for block in found:
        got = run(["sh", "-ec", block.text], folder, **environment)
        assert block.output is not None and output_fits(block.output, got), got


def number_passed(output: str) -> int:
    found = re.search(r"(\d+) passed", output)
    return int(found[1]) if found else 0


PYTEST = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly"]
CHOSEN = ["-k", "depot or test_new_product_appears_at_every_vendor"]
OWN_TEST = "tests/vendors/test_depot.py"
# In a folder of its own, Hypothesis would compute its tables of characters again.
FEW = {"MOCKSERVER_EXAMPLES": "20", "HYPOTHESIS_STORAGE_DIRECTORY": str(ROOT / ".hypothesis")}


def test_example_vendor_passes_the_shared_tests_in_a_checkout(checkout: Path) -> None:
    run_blocks("sh in-tree", checkout, {"PYTHONPATH": str(checkout)})
    output = run([*PYTEST, *SHARED_TESTS, OWN_TEST, *CHOSEN], checkout, PYTHONPATH=str(checkout), **FEW)
    assert number_passed(output) >= 40, output
    rules = ["tests/test_architecture.py", "-k", "not found and not too_deep"]  # not the tests of the rules
    run([*PYTEST, *rules], checkout, PYTHONPATH=str(checkout))


@needs_curl
def test_example_vendor_is_served_by_an_installed_package(
    own_folder: Path, installed: Path, tmp_path: Path
) -> None:
    environment = {"PYTHONPATH": str(installed), "MOCKSERVER_DATA_DIR": str(tmp_path / "data")}
    where = run(
        [sys.executable, "-c", "import mockserver; print(mockserver.__file__)"], tmp_path, **environment
    )
    assert where.strip() == f"{installed}/mockserver/__init__.py"
    run_blocks("sh own-folder", tmp_path, environment)


def test_example_vendor_in_its_own_folder_passes_the_shared_tests(own_folder: Path) -> None:
    fewer = {"MOCKSERVER_TEST_SERVERS": "compiled,connexion", **FEW}
    folder = {"MOCKSERVER_VENDORS_FROM": str(own_folder)}
    output = run([*PYTEST, *SHARED_TESTS, *CHOSEN], ROOT, **folder, **fewer)
    assert number_passed(output) >= 30, output
