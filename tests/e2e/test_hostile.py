"""Hostile input over raw sockets: nothing hangs, nothing fails in a wrong voice, the server stays up."""

import json
import socket
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from mockserver import app
from mockserver.server.http.timeouts import Timeouts
from mockserver.server.metrics import Metrics
from mockserver.server.pipeline import BODY_TIMEOUT, Pipeline
from mockserver.server.router import Router
from mockserver.server.server import serving

BRIEF, TIMEOUT = 0.3, 20
READ = b"GET /api/v2/inventory/id/10001"
WRITE = b"PATCH /api/v2/inventory/id/10001"
AUTH = b" HTTP/1.1\r\nHost: a\r\nAuthorization: Basic ZGVtbzpkZW1v\r\n"
BAD_REQUEST, NOT_HTTP = {400}, {400, None}


@pytest.fixture(scope="module")
def hasty() -> Iterator[str]:
    """A server that waits for slow clients only a moment."""
    mock = app.build()
    front = Pipeline(
        Router(mock.contracts, mock.control), mock.sandboxes, Metrics(lambda: 0), body_timeout=BRIEF
    )
    with serving(front, timeouts=Timeouts(head=BRIEF, stop=1)) as url:
        yield url


def connect(url: str) -> socket.socket:
    address = urlsplit(url)
    return socket.create_connection((address.hostname, address.port), timeout=TIMEOUT)


def read_all(connection: socket.socket) -> bytes:
    """Everything until the server hangs up; a time-out is a failed test."""
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


def status_of(answer: bytes) -> int | None:
    return int(answer.split(b" ", 2)[1]) if answer else None


def last(body: bytes = b"", *headers: bytes) -> bytes:
    """Headers that end the connection after this answer, and a body."""
    length = [b"Content-Length: %d" % len(body)] if body else []
    return b"\r\n".join([*headers, *length, b"Connection: close", b"", body])


JSON = b"Content-Type: application/json"
RAW = {
    "invalid UTF-8 in the body": (WRITE + AUTH, last(b'{"stock": "\xff"}', JSON), {400}),
    "a gzip body": (WRITE + AUTH, last(b"\x1f\x8b\x08\x00abc", JSON, b"Content-Encoding: gzip"), {400}),
    "a UTF-16 body": (WRITE + AUTH, last('{"stock": 1}'.encode("utf-16"), JSON), {400}),
    "a BOM": (WRITE + AUTH, last(b'\xef\xbb\xbf{"stock": 1}', JSON), {400}),
    "a number of 5000 digits": (WRITE + AUTH, last(b'{"stock": ' + b"9" * 5000 + b"}", JSON), {400}),
    "a number too large for a float": (WRITE + AUTH, last(b'{"price_net": 1e400}', JSON), {400}),
    "an exponent without end": (WRITE + AUTH, last(b'{"price_net": 1e999999999999}', JSON), {400}),
    "NaN": (WRITE + AUTH, last(b'{"price_net": NaN}', JSON), {400}),
    "100000 open brackets": (WRITE + AUTH, last(b"[" * 100_000, JSON), {400}),
    "100000 open objects": (WRITE + AUTH, last(b'{"stock":' * 100_000, JSON), {400}),
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
    "dots that climb": (b"GET /api/v2/../../etc/passwd" + AUTH, last(), {404}),
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
    "a credential of strange bytes": (
        READ + b" HTTP/1.1\r\nHost: a\r\nAuthorization: Basic \xff\xfe\r\n",
        last(),
        {401},
    ),
    "a method nobody knows": (b"BREW /api/v2/inventory/id/10001" + AUTH, last(), NOT_HTTP | {405}),
    "TRACE": (b"TRACE /api/v2/inventory/id/10001" + AUTH, last(), {405}),
    "an upgrade": (READ + AUTH, last(b"", b"Upgrade: websocket"), {200}),
    "no Host": (READ + b" HTTP/1.1\r\nAuthorization: Basic ZGVtbzpkZW1v\r\n", last(), {200, 400}),
    "a strange Host": (READ + b" HTTP/1.1\r\nHost: [::\xff]:x@\r\n", last(), {400, 401}),
    "HTTP/1.0": (READ + b" HTTP/1.0\r\nAuthorization: Basic ZGVtbzpkZW1v\r\n", last(), {200}),
    "a bad Content-Length": (WRITE + AUTH, last(b"", b"Content-Length: many"), NOT_HTTP),
    "a negative Content-Length": (WRITE + AUTH, last(b"", b"Content-Length: -5"), NOT_HTTP),
    "length and chunks at once": (
        WRITE + AUTH,
        last(b"", b"Content-Length: 3", b"Transfer-Encoding: chunked") + b"0\r\n\r\n",
        NOT_HTTP,
    ),
    "OPTIONS of everything": (b"OPTIONS *" + AUTH, last(), {404}),
    "an encoded prefix": (b"GET /%6Earvar/zzz" + AUTH, last(), {404}),
    "no HTTP at all": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\r\n\r\n", NOT_HTTP),
    "a sandbox name with a slash": (READ + AUTH, last(b"", b"X-Mock-Sandbox: ../etc"), {400}),
    "a body of 3 MB": (WRITE + AUTH, last(b'"' + b"a" * 3_000_000 + b'"', JSON), {413}),
}


