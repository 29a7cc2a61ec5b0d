"""Interception: each HTTP library gets the same response in this process as over a socket."""

import asyncio
import base64
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import httpx
import pytest
import requests
import urllib3

import mockserver
from mockserver import app
from mockserver.client import Client, Sandbox
from mockserver.contract.vendor_files import VendorFiles
from mockserver.server.server import serving
from tests.http_libraries import LIBRARIES, Request, Response
from tests.vendors.test_exchanges import EXCHANGES

HOST = "https://shop.demo.ro"
WASHER = f"{HOST}/api/v2/inventory/id/10001"
AUTH = {"Authorization": "Basic " + base64.b64encode(b"demo:demo").decode()}
URLS = {name: VendorFiles().spec(name).url for name in app.vendor_names()}
NOON = "2026-01-02T12:00:00Z"

each_library = pytest.mark.parametrize("library", LIBRARIES)


class Pair:
    """Two mocks in the same state: one reached by interception, one over a socket."""

    def __init__(self, in_memory: Sandbox, over_socket: Sandbox, url: str) -> None:
        self.in_memory, self.over_socket, self._url = in_memory, over_socket, url

    def reset(self, *faults: dict[str, Any], dialect: str = "documented") -> None:
        """Give both mocks the same state, these faults and this dialect."""
        for sandbox in (self.in_memory, self.over_socket):
            sandbox.requests.clear()
            sandbox.reset()
            sandbox.clock.freeze(NOON)
            sandbox.faults.set(*faults)
            sandbox.set_dialect(dialect)

    def send(self, library: str, request: Request) -> tuple[Any, Any]:
        """Send a request to both mocks, and return both outcomes."""
        return outcome(library, request), outcome(library, self.to_socket(request))

    def to_socket(self, request: Request) -> Request:
        """Return the request with the server's URL, and the vendor's host in the Host header."""
        parts = urlsplit(request.url)
        host = {} if "Host" in request.headers else {"Host": parts.netloc}
        return replace(
            request, url=self._url + request.url.removeprefix(f"{parts.scheme}://{parts.netloc}"),
            headers={**host, **request.headers},
        )  # fmt: skip


def outcome(library: str, request: Request) -> Response | list[type]:
    """Return the response. If an exception is raised, return its type and the types of its causes.

    Causes that depend on the kind of connection are left out.
    """
    try:
        return LIBRARIES[library](request)
    except Exception as error:
        foreign = ("builtins", "anyio", "_queue")
        return [type(error), *(kind for kind in causes(error) if not kind.__module__.startswith(foreign))]


def causes(error: BaseException) -> Iterator[type]:
    while error := error.__cause__ or (None if error.__suppress_context__ else error.__context__):
        yield type(error)


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with (
        serving(app.build().application) as url,
        Client(url) as client,
        mockserver.intercept(others="pass") as in_memory,
    ):
        yield Pair(in_memory, client.sandbox(), url)


@pytest.fixture
def mock() -> Iterator[Sandbox]:
    with mockserver.intercept() as mock:
        yield mock


@each_library
@pytest.mark.parametrize("vendor", app.vendor_names())
def test_exchange_gives_the_same_bytes(pair: Pair, library: str, vendor: str) -> None:
    exchanges = {name: exchange for (of, name), exchange in EXCHANGES.items() if of == vendor}
    for name, exchange in exchanges.items():
        pair.reset(dialect=exchange.dialect)
        for step in (*(exchanges[earlier] for earlier in exchange.given), exchange):
            body = step.body.encode() if step.body is not None else None
            request = Request(step.method, URLS[vendor] + step.target, step.headers, body)
            in_memory, over_socket = pair.send(library, request)
            assert in_memory == over_socket, name
        assert in_memory.status == exchange.status, name


PATHS = (
    "/api/v2/inventory/sku/a%2Fb%20c",
    "/api/v2/inventory/sku/a+b%2bc",
    "/api/v2/inventory/sku/Gr%C3%B6%C3%9Fe?x=1&x=2&empty=&y",
    "/api/v2/inventory/sku/%FF%00",
    "//api/v2//inventory/id/10001/",
    "/api/v2/inventory/id/10001?q=%2F%3f+%20",
    "/",
)


