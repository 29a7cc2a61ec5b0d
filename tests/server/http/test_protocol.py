"""The HTTP protocol: plain requests take the fast path, other requests the parser, in order."""

import asyncio
import logging
import re
import socket
import struct
import threading
from contextlib import suppress
from typing import Any

import pytest

from mockserver import app
from mockserver.contract.response import Response
from mockserver.embedding.interception.server_thread import ServerThread
from mockserver.server.http.asgi import PENDING
from mockserver.server.http.protocol import PIECE_BYTES
from mockserver.server.http.timeouts import Timeouts
from mockserver.server.server import Server, serving
from mockserver.server.sockets import base_url, listen
from mockserver.vendor_api.raw_request import RawRequest
from tests.e2e.test_hostile import AUTH, JSON, READ, WRITE, connect, exchange, last, read_all

TIMEOUT, ALL = 20, 1000  # seconds; more responses than any test gets, so the wait ends at the close

GET, LAST = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
PUT = b"PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n"


def app_of(vendor: str, engine: app.EngineName = "compiled") -> Any:
    return app.build(names=[vendor], engine=engine).application


class Front:
    """An application that answers 200 if it is called by the fast path, and 201 through ASGI."""

    def __init__(self, pending: bool = False) -> None:
        self.started: list[RawRequest] = []
        self._pending = pending

    def start(self, raw: RawRequest) -> Response | str:
        self.started.append(raw)
        return (
            f"pending {raw.path}"
            if self._pending
            else Response(200, (("X-Path", raw.path),), raw.body or b"")
        )

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return
        while (await receive()).get("more_body"):
            pass
        headers = [(b"content-length", b"0"), (b"x-path", scope["raw_path"])]
        await send({"type": "http.response.start", "status": 201, "headers": headers})
        await send({"type": "http.response.body"})


class Receiver:
    """The client's end of a connection in memory. It records the bytes it receives, and the close."""

    def __init__(self) -> None:
        self.received, self.closed, self._changed = b"", False, threading.Condition()

    def data_received(self, data: bytes) -> None:
        with self._changed:
            self.received += data
            self._changed.notify()

    def connection_lost(self, error: Exception | None) -> None:
        with self._changed:
            self.closed = True
            self._changed.notify()

    def wait_for(self, answers: int) -> None:
        with self._changed:
            assert self._changed.wait_for(
                lambda: self.closed or self.received.count(b"HTTP/1.1 ") >= answers, TIMEOUT
            )


def answers(front: Front, *requests: tuple[bytes, ...]) -> bytes:
    """Send requests one after the other, and return all responses. Each part is sent separately."""
    server, receiver = ServerThread(front), Receiver()
    try:
        connection = server.open(receiver)
        for number, parts in enumerate(requests, 1):
            for part in parts:
                with suppress(BrokenPipeError):
                    connection.send(part)
            receiver.wait_for(number)
        receiver.wait_for(ALL)
        return receiver.received
    finally:
        server.hang_up()
        server.close()


def statuses(received: bytes) -> list[tuple[int, bytes]]:
    """Return the status of each response, and the path of its request."""
    each = received.split(b"HTTP/1.1 ")[1:]
    return [(int(one[:3]), one.partition(b"x-path: ")[2].split(b"\r\n")[0]) for one in each]


def test_plain_request_is_answered_by_the_fast_path() -> None:
    front = Front()
    answer = answers(front, (PUT + b"ab",), (LAST,))
    assert answer.startswith(b"HTTP/1.1 200 OK\r\ndate: ")
    kept = b"keep-alive: timeout=75\r\n"
    assert b"\r\nx-path: /a\r\ncontent-length: 2\r\n%b\r\nabHTTP/1.1 201 " % kept in answer
    [raw] = front.started
    assert (raw.method, raw.path, raw.query, raw.body, raw.peer) == ("PUT", "/a", "", b"ab", "127.0.0.1")
    assert raw.headers == {"host": "a", "content-length": "2"}
    assert raw.headers.size == sum(map(len, ("host", "a", "content-length", "2")))


def test_pending_request_continues_in_the_application() -> None:
    assert statuses(answers(Front(pending=True), (GET,), (LAST,))) == [(201, b"/a"), (201, b"/b")]


