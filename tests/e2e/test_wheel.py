"""The wheel contains all files that the package needs, and runs without the source folder."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

from tests.conftest import ROOT

PACKAGE = ROOT / "mockserver"


def test_wheel_contains_code_specs_and_fixtures(wheel: Path) -> None:
    code = {file.relative_to(ROOT) for file in PACKAGE.rglob("*.*") if file.parent.name != "__pycache__"}
    data = {Path("mockserver", folder, file.name) for folder in ("specs", "fixtures")
            for file in (ROOT / folder).iterdir()}  # fmt: skip
    contained = {Path(name) for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert contained == code | data


def test_wheel_runs_from_any_folder(wheel: Path, tmp_path: Path) -> None:
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