@each_library
@pytest.mark.parametrize("path", PATHS)
def test_server_sees_the_same_request(pair: Pair, library: str, path: str) -> None:
    pair.reset()
    request = Request("GET", HOST + path, {**AUTH, "X-Twice": "one", "Host": "shop.demo.ro"})
    in_memory, over_socket = pair.send(library, request)
    assert in_memory == over_socket
    (one,), (other,) = pair.in_memory.requests, pair.over_socket.requests
    assert (one.method, one.target, one.headers) == (other.method, other.target, other.headers)


@each_library
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "POST"])
def test_every_method_gets_the_same_response(pair: Pair, library: str, method: str) -> None:
    pair.reset()
    in_memory, over_socket = pair.send(library, Request(method, WASHER, AUTH))
    assert in_memory == over_socket
    assert isinstance(in_memory, Response)
    assert bool(in_memory.body) == (method not in ("HEAD", "OPTIONS"))


BODIES = {
    "whole": b'{"stock": {"adjust_by": 5}}',
    "in chunks": [b'{"stock": {"adj', b'ust_by": ', b"5}}"],
    "invalid": b'{"stock": "many"}',
    "not JSON": b"{",
    "empty": b"",
    "large": b'{"sku": "' + b"x" * 900_000 + b'"}',
    "too large": b'{"sku": "' + b"x" * 1_100_000 + b'"}',
}


@each_library
@pytest.mark.parametrize("body", BODIES)
def test_server_gets_the_same_body(pair: Pair, library: str, body: str) -> None:
    pair.reset()
    request = Request("PATCH", WASHER, {**AUTH, "Content-Type": "application/json"}, BODIES[body])
    in_memory, over_socket = pair.send(library, request)
    assert in_memory == over_socket
    (one,), (other,) = pair.in_memory.requests, pair.over_socket.requests
    assert one.body == other.body
    assert one.headers.get("transfer-encoding") == other.headers.get("transfer-encoding")


REFUSED_HEADERS = {
    "no credential": {},
    "unknown credential": {"Authorization": "Basic bm9ib2R5Og=="},
    "denied credential": {"Authorization": "Basic Zm9yYmlkZGVuOg=="},
    "bad sandbox name": {**AUTH, "X-Mock-Sandbox": "a/b"},
    "another origin": {**AUTH, "Origin": "https://page.example"},
}


@each_library
@pytest.mark.parametrize("headers", REFUSED_HEADERS.values(), ids=REFUSED_HEADERS)
def test_refusals_are_the_same(pair: Pair, library: str, headers: dict[str, str]) -> None:
    pair.reset()
    in_memory, over_socket = pair.send(library, Request("GET", WASHER, headers))
    assert in_memory == over_socket


# The exception of each library over a socket. Without this list, both mocks could be wrong in the same way.
RAISED = {
    "empty_reply": ["ProtocolError", "ConnectionError", "RemoteProtocolError", "ServerDisconnectedError"],
    "reset": ["ProtocolError", "ConnectionError", "ReadError", "ClientOSError"],
    "truncated_body": ["ProtocolError", "ChunkedEncodingError", "RemoteProtocolError", "ClientPayloadError"],
    "no_answer": ["ReadTimeoutError", "ReadTimeout", "ReadTimeout", "TimeoutError"],
    "committed_reply_lost": [
        "ProtocolError", "ConnectionError", "RemoteProtocolError", "ServerDisconnectedError",
    ],
}  # fmt: skip
COLUMN = {
    "urllib3": 0, "requests": 1, "httpx": 2, "httpx async": 2, "httpx2": 2, "httpx2 async": 2, "aiohttp": 3,
}  # fmt: skip


@each_library
@pytest.mark.parametrize("fault", RAISED)
def test_connection_faults_raise_the_same_exceptions(pair: Pair, library: str, fault: str) -> None:
    pair.reset({"fault": fault})
    headers = {**AUTH, "Content-Type": "application/json"}
    timeout = 0.3 if fault == "no_answer" else 20
    in_memory, over_socket = pair.send(library, Request("PATCH", WASHER, headers, b'{"stock": 3}', timeout))
    assert in_memory == over_socket
    assert in_memory[0].__name__ == RAISED[fault][COLUMN[library]]


