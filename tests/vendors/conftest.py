"""Fixtures that run the vendors' tests on all kinds of server, which must give the same responses.

Set `MOCKSERVER_TEST_SERVERS=compiled` to use only this kind.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import pytest

from mockserver import app
from mockserver.pytest_plugin.fixtures import RunningServer
from mockserver.server.server import serving
from mockserver.vendor_api.raw_request import RawRequest
from mockserver.vendor_api.request import Headers
from tests.contract.known_differences import reasons

KINDS = os.environ.get("MOCKSERVER_TEST_SERVERS", "compiled,no fast path,connexion").split(",")


@pytest.fixture(scope="session")
def url_of_kind(mockserver: RunningServer) -> Iterator[Callable[[str], str]]:
    """Yield a function that takes a kind of server and returns its URL. Servers start on first use."""
    urls = {"compiled": mockserver.url}
    with ExitStack() as stack:

        def url(kind: str) -> str:
            if kind not in urls:
                mock = app.build(engine="connexion" if kind == "connexion" else "compiled")
                urls[kind] = stack.enter_context(serving(mock.application, fast_path=kind != "no fast path"))
            return urls[kind]

        yield url


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Return the kind of server that the test uses. Each test runs once with every kind."""
    return str(request.param)


@pytest.fixture
def base_url(kind: str, url_of_kind: Callable[[str], str]) -> str:
    """Return the URL of a server with all vendors."""
    return url_of_kind(kind)


@pytest.fixture
def client(client: httpx.Client, kind: str) -> httpx.Client:
    """Return an HTTP client. On Connexion, the first request with a known difference xfails the test."""
    if kind == "connexion":
        client.event_hooks = {"request": [_expect_known_difference]}
    return client


def _expect_known_difference(request: httpx.Request) -> None:
    path = request.url.raw_path.partition(b"?")[0].decode("latin-1")
    headers = Headers([(name.lower(), value) for name, value in request.headers.raw])
    for reason in reasons(RawRequest(request.method, path, "", headers)):
        pytest.xfail(reason)
