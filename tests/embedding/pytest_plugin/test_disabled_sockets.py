"""The fixtures under pytest-socket, which forbids tests to use sockets."""

import pytest

from tests.conftest import LEAN

pytestmark = pytest.mark.finding("C10")
pytest_plugins = ["pytester"]
INTERCEPTED = """
import httpx, httpx2, pytest, requests, socket, urllib3
import mockserver

WASHER, AUTH = "https://shop.demo.ro/api/v2/inventory/id/10001", ("demo", "")

@pytest.mark.parametrize("library", [httpx, httpx2, requests])
def test_library(mock_intercept, library):
    assert library.patch(WASHER, auth=AUTH, json={"stock": 3}).json()["stock"] == 3
    mock_intercept.assert_called(method="PATCH", times=1)
    with pytest.raises(RuntimeError, match="tried to use socket"):
        socket.socket()

def test_nested(mock_intercept):
    with mockserver.intercept(seed=7) as inner:
        requests.get(WASHER, auth=AUTH)
        inner.assert_called(times=1)
    mock_intercept.assert_called(never=True)

def test_other_host(mock_intercept):
    with pytest.raises(mockserver.HostRefused):
        requests.get("https://example.com")

@pytest.mark.enable_socket
def test_sockets_are_as_before():
    socket.socket().close()
    assert socket.getaddrinfo("localhost", 80)
"""
WITH_A_LOOP = """
import asyncio, httpx, aiohttp

WASHER, AUTH = "https://shop.demo.ro/api/v2/inventory/id/10001", ("demo", "")

def test_async(mock_intercept):
    async def call():
        async with httpx.AsyncClient() as client, aiohttp.ClientSession() as session:
            statuses = [(await client.get(WASHER, auth=AUTH)).status_code]
            async with session.get(WASHER, auth=aiohttp.BasicAuth(*AUTH)) as response:
                return [*statuses, response.status]

    assert asyncio.run(call()) == [200, 200]
"""


def run(pytester: pytest.Pytester, tests: str, *options: str) -> pytest.RunResult:
    """Run tests in a process of their own, because pytest-socket changes the whole process."""
    pytester.makepyfile(tests)
    return pytester.runpytest_subprocess(*LEAN, "-p", "no:randomly", *options, timeout=300)


def test_interception_needs_no_socket(pytester: pytest.Pytester) -> None:
    run(pytester, INTERCEPTED, "--disable-socket").assert_outcomes(passed=6)


def test_an_event_loop_of_the_test_needs_unix_sockets(pytester: pytest.Pytester) -> None:
    options = ("--disable-socket", "--allow-unix-socket")
    run(pytester, WITH_A_LOOP, *options).assert_outcomes(passed=1)


SERVER = "import httpx\ndef test_it(mock_sandbox):\n    assert mock_sandbox.requests.count() == 0"


def test_server_says_what_to_allow(pytester: pytest.Pytester) -> None:
    done = run(pytester, SERVER, "--disable-socket")
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(
        ["mockserver: pytest-socket forbids the server's socket: allow it by --allow-hosts=127.0.0.1, *"]
    )
    assert "Traceback" not in done.stdout.str()
    run(pytester, SERVER, "--disable-socket", "--allow-hosts=127.0.0.1").assert_outcomes(passed=1)
