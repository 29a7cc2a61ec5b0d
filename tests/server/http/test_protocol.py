"""The HTTP protocol: plain requests take the fast path, other requests the parser, in order."""

import threading
from contextlib import suppress
from typing import Any

import pytest

from mockserver.contract.response import Response
from mockserver.interception.server_thread import ServerThread
from mockserver.server.http.asgi import PENDING
from mockserver.server.server import serving
from mockserver.vendor_api.raw_request import RawRequest
from tests.e2e.test_hostile import exchange

TIMEOUT, ALL = 20, 1000  # seconds; more responses than any test gets, so the wait ends at the close

GET, LAST = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
PUT = b"PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n"


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
    assert b"\r\nx-path: /a\r\ncontent-length: 2\r\n\r\nabHTTP/1.1 201 " in answer
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