@pytest.mark.parametrize("count", [1, 2, 100])
def test_pipelined_requests_are_answered_in_order(count: int) -> None:
    front = Front()
    with serving(front) as url:
        received = exchange(url, GET * count + LAST)
    assert statuses(received) == [(201, b"/a")] * count + [(201, b"/b")]
    assert not front.started


NOT_PLAIN = {
    "in two pieces": (GET[:20], GET[20:]),
    "a body sent separately": (PUT, b"ab"),
    "a body in chunks": (b"PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",),
    "two lengths": (b"PUT /a HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab",),
    "an Expect header": (PUT.replace(b"Host: a", b"Expect: 100-continue") + b"ab",),
    "HTTP/1.0": (GET.replace(b"1.1", b"1.0"),),
    "a whole URL": (GET.replace(b"/a", b"http://a/a"),),
    "two slashes": (GET.replace(b"/a", b"//a"),),
    "a fragment": (GET.replace(b"/a", b"/a#b"),),
    "the method HEAD": (GET.replace(b"GET", b"HEAD"),),
    "bytes beyond ASCII": (GET.replace(b"/a", b"/\xc3\xa9"),),
    "a header without a name": (GET.replace(b"Host", b""),),
    "a header on two lines": (GET.replace(b"Host: a", b"Host: a\r\n b"),),
    "a bare line feed": (GET.replace(b"Host: a", b"Host: a\nB: c"),),
    "a null byte": (GET.replace(b"Host: a", b"Host: a\0"),),
}  # fmt: skip


@pytest.mark.parametrize("parts", NOT_PLAIN.values(), ids=NOT_PLAIN)
def test_request_that_is_not_plain_goes_to_the_parser(parts: tuple[bytes, ...]) -> None:
    front = Front()
    for _ in range(2):  # the second time, the head could come from the cache
        answers(front, parts, (LAST,))
    assert not front.started


def test_plain_request_between_others_takes_the_fast_path() -> None:
    requests = ((GET[:20], GET[20:]), (GET,), (PUT + b"a", b"b"), (GET,), (LAST,))
    assert [status for status, _ in statuses(answers(Front(), *requests))] == [201, 200, 201, 200, 201]


def test_requests_in_one_read_go_to_the_parser_even_if_a_head_is_cached() -> None:
    received = answers(Front(), (GET,), (GET + GET,), (LAST,))
    assert statuses(received) == [(200, b"/a"), (201, b"/a"), (201, b"/a"), (201, b"/b")]


@pytest.mark.parametrize("count", [1, 3])
def test_complete_requests_are_answered_before_a_broken_one(count: int) -> None:
    broken = b"PUT /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n"
    received = answers(Front(), (GET * count + broken,))
    assert [status for status, _ in statuses(received)] == [201] * count + [400]


def test_pending_exchange_is_passed_in_the_scope() -> None:
    scopes: list[Any] = []

    class Recording(Front):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            scopes.append(scope)
            await super().__call__(scope, receive, send)

    answers(Recording(pending=True), (GET,), (GET[:20], GET[20:]), (LAST,))
    assert [scope.get(PENDING) for scope in scopes] == ["pending /a", None, None]


def test_stopping_server_answers_only_complete_requests() -> None:
    class Stopping(Front):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            for connection in tuple(server._server.connections):
                connection.shutdown()
            await super().__call__(scope, receive, send)

    server, receiver = ServerThread(Stopping()), Receiver()
    server.open(receiver).send(GET + PUT + b"a")
    receiver.wait_for(ALL)
    server.hang_up()
    server.close()
    assert statuses(receiver.received) == [(201, b"/a")]


@pytest.mark.finding("A8")
@pytest.mark.parametrize("request_bytes", [GET, GET[:20]], ids=["fast path", "parser"])
def test_answer_says_how_long_an_idle_connection_is_kept(request_bytes: bytes) -> None:
    rest = GET[len(request_bytes) :]
    received = answers(app_of("merchantpro"), (request_bytes, rest) if rest else (GET,), (LAST,))
    kept, closed = received.split(b"HTTP/1.1 ")[1:]
    assert b"\r\nkeep-alive: timeout=75\r\n" in kept
    assert b"keep-alive" not in closed
    assert b"\r\nconnection: close\r\n" in closed


