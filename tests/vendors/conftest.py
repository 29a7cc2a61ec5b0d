"""Fixtures that run the vendors' tests on all kinds of server, which must give the same responses.

A kind is a server (`compiled`, `no fast path`, `connexion`, and `log`, whose sandboxes are kept in a log), or
a library inside `intercept`, such as `intercept-requests`. By default, every test runs on `compiled` and
`connexion`, and by one of the libraries, which take turns. Some also run on the other servers. Set
`MOCKSERVER_TEST_SERVERS=compiled` to use only this kind. `make conform` runs all tests on all kinds.
"""

import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache

import httpx
import pytest

import mockserver as package
from mockserver import app
from mockserver.embedding.pytest_plugin.fixtures import RunningServer
from mockserver.sandbox.log.memory import MemoryLog
from mockserver.server.server import serving
from mockserver.vendor_api.raw_request import RawRequest
from mockserver.vendor_api.request import Headers
from tests.conftest import NO_CERTIFICATES, TIMEOUT
from tests.contract.known_differences import reasons
from tests.vendors.interception import LIBRARIES, InterceptedTransport

# One test in so many runs on these servers: all would take more than a minute of CPU time for each.
SAMPLED = {"no fast path": 4, "log": 12}
INTERCEPTED = tuple(f"intercept-{library}" for library in LIBRARIES)
KINDS = os.environ.get("MOCKSERVER_TEST_SERVERS", "compiled,connexion,intercept,some").split(",")


@pytest.fixture(scope="session")
def url_of_kind(mockserver: RunningServer) -> Iterator[Callable[[str], str]]:
    """Yield a function that takes a kind of server and returns its URL. Servers start on first use."""
    urls = {"compiled": mockserver.url}
    with ExitStack() as stack:

        def url(kind: str) -> str:
            if kind not in urls:
                engine = "connexion" if kind == "connexion" else "compiled"
                mock = app.build(engine=engine, log=MemoryLog() if kind == "log" else None)
                urls[kind] = stack.enter_context(serving(mock.application, fast_path=kind != "no fast path"))
            return urls[kind]

        yield url


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test once with every kind.

    The kind `intercept` is one of the libraries, and `some` stands for those of `SAMPLED` whose turn it is.
    """
    if "server_kind" in metafunc.fixturenames:
        turn = zlib.crc32(metafunc.function.__name__.encode()) % len(INTERCEPTED)
        number = zlib.crc32(metafunc.definition.nodeid.encode())
        kinds = {
            "intercept": [INTERCEPTED[turn]],
            "some": [kind for kind, count in SAMPLED.items() if number % count == 0],
        }
        metafunc.parametrize("server_kind", [one for kind in KINDS for one in kinds.get(kind, [kind])])


@cache
def _mock_for_routes() -> app.Mock:
    return app.build(products=1)


@pytest.fixture
def base_url(server_kind: str, request: pytest.FixtureRequest) -> str:
    """Return the URL of a server with all vendors, or an URL that stands for all vendors' real hosts."""
    if server_kind in INTERCEPTED:
        return "http://vendors.test"
    url: str = request.getfixturevalue("url_of_kind")(server_kind)
    return url


@pytest.fixture
def server_url(server_kind: str, base_url: str) -> str:
    """Return the URL of a server that another process can call."""
    if server_kind in INTERCEPTED:
        pytest.skip("another process is not intercepted")
    return base_url


@pytest.fixture
def transport(server_kind: str) -> Iterator[httpx.BaseTransport | None]:
    """Yield the transport for the kind, or None for the usual one."""
    if server_kind not in INTERCEPTED:
        yield None
        return
    interception = package.intercept()
    with interception:
        yield InterceptedTransport(server_kind.removeprefix("intercept-"), interception, _mock_for_routes())


@pytest.fixture
def new_client(
    server_kind: str, base_url: str, transport: httpx.BaseTransport | None
) -> Iterator[Callable[..., httpx.Client]]:
    """Yield a function that returns an HTTP client with these options.

    On Connexion, the first request with a known difference xfails the test.
    """
    with ExitStack() as stack:

        def new(**options: object) -> httpx.Client:
            hooks = {"request": [_expect_known_difference]} if server_kind == "connexion" else {}
            fixed = {"base_url": base_url, "transport": transport, "event_hooks": hooks}
            one = httpx.Client(verify=NO_CERTIFICATES, timeout=TIMEOUT, **fixed, **options)
            return stack.enter_context(one)

        yield new


@pytest.fixture
def client(new_client: Callable[..., httpx.Client], sandbox: str) -> httpx.Client:
    """Return an HTTP client whose calls go to the test's own sandbox."""
    return new_client(headers={"X-Mock-Sandbox": sandbox})


@pytest.fixture
def api(new_client: Callable[..., httpx.Client]) -> httpx.Client:
    """Return an HTTP client that sends no X-Mock-Sandbox header."""
    return new_client()


def _expect_known_difference(request: httpx.Request) -> None:
    path = request.url.raw_path.partition(b"?")[0].decode("latin-1")
    headers = Headers([(name.lower(), value) for name, value in request.headers.raw])
    for reason in reasons(RawRequest(request.method, path, "", headers)):
        pytest.xfail(reason)