@each_library
def test_late_response_raises_a_timeout(pair: Pair, library: str) -> None:
    pair.reset({"delay": 30})
    in_memory, over_socket = pair.send(library, Request("GET", WASHER, AUTH, timeout=0.3))
    assert in_memory == over_socket
    assert "Timeout" in in_memory[0].__name__


@each_library
def test_slow_body_raises_a_timeout(pair: Pair, library: str) -> None:
    pair.reset({"fault": {"type": "slow_body", "seconds": 30, "chunks": 2}})
    # Some libraries raise another exception if the head of the response is late too, as it may be on a
    # slow machine. So retry with longer timeouts. All are shorter than the 15 s until the second half.
    for timeout in (0.3, 1, 3, 10):
        in_memory, over_socket = pair.send(library, Request("GET", WASHER, AUTH, timeout=timeout))
        if in_memory == over_socket:
            break
    assert in_memory == over_socket
    assert "Error" in in_memory[0].__name__ or "Timeout" in in_memory[0].__name__


@each_library
def test_slow_body_arrives_whole(pair: Pair, library: str) -> None:
    pair.reset({"fault": {"type": "slow_body", "seconds": 0.02, "chunks": 4}})
    in_memory, over_socket = pair.send(library, Request("GET", WASHER, AUTH))
    assert in_memory == over_socket
    assert len(in_memory.body) == 132


@each_library
@pytest.mark.parametrize("fault", [503, "malformed_body", {"type": "problem", "kind": "not_found"}])
def test_response_faults_are_the_same(pair: Pair, library: str, fault: Any) -> None:
    pair.reset({"fault": fault})
    in_memory, over_socket = pair.send(library, Request("GET", WASHER, AUTH))
    assert in_memory == over_socket
    assert isinstance(in_memory, Response)


@each_library
@pytest.mark.parametrize(
    "url",
    [
        "http://shop.demo.ro/api/v2/inventory/id/10001",
        "http://shop.demo.ro:8080/api/v2/inventory/id/10001",
        "https://SHOP.demo.RO:9443/api/v2/inventory/id/10001",
        "https://shop.demo.ro./api/v2/inventory/id/10001",
    ],
)
def test_host_is_intercepted_on_any_port_scheme_and_spelling(mock: Sandbox, library: str, url: str) -> None:
    assert LIBRARIES[library](Request("GET", url, AUTH)).status == 200
    mock.assert_called(vendor="merchantpro", times=1)


@each_library
@pytest.mark.parametrize("vendor", app.vendor_names())
def test_every_vendor_answers_at_its_real_host(mock: Sandbox, library: str, vendor: str) -> None:
    access = mock.vendors[vendor]
    sample = app.load_contract(vendor).vendor.sample
    request = Request("GET", access.base_url + sample, dict(access.headers))
    assert LIBRARIES[library](request).status == 200
    assert [call.vendor for call in mock.requests] == [vendor]


@each_library
def test_writes_are_kept(mock: Sandbox, library: str) -> None:
    send = LIBRARIES[library]
    headers = {**AUTH, "Content-Type": "application/json"}
    assert send(Request("PATCH", WASHER, headers, b'{"stock": 7}')).status == 200
    assert b'"stock":7' in send(Request("GET", WASHER, AUTH)).body
    assert mock.records("merchantpro", "inventory").get("10001")["stock"] == 7


@each_library
def test_every_interception_begins_with_new_state(library: str) -> None:
    send = LIBRARIES[library]
    own_sandbox = {"Authorization": "Basic " + base64.b64encode(b"sbx_mine:").decode()}
    for headers in (AUTH, own_sandbox):
        for _ in range(2):
            with mockserver.intercept() as mock:
                assert b'"stock":10,' in send(Request("GET", WASHER, headers)).body
                assert [call.status for call in mock.requests] == [200] * (headers is AUTH)
                json_headers = {**headers, "Content-Type": "application/json"}
                send(Request("PATCH", WASHER, json_headers, b'{"stock": 7}'))
                assert b'"stock":7' in send(Request("GET", WASHER, headers)).body