@pytest.mark.finding("A8")
def test_answer_that_closes_the_connection_does_not_say_that_it_is_kept() -> None:
    for request_bytes in (GET.replace(b"1.1", b"1.0"), GET.replace(b"GET", b"BREW"), b"garbage\r\n\r\n"):
        assert b"keep-alive" not in answers(app_of("merchantpro"), (request_bytes,))


class Busy(Front):
    """An application that keeps the event loop busy in calls to /busy until it may go on."""

    def __init__(self) -> None:
        super().__init__()
        self.busy, self.go_on = threading.Event(), threading.Event()

    def start(self, raw: RawRequest) -> Response | str:
        if raw.path == "/busy":
            self.busy.set()
            assert self.go_on.wait(TIMEOUT)
        return super().start(raw)


@pytest.mark.finding("A8")
def test_idle_connection_is_closed() -> None:
    with serving(Front(), timeouts=Timeouts(idle=0.1, stop=1)) as url, connect(url) as connection:
        connection.sendall(GET)
        assert statuses(read_all(connection)) == [(200, b"/a")]


def answer_after_idling(seconds: float) -> bytes:
    """Let a connection be idle for longer than it may, with a request that has arrived but is not read."""
    front = Busy()
    with (
        serving(front, timeouts=Timeouts(idle=seconds, stop=1)) as url,
        connect(url) as idle,
        connect(url) as other,
    ):
        idle.sendall(GET)
        assert idle.recv(65536).startswith(b"HTTP/1.1 200 ")
        other.sendall(GET.replace(b"/a", b"/busy"))
        assert front.busy.wait(TIMEOUT)
        with suppress(BrokenPipeError, ConnectionResetError):
            idle.sendall(GET)
        front.go_on.wait(2 * seconds)
        front.go_on.set()
        return read_all(idle)


@pytest.mark.finding("A8")
def test_request_that_has_arrived_is_answered_although_its_connection_has_been_idle_for_too_long() -> None:
    for seconds in (0.2, 1, 5):  # on a slow machine, the connection may be idle for long before it gets it
        if received := answer_after_idling(seconds):
            break
    assert statuses(received) == [(200, b"/a")]


