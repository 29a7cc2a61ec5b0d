"""Interception: every library gets, in this process, what it gets over the wire."""

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
from mockserver.contract.openapi.spec import Spec
from mockserver.server.server import serving
from tests.http_libraries import LIBRARIES, HttpRequest, HttpResponse
from tests.vendors.test_exchanges import EXCHANGES

HOST = "https://shop.demo.ro"
WASHER = f"{HOST}/api/v2/inventory/id/10001"
AUTH = {"Authorization": "Basic " + base64.b64encode(b"demo:demo").decode()}
NOON = "2026-01-02T12:00:00Z"

each_library = pytest.mark.parametrize("library", LIBRARIES)


class Twins:
    """The same question, asked in this process and over a socket."""

    def __init__(self, here: Sandbox, there: Sandbox, url: str) -> None:
        self.here, self.there, self._url = here, there, url

    def begin(self, *faults: dict[str, Any]) -> None:
        """The same world on both sides."""
        for side in (self.here, self.there):
            side.requests.clear()
            side.reset()
            side.clock.freeze(NOON)
            side.faults.set(*faults)

    def ask(self, library: str, ask: HttpRequest) -> tuple[Any, Any]:
        """The answer, or the kind of error, on each side."""
        return outcome(library, ask), outcome(library, self.wired(ask))

    def wired(self, ask: HttpRequest) -> HttpRequest:
        parts = urlsplit(ask.url)
        host = {} if "Host" in ask.headers else {"Host": parts.netloc}
        return replace(
            ask, url=self._url + ask.url.removeprefix(f"{parts.scheme}://{parts.netloc}"),
            headers={**host, **ask.headers},
        )  # fmt: skip


def outcome(library: str, ask: HttpRequest) -> HttpResponse | list[type]:
    """The answer, or what was raised and what caused that, as far as it is the library's own."""
    try:
        return LIBRARIES[library](ask)
    except Exception as error:
        below = ("builtins", "anyio", "_queue")
        return [type(error), *(kind for kind in causes(error) if not kind.__module__.startswith(below))]


def causes(error: BaseException) -> Iterator[type]:
    while error := error.__cause__ or (None if error.__suppress_context__ else error.__context__):
        yield type(error)


@pytest.fixture(scope="module")
def twins() -> Iterator[Twins]:
    with (
        serving(app.build().application) as url,
        Client(url) as server,
        mockserver.intercept(others="pass") as here,
    ):
        yield Twins(here, server.sandbox(), url)


@pytest.fixture
def mock() -> Iterator[Sandbox]:
    with mockserver.intercept() as mock:
        yield mock


@each_library
@pytest.mark.parametrize("vendor", app.vendor_names())
def test_golden_exchanges_are_the_same_to_the_byte(twins: Twins, library: str, vendor: str) -> None:
    exchanges = {name: exchange for (of, name), exchange in EXCHANGES.items() if of == vendor}
    for name, exchange in exchanges.items():
        twins.begin()
        for step in (*(exchanges[earlier] for earlier in exchange.get("given", [])), exchange):
            method, target = step["request"].split(" ", 1)
            body = step["body"].encode() if "body" in step else None
            ask = HttpRequest(method, Spec(vendor).url + target, step.get("headers", {}), body)
            here, there = twins.ask(library, ask)
            assert here == there, name
        assert here.status == exchange["status"], name


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
def test_the_server_sees_the_same_request(twins: Twins, library: str, path: str) -> None:
    twins.begin()
    ask = HttpRequest("GET", HOST + path, {**AUTH, "X-Twice": "one", "Host": "shop.demo.ro"})
    here, there = twins.ask(library, ask)
    assert here == there
    (seen,), (wired,) = twins.here.requests, twins.there.requests
    assert (seen.method, seen.target, seen.headers) == (wired.method, wired.target, wired.headers)


@each_library
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "POST"])
def test_methods_are_answered_the_same(twins: Twins, library: str, method: str) -> None:
    twins.begin()
    here, there = twins.ask(library, HttpRequest(method, WASHER, AUTH))
    assert here == there
    assert isinstance(here, HttpResponse)
    assert bool(here.body) == (method not in ("HEAD", "OPTIONS"))


BODIES = {
    "whole": b'{"stock": {"adjust_by": 5}}',
    "in pieces": [b'{"stock": {"adj', b'ust_by": ', b"5}}"],
    "invalid": b'{"stock": "many"}',
    "no JSON": b"{",
    "empty": b"",
    "large": b'{"sku": "' + b"x" * 900_000 + b'"}',
    "too large": b'{"sku": "' + b"x" * 1_100_000 + b'"}',
}


@each_library
@pytest.mark.parametrize("body", BODIES)
def test_a_body_arrives_the_same(twins: Twins, library: str, body: str) -> None:
    twins.begin()
    ask = HttpRequest("PATCH", WASHER, {**AUTH, "Content-Type": "application/json"}, BODIES[body])
    here, there = twins.ask(library, ask)
    assert here == there
    (seen,), (wired,) = twins.here.requests, twins.there.requests
    assert (seen.body, seen.headers.get("transfer-encoding")) == (
        wired.body,
        wired.headers.get("transfer-encoding"),
    )