def test_arguments_of_intercept_take_effect() -> None:
    with mockserver.intercept(7, 3, ["sabi"], limits=True) as mock:
        assert (mock.seed, mock.products, mock.name) == (7, 3, "demo")
        assert list(mock.vendors) == ["sabi"]
    interception = mockserver.intercept(vendors="merchantpro", limits=True)
    with interception as mock:
        mock.clock.freeze(NOON)  # all calls are in the same second
        statuses = {httpx.get(WASHER, headers=AUTH).status_code for _ in range(12)}
        assert statuses == {200, 429}
        assert interception.client.create("second", seed=3).seed == 3


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"vendors": ["acme"]}, app.UnknownVendor, "unknown vendor acme"),
        ({"hosts": {"a.test": "acme"}}, app.UnknownVendor, "unknown vendor acme"),
        ({"vendors": ["sabi"], "hosts": {"a.test": "narvar"}}, app.UnknownVendor, "unknown vendor narvar"),
        ({"hosts": {"https://a.test": "sabi"}}, ValueError, "is not a host name"),
        ({"hosts": {"a.test:80": "sabi"}}, ValueError, "is not a host name"),
        ({"hosts": {"": "sabi"}}, ValueError, "is not a host name"),
        ({"others": "allow"}, ValueError, "`others` must be 'refuse' or 'pass'"),
        ({"products": 0}, ValueError, "products must be from 1 to 10,000,000, not 0"),
    ],
)
def test_invalid_arguments_raise_a_one_line_error(
    arguments: dict[str, Any], error: type, message: str
) -> None:
    with pytest.raises(error, match=message) as raised, mockserver.intercept(**arguments):
        pytest.fail("the block was entered")
    assert "\n" not in str(raised.value)


def test_responses_can_be_streamed(mock: Sandbox) -> None:
    mock.faults.add({"type": "slow_body", "seconds": 0.02, "chunks": 4})
    whole = httpx.get(WASHER, headers=AUTH).content

    async def by_aiohttp() -> bytes:
        async with aiohttp.ClientSession() as session, session.get(WASHER, headers=AUTH) as response:
            return b"".join([piece async for piece in response.content.iter_chunked(7)])

    async def by_httpx() -> bytes:
        async with httpx.AsyncClient() as client, client.stream("GET", WASHER, headers=AUTH) as response:
            return b"".join([piece async for piece in response.aiter_raw()])

    with httpx.stream("GET", WASHER, headers=AUTH) as response:
        assert b"".join(response.iter_raw(7)) == whole
    assert b"".join(requests.get(WASHER, headers=AUTH, stream=True).iter_content(7)) == whole
    pieces = urllib3.request("GET", WASHER, headers=AUTH, preload_content=False).stream(7)
    assert b"".join(pieces) == whole
    assert asyncio.run(by_aiohttp()) == whole
    assert asyncio.run(by_httpx()) == whole


def test_a_client_can_make_many_calls(mock: Sandbox) -> None:
    async def many() -> list[int]:
        async with httpx.AsyncClient() as client, aiohttp.ClientSession() as session:
            calls = [client.get(WASHER, headers=AUTH) for _ in range(20)]
            statuses = [response.status_code for response in await asyncio.gather(*calls)]
            for _ in range(20):
                async with session.get(WASHER, headers=AUTH) as response:
                    statuses.append(response.status)
            return statuses

    assert asyncio.run(many()) == [200] * 40
    with requests.Session() as session, httpx.Client() as client:
        assert {session.get(WASHER, headers=AUTH).status_code for _ in range(20)} == {200}
        assert {client.get(WASHER, headers=AUTH).status_code for _ in range(20)} == {200}
    assert mock.requests.count() == 80


def test_calls_from_many_threads_are_all_answered(mock: Sandbox) -> None:
    sends: list[Callable[[Request], Response]] = [*LIBRARIES.values()] * 10
    with ThreadPoolExecutor(8) as pool:
        responses = pool.map(lambda send: send(Request("GET", WASHER, AUTH)), sends)
    assert {response.status for response in responses} == {200}
    assert mock.requests.count() == len(sends)


def test_interception_is_an_async_context_manager() -> None:
    async def inside() -> int:
        async with mockserver.intercept() as mock, httpx.AsyncClient() as client:
            await client.get(WASHER, headers=AUTH)
            return mock.requests.count(vendor="merchantpro")

    assert asyncio.run(inside()) == 1
