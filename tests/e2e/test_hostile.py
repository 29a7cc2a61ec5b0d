"""Hostile input over raw sockets: the server neither hangs nor crashes, and answers as the vendor would."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from threading import Event, current_thread
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from mockserver import app
from mockserver.server.http.timeouts import Timeouts
from mockserver.server.metrics import Metrics
from mockserver.server.pipeline.pipeline import Pipeline
from mockserver.server.router import Router
from mockserver.server.server import serving
from mockserver.vendor_api.violations import MAX_VIOLATIONS

TIMEOUT = 20  # seconds; only ends a test that hangs
SHORT_TIMEOUT = 0.3
NEVER = 3600.0
READ = b"GET /api/v2/inventory/id/10001"
WRITE = b"PATCH /api/v2/inventory/id/10001"
AUTH = b" HTTP/1.1\r\nHost: a\r\nAuthorization: Basic ZGVtbzpkZW1v\r\n"
NOT_HTTP = {400, None}


@pytest.fixture(scope="module")
def mock() -> app.Mock:
    return app.build()


@contextmanager
def server_with(mock: app.Mock, body_timeout: float = NEVER, header_timeout: float = NEVER) -> Iterator[str]:
    """Serve the mock with these timeouts, in seconds; yield its URL."""
    router = Router(mock.contracts, mock.control)
    front = Pipeline(router, mock.sandboxes, Metrics(lambda: 0))
    front.body_timeout = body_timeout
    with serving(front, timeouts=Timeouts(head=header_timeout, stop=1)) as url:
        yield url


def first_request_in_time(mock: app.Mock, send: Callable[[str], bytes]) -> bytes:
    """Return what `send` receives from a server with a short header timeout.

    On a slow machine, even the first request may exceed the timeout. If so, try again with a longer one.
    """
    for header_timeout in (SHORT_TIMEOUT, 1, 3, 9):
        with server_with(mock, header_timeout=header_timeout) as url:
            received = send(url)
        if received:
            break
    return received


def connect(url: str) -> socket.socket:
    address = urlsplit(url)
    return socket.create_connection((address.hostname, address.port), timeout=TIMEOUT)


def read_all(connection: socket.socket) -> bytes:
    """Return all bytes until the connection ends. Raise TimeoutError if it does not end."""
    received = b""
    try:
        while chunk := connection.recv(65536):
            received += chunk
    except ConnectionResetError:
        pass
    return received


def exchange(url: str, *parts: bytes) -> bytes:
    with connect(url) as connection:
        for part in parts:
            try:
                connection.sendall(part)
            except (BrokenPipeError, ConnectionResetError):
                break
        return read_all(connection)


def status_of(response: bytes) -> int | None:
    return int(response.split(b" ", 2)[1]) if response else None


def last(body: bytes = b"", *headers: bytes) -> bytes:
    """Return the rest of a request: the last headers, including `Connection: close`, and the body."""
    length = [b"Content-Length: %d" % len(body)] if body else []
    return b"\r\n".join([*headers, *length, b"Connection: close", b"", body])


JSON = b"Content-Type: application/json"
RAW_REQUESTS = {
    "invalid UTF-8 in the body": (WRITE + AUTH, last(b'{"stock": "\xff"}', JSON), {400}),
    "a gzip body": (WRITE + AUTH, last(b"\x1f\x8b\x08\x00abc", JSON, b"Content-Encoding: gzip"), {400}),
    "a UTF-16 body": (WRITE + AUTH, last('{"stock": 1}'.encode("utf-16"), JSON), {400}),
    "a BOM": (WRITE + AUTH, last(b'\xef\xbb\xbf{"stock": 1}', JSON), {400}),
    "a number with 5000 digits": (WRITE + AUTH, last(b'{"stock": ' + b"9" * 5000 + b"}", JSON), {400}),
    "a number too large for a float": (WRITE + AUTH, last(b'{"price_net": 1e400}', JSON), {400}),
    "an endless exponent": (WRITE + AUTH, last(b'{"price_net": 1e999999999999}', JSON), {400}),
    "NaN": (WRITE + AUTH, last(b'{"price_net": NaN}', JSON), {400}),
    "60000 open brackets": (WRITE + AUTH, last(b"[" * 60_000, JSON), {400}),
    "7000 open objects": (WRITE + AUTH, last(b'{"stock":' * 7_000, JSON), {400}),
    "a lone surrogate": (WRITE + AUTH, last(b'{"inventory_enabled": "\\ud800"}', JSON), {400}),
    "a raw NUL in the body": (WRITE + AUTH, last(b'{"stock": \x00}', JSON), {400}),
    "a malformed Content-Type": (WRITE + AUTH, last(b'{"stock": 1}', b"Content-Type: ;;=,"), {400}),
    "an empty Content-Type": (WRITE + AUTH, last(b'{"stock": 1}', b"Content-Type: "), {400}),
    "two Content-Types": (WRITE + AUTH, last(b'{"stock": 1}', JSON, b"Content-Type: text/plain"), {200}),
    "a charset after a space": (WRITE + AUTH, last(b'{"stock": 1}', JSON + b"; charset=utf-8"), {200}),
    "an unknown charset": (WRITE + AUTH, last(b'{"stock": 1}', JSON + b"; charset=nope"), {200}),
    "a malformed Content-Type on GET": (READ + AUTH, last(b"", b"Content-Type: ;;=,"), {200}),
    "a body on GET": (READ + AUTH, last(b'{"stock": 1}', JSON), {200}),
    "no body": (WRITE + AUTH, last(), {400}),
    "an empty chunked body": (
        WRITE + AUTH,
        last(b"", JSON, b"Transfer-Encoding: chunked") + b"0\r\n\r\n",
        {400},
    ),
    "a chunked body": (
        WRITE + AUTH,
        last(b"", JSON, b"Transfer-Encoding: chunked") + b'c\r\n{"stock": 3}\r\n0\r\n\r\n',
        {200},
    ),
    "a broken chunk": (
        WRITE + AUTH,
        last(b"", JSON, b"Transfer-Encoding: chunked") + b"zz\r\nabc\r\n",
        NOT_HTTP,
    ),
    "an encoded newline in the path": (b"GET /api/v2/inventory/sku/a%0Ab" + AUTH, last(), {404}),
    "an encoded NUL in the path": (b"GET /api/v2/inventory/sku/a%00b" + AUTH, last(), {404}),
    "bytes that are not UTF-8 in the path": (b"GET /api/v2/inventory/sku/%FF%FE" + AUTH, last(), {404}),
    "broken percent-encoding": (b"GET /api/v2/inventory/sku/%zz%" + AUTH, last(), {404}),
    "dot segments": (b"GET /api/v2/../../etc/passwd" + AUTH, last(), {404}),
    "a double slash": (b"GET //api/v2/inventory/id/10001" + AUTH, last(), {404}),
    "a trailing slash": (READ + b"/" + AUTH, last(), {404}),
    "an empty identifier": (b"GET /api/v2/inventory/id/" + AUTH, last(), {404}),
    "an absolute URL": (b"GET http://a/api/v2/inventory/id/10001" + AUTH, last(), {200}),
    "a query that is not UTF-8": (READ + b"?fields=%FF" + AUTH, last(), {400}),
    "2000 parameters": (READ + b"?" + b"&".join(b"p%d=1" % n for n in range(2000)) + AUTH, last(), {200}),
    "raw bytes above 127 in the path": (
        b"GET /api/v2/inventory/sku/\xc3\xa4" + AUTH,
        last(),
        NOT_HTTP | {404},
    ),
    "a URL of 70 KB": (READ + b"?" + b"a" * 70_000 + AUTH, last(), {414}),
    "a header of 100 KB": (READ + AUTH + b"X-Long: " + b"a" * 100_000 + b"\r\n", last(), {200}),
    "a header of 300 KB": (READ + AUTH + b"X-Long: " + b"a" * 300_000 + b"\r\n", last(), {431, None}),
    "two credentials": (READ + AUTH, last(b"", b"Authorization: Basic eDp5"), {200}),
    "a credential that is not ASCII": (
        READ + b" HTTP/1.1\r\nHost: a\r\nAuthorization: Basic \xff\xfe\r\n",
        last(),
        {401},
    ),
    "an unknown method": (b"BREW /api/v2/inventory/id/10001" + AUTH, last(), NOT_HTTP | {405}),
    "TRACE": (b"TRACE /api/v2/inventory/id/10001" + AUTH, last(), {405}),
    "an upgrade": (READ + AUTH, last(b"", b"Upgrade: websocket"), {200}),
    "no Host": (READ + b" HTTP/1.1\r\nAuthorization: Basic ZGVtbzpkZW1v\r\n", last(), {200, 400}),
    "a malformed Host": (READ + b" HTTP/1.1\r\nHost: [::\xff]:x@\r\n", last(), {400, 401}),
    "HTTP/1.0": (READ + b" HTTP/1.0\r\nAuthorization: Basic ZGVtbzpkZW1v\r\n", last(), {200}),
    "a bad Content-Length": (WRITE + AUTH, last(b"", b"Content-Length: many"), NOT_HTTP),
    "a negative Content-Length": (WRITE + AUTH, last(b"", b"Content-Length: -5"), NOT_HTTP),
    "both a length and chunks": (
        WRITE + AUTH,
        last(b"", b"Content-Length: 3", b"Transfer-Encoding: chunked") + b"0\r\n\r\n",
        NOT_HTTP,
    ),
    "OPTIONS *": (b"OPTIONS *" + AUTH, last(), {404}),
    "an encoded prefix": (b"GET /%6Earvar/zzz" + AUTH, last(), {404}),
    "not HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\r\n\r\n", NOT_HTTP),
    "a sandbox name with a slash": (READ + AUTH, last(b"", b"X-Mock-Sandbox: ../etc"), {400}),
    "a body of 3 MB": (WRITE + AUTH, last(b'"' + b"a" * 3_000_000 + b'"', JSON), {413}),
}


@pytest.mark.parametrize(("start", "end", "expected"), RAW_REQUESTS.values(), ids=RAW_REQUESTS)
def test_raw_request_gets_an_expected_status(
    base_url: str, start: bytes, end: bytes, expected: set[int | None]
) -> None:
    response = exchange(base_url, start + end)
    assert status_of(response) in expected, response[:500]
    if response and (body := response.partition(b"\r\n\r\n")[2]):
        json.loads(body)
    assert httpx.get(f"{base_url}/sabi/api/v1/products").status_code == 401, "the server is down"


@pytest.mark.parametrize(
    "half",
    [
        b'Content-Length: 40\r\n\r\n{"stock": 777}',
        b'Transfer-Encoding: chunked\r\n\r\ne\r\n{"stock": 777}\r\n',
    ],
    ids=["length", "chunks"],
)
def test_half_a_body_changes_nothing(base_url: str, sandbox: str, half: bytes) -> None:
    sandbox_header = b"X-Mock-Sandbox: %s\r\n" % sandbox.encode()
    with connect(base_url) as connection:
        connection.sendall(WRITE + AUTH + sandbox_header + JSON + b"\r\n" + half)
        connection.shutdown(socket.SHUT_WR)
        read_all(connection)
    assert b'"stock":10,' in exchange(base_url, READ + AUTH + sandbox_header + last())


@pytest.mark.parametrize(
    ("body", "violations"),
    [
        (b'{"warehouses": [' + b"1," * 999 + b"1]}", MAX_VIOLATIONS),
        (b'{"warehouses": [' + b"1," * 30_000 + b"1]}", 1),  # the spec allows 1000 items
        (json.dumps({f"f{number}": 1 for number in range(4_000)}).encode(), MAX_VIOLATIONS),
    ],
    ids=["items", "too many items", "fields"],
)
def test_violations_in_a_large_body_are_limited(base_url: str, body: bytes, violations: int) -> None:
    """Thousands of violations would block the event loop and make the response huge."""
    with connect(base_url) as slow:
        slow.sendall(WRITE + AUTH + last(body, JSON))
        assert httpx.get(f"{base_url}/nowhere", timeout=TIMEOUT).status_code == 404
        response = read_all(slow)
    assert len(response) < 10_000
    details = json.loads(response.partition(b"\r\n\r\n")[2])["error"]["details"]
    assert len(details) == violations


def test_unaccepted_credentials_create_no_sandboxes(base_url: str) -> None:
    for headers in ({}, {"Authorization": "Basic eDp5"}):
        for name in ("stranger-1", "stranger-2"):
            httpx.get(f"{base_url}/api/v2/inventory/id/1", headers={"X-Mock-Sandbox": name, **headers})
    names = [found["name"] for found in httpx.get(f"{base_url}/_mock/sandboxes").json()["sandboxes"]]
    assert not [name for name in names if name.startswith("stranger")]


def test_slow_search_does_not_block_other_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """The search waits until another request is answered, which it would block on the event loop."""
    mock = app.build(products=60_000, names=["highlevel"])
    operations = mock.contracts[0].vendor.operations
    list_inventory, started, other_answered = operations["get-list-inventory"], Event(), Event()
    answered_in_time: list[bool] = []

    def waiting_handler(call: Any) -> Any:
        if "search" in call.query:
            started.set()
            answered_in_time.append(other_answered.wait(TIMEOUT))
        return list_inventory(call)

    monkeypatch.setitem(operations, "get-list-inventory", waiting_handler)
    headers = {"Authorization": "Bearer demo", "Version": "v3"}
    with (
        serving(mock.application) as url,
        httpx.Client(base_url=url, headers=headers, timeout=3 * TIMEOUT) as client,
        ThreadPoolExecutor(1) as pool,
    ):
        search = pool.submit(client.get, "/products/inventory?altId=x&search=zzz")
        assert started.wait(TIMEOUT)
        page = client.get("/products/inventory?altId=x&limit=1")
        other_answered.set()
        assert search.result().is_success
    assert page.json()["total"] == {"total": 60_000}
    assert answered_in_time == [True]


def test_search_for_many_words_does_not_run_on_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    mock, words, threads = app.build(names=["sabi"]), ",".join(f"q{n}" for n in range(1000)), []
    operations = mock.contracts[0].vendor.operations
    retrieve_products = operations["retrieve-products"]

    def recording_handler(call: Any) -> Any:
        threads.append(current_thread().name)
        return retrieve_products(call)

    monkeypatch.setitem(operations, "retrieve-products", recording_handler)
    headers = mock.contracts[0].vendor.auth_headers("demo")
    with serving(mock.application) as url:
        for search in ("apple", f"apple,{words}"):
            assert httpx.get(f"{url}/api/v1/products?productSearch={search}", headers=headers).is_success
    assert [name.startswith("mockserver handler") for name in threads] == [False, True]


def test_missing_body_gets_the_vendors_408(mock: app.Mock) -> None:
    with server_with(mock, body_timeout=SHORT_TIMEOUT) as url:
        response = exchange(url, WRITE + AUTH + b"Content-Length: 20\r\n\r\n{")
    assert status_of(response) == 408
    assert json.loads(response.partition(b"\r\n\r\n")[2])["error"]["name"] == "request_timeout"


def test_connection_is_closed_if_the_headers_never_end(mock: app.Mock) -> None:
    with server_with(mock, header_timeout=SHORT_TIMEOUT) as url:
        assert exchange(url, READ + b" HTTP/1.1\r\nHost: a\r\nX-Slow: ") == b""
        assert exchange(url, b"") == b""


@pytest.mark.parametrize("extra", [b"\r\n", b"x"])
def test_extra_bytes_after_a_request_do_not_keep_the_connection_open(mock: app.Mock, extra: bytes) -> None:
    first = READ + AUTH + b"Content-Length: 500\r\n\r\n" if extra == b"x" else READ + AUTH + b"\r\n"

    def send(url: str) -> bytes:
        with connect(url) as connection:
            try:
                connection.sendall(first)
                response = connection.recv(65536)
            except ConnectionError:
                return b""
            if response:
                connection.sendall(extra)
                assert read_all(connection) == b""
            return response

    assert first_request_in_time(mock, send).startswith(b"HTTP/1.1 200")


def test_connection_is_closed_if_the_second_request_never_ends(mock: app.Mock) -> None:
    response = first_request_in_time(mock, lambda url: exchange(url, READ + AUTH + b"\r\n" + READ))
    assert response.count(b"HTTP/1.1 200") == 1


def test_stalled_clients_do_not_block_others(mock: app.Mock) -> None:
    with server_with(mock, body_timeout=NEVER) as url, ExitStack() as stack:
        for number in range(24):
            stalled = stack.enter_context(connect(url))
            stalled.sendall((WRITE, READ)[number % 2] + AUTH + b"Content-Length: 99\r\n\r\n")
        response = httpx.get(f"{url}/api/v2/inventory/id/10001", auth=("demo", ""), timeout=TIMEOUT)
        assert response.status_code == 200


def test_pipelined_requests_are_answered_in_order(base_url: str) -> None:
    first, second = READ + AUTH + b"\r\n", b"GET /api/v2/inventory/id/10003" + AUTH + last()
    responses = exchange(base_url, first + second)
    assert responses.index(b'"id":10001') < responses.index(b'"id":10003')


def test_size_limit_applies_to_each_pipelined_head(base_url: str) -> None:
    head, count = b"HEAD /api/v2/inventory/id/10001" + AUTH + b"X-Long: " + b"a" * 1000 + b"\r\n\r\n", 600
    responses = exchange(base_url, head * count + READ + AUTH + last())
    assert b"HTTP/1.1 431 " not in responses
    assert responses.count(b"HTTP/1.1 ") == count + 1


def test_late_body_of_an_answered_request_is_not_parsed_as_a_head(base_url: str) -> None:
    with connect(base_url) as connection:
        connection.sendall(READ + AUTH + b"Content-Length: 600000\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        connection.sendall(b"a" * 600_000 + READ + AUTH + last())
        assert read_all(connection).startswith(b"HTTP/1.1 200")


def test_request_before_garbage_is_answered(base_url: str) -> None:
    responses = exchange(base_url, READ + AUTH + b"\r\n" + b"garbage\0\r\n\r\n")
    assert responses.index(b"HTTP/1.1 200 ") < responses.index(b"HTTP/1.1 400 ")


def test_each_of_many_concurrent_clients_gets_its_own_response(base_url: str) -> None:
    wrong: list[str] = []

    def read(number: int) -> None:
        with httpx.Client(base_url=base_url, headers={"Authorization": "Basic ZGVtbzpkZW1v"}) as client:
            for _ in range(20):
                body = client.get(f"/api/v2/inventory/id/{10004 + number}").json()
                if body["id"] != 10004 + number:
                    wrong.append(body)

    threads = [threading.Thread(target=read, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