@pytest.mark.parametrize(("start", "rest", "expected"), RAW.values(), ids=RAW)
def test_whatever_comes_gets_an_answer(
    base_url: str, start: bytes, rest: bytes, expected: set[int | None]
) -> None:
    answer = exchange(base_url, start + rest)
    assert status_of(answer) in expected, answer[:500]
    if answer and (body := answer.partition(b"\r\n\r\n")[2]):
        json.loads(body)
    assert httpx.get(f"{base_url}/sabi/api/v1/products").status_code == 401, "the server is gone"


@pytest.mark.parametrize(
    "cut",
    [
        b'Content-Length: 40\r\n\r\n{"stock": 777}',
        b'Transfer-Encoding: chunked\r\n\r\ne\r\n{"stock": 777}\r\n',
    ],
    ids=["length", "chunks"],
)
def test_half_a_change_is_none(base_url: str, sandbox: str, cut: bytes) -> None:
    mine = b"X-Mock-Sandbox: %s\r\n" % sandbox.encode()
    with connect(base_url) as connection:
        connection.sendall(WRITE + AUTH + mine + JSON + b"\r\n" + cut)
        connection.shutdown(socket.SHUT_WR)
        read_all(connection)
    answer = exchange(base_url, READ + AUTH + mine + last())
    assert b'"stock":10,' in answer


def test_a_wrong_body_does_not_hold_up_the_others(base_url: str) -> None:
    body = b'{"warehouses": [' + b"1," * 500_000 + b"1]}"
    with connect(base_url) as slow:
        slow.sendall(WRITE + AUTH + last(body, JSON))
        assert httpx.get(f"{base_url}/nowhere", timeout=5).status_code == 404
        assert len(read_all(slow)) < 10_000


def test_strangers_make_no_sandboxes(base_url: str) -> None:
    for headers in ({}, {"Authorization": "Basic eDp5"}):
        for name in ("stranger-1", "stranger-2"):
            httpx.get(f"{base_url}/api/v2/inventory/id/1", headers={"X-Mock-Sandbox": name, **headers})
    names = [one["name"] for one in httpx.get(f"{base_url}/_mock/sandboxes").json()["sandboxes"]]
    assert not [name for name in names if name.startswith("stranger")]


def test_a_long_search_holds_up_nobody() -> None:
    version = {"Authorization": "Bearer demo", "Version": "v3"}
    with serving(app.build(products=60_000, names=["highlevel"]).application) as url:
        search = threading.Thread(
            target=httpx.get,
            args=(f"{url}/products/inventory?altId=x&search=zzz",),
            kwargs={"headers": version, "timeout": 60},
        )
        search.start()
        page = httpx.get(f"{url}/products/inventory?altId=x&limit=1", headers=version, timeout=5)
        search.join()
    assert page.json()["total"] == {"total": 60_000}