REFUSALS = {
    "no credential": {},
    "unknown credential": {"Authorization": "Basic bm9ib2R5Og=="},
    "denied credential": {"Authorization": "Basic Zm9yYmlkZGVuOg=="},
    "bad sandbox name": {**AUTH, "X-Mock-Sandbox": "a/b"},
    "of another origin": {**AUTH, "Origin": "https://page.example"},
}


@each_library
@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_refusal_is_the_same(twins: Twins, library: str, refusal: str) -> None:
    twins.begin()
    here, there = twins.ask(library, HttpRequest("GET", WASHER, REFUSALS[refusal]))
    assert here == there


# What each library raises over the wire, so that the twins cannot be wrong together.
RAISED = {
    "empty_reply": ["ProtocolError", "ConnectionError", "RemoteProtocolError", "ServerDisconnectedError"],
    "reset": ["ProtocolError", "ConnectionError", "ReadError", "ClientOSError"],
    "truncated_body": ["ProtocolError", "ChunkedEncodingError", "RemoteProtocolError", "ClientPayloadError"],
    "no_answer": ["ReadTimeoutError", "ReadTimeout", "ReadTimeout", "TimeoutError"],
    "committed_reply_lost": [
        "ProtocolError", "ConnectionError", "RemoteProtocolError", "ServerDisconnectedError",
    ],
}  # fmt: skip
COLUMN = {"urllib3": 0, "requests": 1, "httpx": 2, "httpx async": 2, "aiohttp": 3}


@each_library
@pytest.mark.parametrize("fault", RAISED)
def test_a_broken_connection_raises_what_it_does_over_the_wire(
    twins: Twins, library: str, fault: str
) -> None:
    twins.begin({"fault": fault})
    headers = {**AUTH, "Content-Type": "application/json"}
    timeout = 0.3 if fault == "no_answer" else 20
    here, there = twins.ask(library, HttpRequest("PATCH", WASHER, headers, b'{"stock": 3}', timeout))
    assert here == there
    assert here[0].__name__ == RAISED[fault][COLUMN[library]]


@each_library
def test_an_answer_that_comes_too_late_is_a_timeout(twins: Twins, library: str) -> None:
    twins.begin({"delay": 30})
    here, there = twins.ask(library, HttpRequest("GET", WASHER, AUTH, timeout=0.3))
    assert here == there
    assert "Timeout" in here[0].__name__


@each_library
def test_a_body_that_trickles_is_a_timeout_or_comes_whole(twins: Twins, library: str) -> None:
    twins.begin({"fault": {"type": "slow_body", "seconds": 30, "chunks": 2}})
    here, there = twins.ask(library, HttpRequest("GET", WASHER, AUTH, timeout=0.3))
    assert here == there
    assert "Error" in here[0].__name__ or "Timeout" in here[0].__name__
    twins.begin({"fault": {"type": "slow_body", "seconds": 0.02, "chunks": 4}})
    here, there = twins.ask(library, HttpRequest("GET", WASHER, AUTH))
    assert here == there
    assert len(here.body) == 132


@each_library
@pytest.mark.parametrize("fault", [503, "malformed_body", {"type": "problem", "kind": "not_found"}])
def test_a_bad_answer_is_the_same(twins: Twins, library: str, fault: Any) -> None:
    twins.begin({"fault": fault})
    here, there = twins.ask(library, HttpRequest("GET", WASHER, AUTH))
    assert here == there
    assert isinstance(here, HttpResponse)


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
def test_any_port_any_scheme_any_spelling_of_the_host(mock: Sandbox, library: str, url: str) -> None:
    assert LIBRARIES[library](HttpRequest("GET", url, AUTH)).status == 200
    mock.assert_called(vendor="merchantpro", times=1)


@each_library
@pytest.mark.parametrize("vendor", app.vendor_names())
def test_every_vendor_answers_at_its_own_host(mock: Sandbox, library: str, vendor: str) -> None:
    access = mock.vendors[vendor]
    sample = app.load_vendor(vendor).sample
    assert (
        LIBRARIES[library](HttpRequest("GET", access.base_url + sample, dict(access.headers))).status == 200
    )
    assert [call.vendor for call in mock.requests] == [vendor]


@each_library
def test_what_was_written_is_read(mock: Sandbox, library: str) -> None:
    send = LIBRARIES[library]
    headers = {**AUTH, "Content-Type": "application/json"}
    assert send(HttpRequest("PATCH", WASHER, headers, b'{"stock": 7}')).status == 200
    assert b'"stock":7' in send(HttpRequest("GET", WASHER, AUTH)).body
    assert mock.records("merchantpro", "inventory").get("10001")["stock"] == 7