class Slow:
    """An application that answers nothing until a call to /go comes."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["raw_path"] == b"/go":
            self.go_on.set()
        elif scope["type"] == "http":
            await receive()
            await self.go_on.wait()
            await send({"type": "http.response.start", "status": 201, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body"})


@pytest.mark.finding("A7")
def test_pipelined_requests_are_read_only_as_far_as_they_are_answered() -> None:
    """If all were read, their memory would not be bounded."""
    count, front = 20_000, Slow()
    server, listening = Server(front, timeouts=Timeouts(stop=1)), listen("127.0.0.1", 0)
    running = threading.Thread(target=server.run, args=([listening],), daemon=True)
    running.start()
    with connect(base_url(listening)) as connection, connect(base_url(listening)) as other:
        sending = threading.Thread(target=connection.sendall, args=(GET * count + LAST,))
        sending.start()
        while not any(one.flow.read_paused for one in tuple(server.server_state.connections)):
            pass  # the test hangs if the server reads everything
        [protocol] = [one for one in tuple(server.server_state.connections) if one.flow.read_paused]
        assert 0 < len(protocol.pipeline) <= PIECE_BYTES / len(GET)
        other.sendall(GET.replace(b"/a", b"/go"))
        received = read_all(connection)
        sending.join()
    server.should_exit = True
    running.join(TIMEOUT)
    assert received.count(b"HTTP/1.1 201 ") == count + 1


@pytest.mark.finding("A7")
def test_body_of_a_waiting_request_may_come_in_many_pieces() -> None:
    front, size = Front(), 5 * PIECE_BYTES
    large = b"PUT /l HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size
    with serving(front) as url:
        received = exchange(url, GET + GET + large + GET + large + LAST)
    assert [path for _, path in statuses(received)] == [b"/a", b"/a", b"/l", b"/a", b"/l", b"/b"]


HALF_CLOSED = {
    "a read": (READ + AUTH + b"\r\n", 1),
    "a write": (WRITE + AUTH + JSON + b"\r\nContent-Length: 12\r\n\r\n" + b'{"stock": 7}', 1),
    "two at once": ((READ + AUTH + b"\r\n") * 2, 2),
    "one and a half": (READ + AUTH + b"\r\n" + READ, 1),
}


@pytest.mark.finding("A8")
@pytest.mark.parametrize("engine", ["compiled", "connexion"])
@pytest.mark.parametrize("fast_path", [True, False], ids=["fast path", "no fast path"])
@pytest.mark.parametrize(("sent", "count"), HALF_CLOSED.values(), ids=HALF_CLOSED)
def test_client_that_stops_sending_gets_its_answers(
    sent: bytes, count: int, fast_path: bool, engine: app.EngineName
) -> None:
    with serving(app_of("merchantpro", engine), fast_path=fast_path) as url, connect(url) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        assert read_all(connection).count(b"HTTP/1.1 200 ") == count


@pytest.mark.finding("A8")
def test_client_that_stops_sending_gets_the_answer_of_a_lengthy_handler() -> None:
    mock = app.build(products=60_000, names=["highlevel"])
    lengthy = b"GET /products/inventory?altId=x&search=zzz HTTP/1.1\r\nHost: a\r\nVersion: v3\r\n"
    with serving(mock.application) as url, connect(url) as connection:
        connection.sendall(lengthy + b"Authorization: Bearer demo\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        assert read_all(connection).count(b"HTTP/1.1 200 ") == 1


RESETS = {
    "length": WRITE + AUTH + JSON + b"\r\nContent-Length: 40\r\n\r\n" + b'{"stock',
    "chunks": WRITE + AUTH + JSON + b"\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n" + b'{"stock"\r\n',
    "an upgrade": WRITE + AUTH + b"Connection: upgrade\r\nUpgrade: a\r\nContent-Length: 9\r\n\r\n{",
    "control": b"PUT /_mock/sandboxes/demo/clock HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{",
}


@pytest.mark.finding("A10")
@pytest.mark.parametrize("engine", ["compiled", "connexion"])
@pytest.mark.parametrize("fast_path", [True, False], ids=["fast path", "no fast path"])
def test_client_that_resets_in_its_body_leaves_no_trace(
    fast_path: bool, engine: app.EngineName, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "mockserver")
    mock = app.build(names=["merchantpro"], engine=engine)
    with serving(mock.application, fast_path=fast_path) as url:
        for sent in RESETS.values():
            for reset in (True, False):
                with connect(url) as connection:
                    connection.sendall(sent)
                    if reset:
                        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        assert exchange(url, READ + AUTH + last()).startswith(b"HTTP/1.1 200 ")
        metrics = exchange(url, b"GET /_mock/metrics HTTP/1.1\r\nHost: localhost\r\n" + last()).decode()
    entries = [kept.summary() for kept in mock.sandboxes.get("demo").journal.entries()]
    assert [entry.method for entry in entries] == ["GET"]
    assert re.findall(r'requests_total{.*status="(\d+)"', metrics) == ["200"]
    assert [record.levelname for record in caplog.records] == ["INFO"] * 2


@pytest.mark.finding("A7")
def test_answer_may_take_longer_than_the_head_of_the_next_request() -> None:
    front = Slow()
    with serving(front, timeouts=Timeouts(head=0.2, stop=1)) as url, connect(url) as connection:
        connection.sendall(GET + GET[:20])
        connection.settimeout(0.6)
        with suppress(TimeoutError):
            assert connection.recv(1), "the connection was closed"
        connection.settimeout(TIMEOUT)
        exchange_go = threading.Thread(target=exchange, args=(url, GET.replace(b"/a", b"/go")))
        exchange_go.start()
        assert [status for status, _ in statuses(read_all(connection))] == [201]
        exchange_go.join()


def test_wait_of_a_client_that_shuts_down_its_sending_side_is_no_success() -> None:
    body = b'{"match": {"path": "/never"}, "seconds": 60}'
    head = b"POST /_mock/requests/wait HTTP/1.1\r\nHost: localhost\r\n" + JSON
    with serving(app_of("narvar")) as url, connect(url) as connection:
        connection.sendall(head + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        connection.shutdown(socket.SHUT_WR)
        received = read_all(connection)
    assert received.startswith(b"HTTP/1.1 503 ") and b"x-mock-error: client_gone\r\n" in received
