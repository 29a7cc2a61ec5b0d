"""The wheel: it holds all that a run needs, and runs without the folder that it is made from."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT

PACKAGE = ROOT / "mockserver"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (made,) = folder.glob("*.whl")
    return made


def test_every_file_of_the_package_and_its_data_is_in_it(wheel: Path) -> None:
    code = {file.relative_to(ROOT) for file in PACKAGE.rglob("*.*") if file.suffix != ".pyc"}
    data = {Path("mockserver", folder, file.name) for folder in ("specs", "fixtures")
            for file in (ROOT / folder).iterdir()}  # fmt: skip
    held = {Path(name) for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert held == code | data


def test_it_runs_from_anywhere(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    call = (
        "import os, urllib.request; import mockserver; print(mockserver.__file__); "
        "urllib.request.urlopen(os.environ['MOCKSERVER_URL'] + '/highlevel/products/inventory')"
    )
    done = subprocess.run(
        [sys.executable, "-m", "mockserver", "exec", "--", sys.executable, "-c", call],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site"), "MOCKSERVER_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.stdout == f"{tmp_path}/site/mockserver/__init__.py\n", done.stderr
    assert "HTTP Error 401" in done.stderr