@each_library
def test_each_interception_is_a_world_of_its_own(library: str) -> None:
    send = LIBRARIES[library]
    own = {"Authorization": "Basic " + base64.b64encode(b"sbx_mine:").decode()}
    for headers in (AUTH, own):
        for _ in range(2):
            with mockserver.intercept() as mock:
                assert b'"stock":10,' in send(HttpRequest("GET", WASHER, headers)).body
                assert [call.status for call in mock.requests] == [200] * (headers is AUTH)
                change = HttpRequest("PATCH", WASHER, headers, b'{"stock": 7}')
                send(replace(change, headers={**headers, "Content-Type": "application/json"}))
                assert b'"stock":7' in send(HttpRequest("GET", WASHER, headers)).body


def test_the_parameters_make_the_world() -> None:
    with mockserver.intercept(7, 3, ["sabi"], limits=True) as mock:
        assert (mock.seed, mock.products, mock.name) == (7, 3, "demo")
        assert list(mock.vendors) == ["sabi"]
    door = mockserver.intercept(vendors="merchantpro", limits=True)
    with door as mock:
        statuses = {httpx.get(WASHER, headers=AUTH).status_code for _ in range(12)}
        assert statuses == {200, 429}
        assert door.client.create("second", seed=3).seed == 3


@pytest.mark.parametrize(
    ("asked", "error", "words"),
    [
        ({"vendors": ["acme"]}, app.UnknownVendor, "unknown vendor acme"),
        ({"hosts": {"a.test": "acme"}}, app.UnknownVendor, "unknown vendor acme"),
        ({"vendors": ["sabi"], "hosts": {"a.test": "narvar"}}, app.UnknownVendor, "unknown vendor narvar"),
        ({"hosts": {"https://a.test": "sabi"}}, ValueError, "is no host name"),
        ({"hosts": {"a.test:80": "sabi"}}, ValueError, "is no host name"),
        ({"hosts": {"": "sabi"}}, ValueError, "is no host name"),
        ({"others": "allow"}, ValueError, "others can be refuse or pass"),
        ({"products": 0}, ValueError, "a catalogue has"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(asked: dict[str, Any], error: type, words: str) -> None:
    with pytest.raises(error, match=words) as raised, mockserver.intercept(**asked):
        pytest.fail("it was entered")
    assert "\n" not in str(raised.value)


def test_answers_can_be_streamed(mock: Sandbox) -> None:
    mock.faults.add({"type": "slow_body", "seconds": 0.02, "chunks": 4})
    whole = httpx.get(WASHER, headers=AUTH).content

    async def by_aiohttp() -> bytes:
        async with aiohttp.ClientSession() as session, session.get(WASHER, headers=AUTH) as response:
            return b"".join([piece async for piece in response.content.iter_chunked(7)])

    async def by_httpx() -> bytes:
        async with httpx.AsyncClient() as one, one.stream("GET", WASHER, headers=AUTH) as response:
            return b"".join([piece async for piece in response.aiter_raw()])

    with httpx.stream("GET", WASHER, headers=AUTH) as response:
        assert b"".join(response.iter_raw(7)) == whole
    assert b"".join(requests.get(WASHER, headers=AUTH, stream=True).iter_content(7)) == whole
    pieces = urllib3.request("GET", WASHER, headers=AUTH, preload_content=False).stream(7)
    assert b"".join(pieces) == whole
    assert asyncio.run(by_aiohttp()) == whole
    assert asyncio.run(by_httpx()) == whole


def test_a_client_can_be_kept_for_many_calls(mock: Sandbox) -> None:
    async def many() -> list[int]:
        async with httpx.AsyncClient() as one, aiohttp.ClientSession() as session:
            calls = [one.get(WASHER, headers=AUTH) for _ in range(20)]
            statuses = [response.status_code for response in await asyncio.gather(*calls)]
            for _ in range(20):
                async with session.get(WASHER, headers=AUTH) as response:
                    statuses.append(response.status)
            return statuses

    assert asyncio.run(many()) == [200] * 40
    with requests.Session() as session, httpx.Client() as one:
        assert {session.get(WASHER, headers=AUTH).status_code for _ in range(20)} == {200}
        assert {one.get(WASHER, headers=AUTH).status_code for _ in range(20)} == {200}
    assert mock.requests.count() == 80


def test_calls_of_many_threads_are_all_answered(mock: Sandbox) -> None:
    sends: list[Callable[[HttpRequest], HttpResponse]] = [*LIBRARIES.values()] * 10
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda send: send(HttpRequest("GET", WASHER, AUTH)), sends)
    assert {answer.status for answer in answers} == {200}
    assert mock.requests.count() == 50


def test_it_works_as_an_async_context_manager() -> None:
    async def inside() -> int:
        async with mockserver.intercept() as mock, httpx.AsyncClient() as one:
            await one.get(WASHER, headers=AUTH)
            return mock.requests.count(vendor="merchantpro")

    assert asyncio.run(inside()) == 1
