"""One server for the whole run, on a real socket, and a fresh sandbox for each test.

The server is the pytest plugin's own.
"""

import json
import shutil
import socket
import textwrap
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import httpcore  # noqa: F401
import httpx
import pytest

import mockserver.contract.connexion_app  # noqa: F401
from mockserver.pytest_plugin.fixtures import RunningServer

# What is imported late is imported above: a suite that runs within this one takes away again
# whatever it was the first to import, and there would be two of it.

needs_curl = pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl")
ROOT = Path(__file__).parent.parent
_numbers = count(1)
Suite = Callable[..., pytest.RunResult]
LEAN = [f"-pno:{name}" for name in ("schemathesis", "hypothesispytest", "anyio", "cacheprovider")]
CALLING = """
import os, pathlib
import httpx, pytest

WASHER = "/api/v2/inventory/id/10001"
client = httpx.Client()

def ask(sandbox, method="GET", path=WASHER, **more):
    access = sandbox.vendors["merchantpro"]
    return client.request(method, access.base_url + path, headers=access.headers, **more)
"""


@pytest.fixture(scope="session")
def base_url(mockserver: RunningServer) -> str:
    """The URL of a running server with all vendors."""
    return mockserver.url


@pytest.fixture
def sandbox() -> str:
    """The name of a sandbox that no other test uses."""
    return f"test-{next(_numbers)}"


@pytest.fixture
def client(base_url: str, sandbox: str) -> Iterator[httpx.Client]:
    """An HTTP client whose calls all go to the test's own sandbox."""
    with httpx.Client(base_url=base_url, headers={"X-Mock-Sandbox": sandbox}) as one:
        yield one


@pytest.fixture
def api(base_url: str) -> Iterator[httpx.Client]:
    """An HTTP client of the server that says nothing about a sandbox."""
    with httpx.Client(base_url=base_url) as one:
        yield one


@pytest.fixture
def free_port() -> Iterator[int]:
    """A port on which nobody listens, and which nobody else gets meanwhile."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@pytest.fixture
def suite(pytester: pytest.Pytester, mockserver: RunningServer) -> Suite:
    """Run a suite of one file: in this process, or as a process of its own where workers are wanted.

    This run has its own server, so all that is heavy is loaded already.
    """

    def run(tests: str, *options: str) -> pytest.RunResult:
        pytester.makepyfile(CALLING + textwrap.dedent(tests))
        if "-n" in options:
            return pytester.runpytest_subprocess(*LEAN, *options, timeout=300)
        return pytester.runpytest_inprocess(*LEAN, "-p", "no:randomly", *options)

    return run


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data folder of all that these tests run in this process."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("data")
        patch.setenv("MOCKSERVER_DATA_DIR", str(folder))
        yield folder


@pytest.fixture(scope="session")
def running_exec(data: Path) -> Iterator[Any]:
    """The mock, proxy and environment that `mockserver exec` would run a command with."""
    from mockserver import app
    from mockserver.cli.exec.exec_command import exec_setup

    with exec_setup(app.build(), only_vendors=False) as setup:
        yield setup


def exact(text: str) -> Any:
    """JSON with everything that matters kept: order of keys and the text of numbers."""
    return json.loads(text, object_pairs_hook=list, parse_float=lambda number: ("number", number))


def decimals(text: str) -> Any:
    """JSON with decimals instead of floats."""
    return json.loads(text, parse_float=Decimal)
