"""niquests, which replaces urllib3 by a fork of it. It gets an environment of its own.

pip needs a package registry. Without one, these tests are skipped, but fail in CI.
"""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.finding("A16")
TIMEOUT = 600  # seconds; only ends a test that hangs
CALLS = """
import sys
sys.path.append({site_packages!r})  # for the dependencies of mockserver
import asyncio, mockserver, niquests, requests, urllib3
url, auth = "https://shop.demo.ro/api/v2/inventory/id/10001", ("demo", "")
calls = {{
    "requests": lambda: requests.get(url, auth=auth).status_code,
    "niquests": lambda: niquests.get(url, auth=auth).status_code,
    "niquests async": lambda: asyncio.run(niquests.aget(url, auth=auth)).status_code,
}}
try:
    with mockserver.intercept() as mock:
        for name, call in calls.items():
            try:
                print(name, call())
            except mockserver.embedding.interception.HostRefused as refused:
                print(name, "refused:", refused)
except mockserver.embedding.interception.CannotPatch as error:
    print(error)
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the Python of a virtual environment with requests and niquests."""
    folder = tmp_path_factory.mktemp("niquests")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    done = pip(python, "niquests", "requests")
    if done.returncode:
        assert "CI" not in os.environ, done.stderr
        pytest.skip("niquests cannot be installed")
    return python


def pip(python: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "--disable-pip-version-check",
        "install",
        "--no-compile",
        "-q",
    ]
    return subprocess.run(
        [*command, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )


def run_calls(python: Path) -> str:
    script = CALLS.format(site_packages=sysconfig.get_path("purelib"))
    done = subprocess.run(
        [python, "-c", script], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=TIMEOUT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_fork_of_urllib3_is_named_on_entering_and_the_advice_helps(environment: Path) -> None:
    (message,) = run_calls(environment).splitlines()
    assert message.startswith("urllib3-future 2."), message
    assert "which niquests installs in place of urllib3, cannot be intercepted" in message
    variable, command = message.partition("install it beside urllib3: ")[2].split(" pip install ")
    name, value = variable.split("=")
    done = pip(environment, *command.split(), **{name: value})
    assert done.returncode == 0, done.stderr
    lines = run_calls(environment).splitlines()
    assert lines[0] == "requests 200"
    assert [line.partition(": shop.demo.ro is a host of")[0] for line in lines[1:]] == [
        "niquests refused", "niquests async refused",
    ]  # fmt: skip