def test_a_long_list_of_words_is_not_searched_on_the_loop() -> None:
    mock, words = app.build(names=["sabi"]), ",".join(f"q{n}" for n in range(1000))
    headers = {**mock.contracts[0].vendor.auth_headers("demo"), "X-Mock-Sandbox": "words"}
    with serving(mock.application) as url:
        for search in ("apple", f"apple,{words}"):
            assert httpx.get(f"{url}/api/v1/products?productSearch={search}", headers=headers).is_success
    assert len([*mock.sandboxes.get_or_create("words").journal]) == 2


def test_a_body_that_never_comes_is_a_408_in_the_vendors_voice(hasty: str) -> None:
    answer = exchange(hasty, WRITE + AUTH + b"Content-Length: 20\r\n\r\n{")
    assert status_of(answer) == 408
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["name"] == "request_timeout"


def test_headers_that_never_end_are_hung_up_on(hasty: str) -> None:
    assert exchange(hasty, READ + b" HTTP/1.1\r\nHost: a\r\nX-Slow: ") == b""
    assert exchange(hasty, b"") == b""


@pytest.mark.parametrize("stray", [b"\r\n", b"x"])
def test_bytes_that_begin_no_request_keep_no_connection(hasty: str, stray: bytes) -> None:
    unread = READ + AUTH + b"Content-Length: 500\r\n\r\n" if stray == b"x" else READ + AUTH + b"\r\n"
    with connect(hasty) as connection:
        connection.sendall(unread)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        connection.sendall(stray)
        assert read_all(connection) == b""


def test_a_second_request_that_never_ends_is_hung_up_on(hasty: str) -> None:
    answer = exchange(hasty, READ + AUTH + b"\r\n" + READ)
    assert answer.count(b"HTTP/1.1 200") == 1


def test_stalled_clients_hold_up_nobody(base_url: str) -> None:
    stalled = [connect(base_url) for _ in range(24)]
    for number, connection in enumerate(stalled):
        connection.sendall((WRITE, READ)[number % 2] + AUTH + b"Content-Length: 99\r\n\r\n")
    response = httpx.get(f"{base_url}/api/v2/inventory/id/10001", auth=("demo", ""), timeout=BODY_TIMEOUT / 2)
    assert response.status_code == 200
    for connection in stalled:
        connection.close()


def test_pipelined_requests_are_answered_in_order(base_url: str) -> None:
    first, second = READ + AUTH + b"\r\n", b"GET /api/v2/inventory/id/10003" + AUTH + last()
    answer = exchange(base_url, first + second)
    assert answer.index(b'"id":10001') < answer.index(b'"id":10003')


def test_pipelined_heads_are_counted_one_by_one(base_url: str) -> None:
    head, count = b"HEAD /api/v2/inventory/id/10001" + AUTH + b"X-Long: " + b"a" * 1000 + b"\r\n\r\n", 600
    answer = exchange(base_url, head * count + READ + AUTH + last())
    assert b"HTTP/1.1 431 " not in answer
    assert answer.count(b"HTTP/1.1 ") == count + 1


def test_a_body_that_nobody_waited_for_is_no_head(base_url: str) -> None:
    with connect(base_url) as connection:
        connection.sendall(READ + AUTH + b"Content-Length: 600000\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        connection.sendall(b"a" * 600_000 + READ + AUTH + last())
        assert read_all(connection).startswith(b"HTTP/1.1 200")


def test_what_comes_before_garbage_is_answered(base_url: str) -> None:
    answer = exchange(base_url, READ + AUTH + b"\r\n" + b"garbage\0\r\n\r\n")
    assert answer.index(b"HTTP/1.1 200 ") < answer.index(b"HTTP/1.1 400 ")


def test_many_clients_at_once_all_get_their_own_answer(base_url: str) -> None:
    wrong: list[str] = []

    def ask(number: int) -> None:
        with httpx.Client(base_url=base_url, headers={"Authorization": "Basic ZGVtbzpkZW1v"}) as client:
            for _ in range(20):
                body = client.get(f"/api/v2/inventory/id/{10004 + number}").json()
                if body["id"] != 10004 + number:
                    wrong.append(body)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
