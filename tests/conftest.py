"""Fixtures for all tests: one server on a real socket for the whole run, and a new sandbox for each test.

The server is the one that the project's own pytest plugin starts.
"""

import gc
import inspect
import json
import os
import shutil
import socket
import ssl
import textwrap
from collections.abc import Callable, Generator, Iterator
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import httpcore  # noqa: F401
import httpx
import pytest

import mockserver.contract.connexion_engine.engine  # noqa: F401
from mockserver.embedding.pytest_plugin.fixtures import RunningServer
from tests.receiver import Receiver, receiving

# Some modules are imported above although this file does not use them. When a suite that runs inside
# this one (see `suite`) ends, the modules that it imported first are unloaded, and a later import would
# load them again. Modules that are imported here stay loaded.


def needs(program: str) -> pytest.MarkDecorator:
    """Return the mark of a test that needs a program: without it, the test is skipped, but fails in CI."""
    missing = not shutil.which(program) and "CI" not in os.environ
    return pytest.mark.skipif(missing, reason=f"{program} is not installed")


needs_curl, needs_java = needs("curl"), needs("javac")
ROOT = Path(__file__).parent.parent
# For clients that call plain HTTP: to load the usual certificates would take each of them 20 ms of CPU time.
NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
TIMEOUT = 60  # seconds that a client waits: on a loaded machine, a search of all calls takes long
# The clients that name no timeout wait as long: all of them share the object that is the default of httpx.
for name in ("connect", "read", "write", "pool"):
    setattr(inspect.signature(httpx.get).parameters["timeout"].default, name, TIMEOUT)
_sandbox_numbers = count(1)
Suite = Callable[..., pytest.RunResult]
# Plugins that the suites do not need and that would slow them down.
LEAN = [f"-pno:{name}" for name in ("schemathesis", "hypothesispytest", "anyio", "cacheprovider")]
SUITE_HEADER = """
import os, pathlib
import httpx, pytest

WASHER = "/api/v2/inventory/id/10001"
client = httpx.Client()

def ask(sandbox, method="GET", path=WASHER, **options):
    access = sandbox.vendors["merchantpro"]
    return client.request(method, access.base_url + path, headers=access.headers, **options)
"""


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the garbage collector away from the collected tests, which live to the end.

    To look through all of them takes it half a second, and every pytest that a test runs in this process
    collects once. Then let it run more rarely: it took 10 to 20 % of the CPU time of the tests.
    """
    gc.disable()
    gc.set_threshold(10_000)
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session")
def base_url(mockserver: RunningServer) -> str:
    """Return the URL of a running server with all vendors."""
    return mockserver.url


@pytest.fixture
def sandbox() -> str:
    """Return a name for a sandbox that no other test uses."""
    return f"test-{next(_sandbox_numbers)}"


@pytest.fixture
def client(base_url: str, sandbox: str) -> Iterator[httpx.Client]:
    """Yield an HTTP client whose calls go to the test's own sandbox."""
    headers = {"X-Mock-Sandbox": sandbox}
    with httpx.Client(
        base_url=base_url, headers=headers, verify=NO_CERTIFICATES, timeout=TIMEOUT
    ) as http_client:
        yield http_client


@pytest.fixture
def api(base_url: str) -> Iterator[httpx.Client]:
    """Yield an HTTP client that sends no X-Mock-Sandbox header."""
    with httpx.Client(base_url=base_url, verify=NO_CERTIFICATES, timeout=TIMEOUT) as http_client:
        yield http_client


@pytest.fixture
def free_port() -> Iterator[int]:
    """Yield a port on which nothing listens, and which no other process can take during the test."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@pytest.fixture
def suite(pytester: pytest.Pytester, mockserver: RunningServer) -> Suite:
    """Return a function that runs a string as a file of tests, with pytest options.

    The string is appended to SUITE_HEADER. The tests run in this process, where all heavy modules are
    already imported, or in another process if `-n` is one of the options.
    """

    def run(tests: str, *options: str) -> pytest.RunResult:
        pytester.makepyfile(SUITE_HEADER + textwrap.dedent(tests))
        if "-n" in options:
            return pytester.runpytest_subprocess(*LEAN, *options, timeout=300)
        return pytester.runpytest_inprocess(*LEAN, "-p", "no:randomly", *options)

    return run


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Yield the data directory for everything that the tests run in this process."""
    with pytest.MonkeyPatch.context() as patch:
        path = tmp_path_factory.mktemp("data")
        patch.setenv("MOCKSERVER_DATA_DIR", str(path))
        yield path


@pytest.fixture(scope="session")
def running_exec(data: Path) -> Iterator[Any]:
    """Yield the mock, proxy and environment with which `mockserver exec` would run a command."""
    from mockserver import app
    from mockserver.cli.exec.exec_command import exec_setup

    with exec_setup(app.build(), only_vendors=False) as setup:
        yield setup


def exact(text: str) -> Any:
    """Parse JSON for exact comparison: objects become lists of pairs, and floats keep their digits."""
    return json.loads(text, object_pairs_hook=list, parse_float=lambda number: ("number", number))


def decimals(text: str) -> Any:
    """Parse JSON with decimals instead of floats."""
    return json.loads(text, parse_float=Decimal)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Yield a running receiver of webhooks."""
    with receiving() as running:
        yield running
