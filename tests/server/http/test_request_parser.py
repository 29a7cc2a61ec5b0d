"""A request that asks for an upgrade is read like any other, and so are the requests after it."""

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from mockserver import app
from mockserver.contract.response import Response
from mockserver.server.server import serving
from mockserver.server.tls.authority import Authority
from mockserver.vendor_api.raw_request import RawRequest
from tests.e2e.test_hostile import connect, read_all
from tests.server.http.test_protocol import answers

UPGRADES = {
    "h2c, as Java asks": b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAE\r\n",
    "a WebSocket": b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhl\r\n",
    "several": b"Connection: keep-alive, upgrade\r\nUpgrade: h2c, websocket\r\nUpgrade: x/1\r\n",
    "TLS": b"Connection: Upgrade\r\nUpgrade: TLS/1.3\r\n",
    "nothing known": b"connection: UPGRADE\r\nupgrade: \r\n",
    "Upgrade alone": b"Upgrade: h2c\r\n",
}
BODIES = {
    "none": b"\r\n",
    "length": b"Content-Length: 5\r\n\r\nhello",
    "chunks": b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
}
PLAIN = b"PUT /b HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok"
LAST = b"GET /c HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
ITEM = b"/api/v2/inventory/id/10001 HTTP/1.1\r\nHost: a\r\nAuthorization: Basic %s\r\n"
pytestmark = pytest.mark.finding("A1")


class Echo:
    """An application that answers with the path and the body of each request."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = scope["raw_path"], scope["type"] == "http"
        while more:
            message = await receive()
            body, more = body + b" " + message["body"], message["more_body"]
        headers = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


class QuickEcho(Echo):
    """The same for the fast path. It says that it answered."""

    def start(self, raw: RawRequest) -> Response:
        return Response(200, (), b"%b %b quick" % (raw.path.encode(), raw.body or b""))


def bodies(received: bytes) -> list[bytes]:
    each = received.split(b"HTTP/1.1 ")[1:]
    assert all(one.startswith(b"200 ") for one in each), received
    return [one.partition(b"\r\n\r\n")[2] for one in each]


def pieces(data: bytes, size: int) -> tuple[bytes, ...]:
    return tuple(data[start : start + size] for start in range(0, len(data), size))


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("upgrade", UPGRADES)
def test_body_and_next_requests_are_read_as_ever(upgrade: str, body: str, size: int) -> None:
    asking = b"POST /a HTTP/1.1\r\nHost: a\r\n" + UPGRADES[upgrade] + BODIES[body]
    received = answers(Echo(), pieces(asking + asking + PLAIN + asking + LAST, size))
    echoed = [found.replace(b" ", b"") for found in bodies(received)]
    asked = b"/a" if body == "none" else b"/ahello"
    assert echoed == [asked, asked, b"/bok", asked, b"/c"]


@pytest.mark.parametrize("body", ["none", "length"])
@pytest.mark.parametrize("upgrade", UPGRADES)
def test_plain_request_with_an_upgrade_takes_the_fast_path(upgrade: str, body: str) -> None:
    asking = b"POST /a HTTP/1.1\r\nHost: a\r\n" + UPGRADES[upgrade] + BODIES[body]
    received = answers(QuickEcho(), (asking,), (asking,), (LAST,))
    sent = BODIES[body].partition(b"\r\n\r\n")[2]
    assert bodies(received) == [b"/a %b quick" % sent] * 2 + [b"/c "]


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"),
        (b"Content-Length: 5\r\nContent-Length: 6\r\n", b"hello"),
        (b"Transfer-Encoding: gzip\r\n", b"hello"),
        (b"Transfer-Encoding: chunked\r\n", b"zz\r\n"),
    ],
)
def test_upgrade_does_not_loosen_the_rules_for_a_body(headers: bytes, body: bytes) -> None:
    asking = b"POST /a HTTP/1.1\r\nHost: a\r\n" + UPGRADES["TLS"] + headers + b"\r\n" + body
    assert answers(Echo(), (asking + LAST,)).count(b"HTTP/1.1 400 ") == 1


class HeaderEcho(Echo):
    """An application that answers with the names and values of all headers that it has after the body."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        while scope["type"] == "http" and (await receive())["more_body"]:
            pass
        body = b" ".join(b"%b=%b" % line for line in scope["headers"])
        headers = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@pytest.mark.parametrize("upgrade", [b"", *UPGRADES.values()], ids=["no upgrade", *UPGRADES])
def test_fields_after_a_chunked_body_are_not_headers(upgrade: bytes) -> None:
    asking = b"POST /a HTTP/1.1\r\nHost: a\r\nTrailer: Origin\r\n" + upgrade
    body = b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n0\r\n"
    trailer = b"Origin: http://b\r\nAuthorization: Bearer x\r\n\r\n"
    received = answers(HeaderEcho(), (asking + body + trailer + LAST,))
    assert b"origin=" not in received and b"authorization=" not in received
    assert b"host=a trailer=Origin" in received and received.endswith(b"host=a connection=close")


def test_connection_ends_after_connect() -> None:
    """The client expects a tunnel, so anything may follow."""
    asking = b"CONNECT /a HTTP/1.1\r\nHost: a\r\n\r\n"
    assert answers(Echo(), (asking + LAST,)).count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("target", [b"api.example:443", b"[::1]:443"])
def test_client_that_takes_this_server_for_a_proxy_is_told_so(target: bytes) -> None:
    received = answers(Echo(), (b"CONNECT %b HTTP/1.1\r\nHost: %b\r\n\r\n" % (target, target),))
    assert received.startswith(b"HTTP/1.1 400 ") and b'"message":"this server is not a proxy: ' in received


@pytest.fixture(scope="module", params=["compiled", "connexion"])
def mock(request: pytest.FixtureRequest) -> Iterator[app.Mock]:
    yield app.build(names=["merchantpro"], engine=request.param)


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
@pytest.mark.parametrize("fast_path", [True, False], ids=["fast path", "no fast path"])
def test_write_with_an_upgrade_is_carried_out(
    mock: app.Mock, fast_path: bool, tls: bool, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    settings = {"tls": authority.context()} if tls else {}
    item = ITEM % b"c2J4X3VwZ3JhZGU6eA=="  # sbx_upgrade
    write = b"Content-Type: application/json\r\nContent-Length: 12\r\n\r\n" + b'{"stock": 7}'
    with serving(mock.application, fast_path=fast_path, **settings) as url:
        connection = connect(url)
        if tls:
            trust = ssl.create_default_context(cafile=authority.file)
            connection = trust.wrap_socket(connection, server_hostname=urlsplit(url).hostname)
        for upgrade in UPGRADES.values():
            connection.sendall(b"PATCH " + item + upgrade + write)
        connection.sendall(
            b"GET " + item + UPGRADES["TLS"] + b"\r\nGET " + item + b"Connection: close\r\n\r\n"
        )
        received = read_all(connection)
        connection.close()
    assert received.count(b"HTTP/1.1 200 ") == received.count(b'"stock":7,') == len(UPGRADES) + 2
