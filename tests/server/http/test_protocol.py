"""The protocol of a connection: what is plain is answered at once, and all else in its order."""

import threading
from contextlib import suppress
from typing import Any

import pytest

from mockserver.contract.response import Response
from mockserver.interception.server_thread import ServerThread
from mockserver.server.http.asgi import DECLINED
from mockserver.server.http.raw_request import RawRequest
from mockserver.server.server import serving
from tests.e2e.test_hostile import exchange

TIMEOUT, MORE = 20, 1000  # seconds; answers than there are

GET, LAST = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
PUT = b"PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n"


class Front:
    """An application that says how it was asked; at once it answers with a 200, else with a 201."""

    def __init__(self, silent: bool = False) -> None:
        self.asked: list[RawRequest] = []
        self._silent = silent

    def answer_now(self, asked: RawRequest) -> Response | None:
        self.asked.append(asked)
        return None if self._silent else Response(200, (("X-Path", asked.path),), asked.body)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return
        while (await receive()).get("more_body"):
            pass
        headers = [(b"content-length", b"0"), (b"x-path", scope["raw_path"])]
        await send({"type": "http.response.start", "status": 201, "headers": headers})
        await send({"type": "http.response.body"})


class Receiver:
    """A client's end of a line in memory: what it has heard, and whether the server has hung up."""

    def __init__(self) -> None:
        self.heard, self.over, self._news = b"", False, threading.Condition()

    def data_received(self, data: bytes) -> None:
        with self._news:
            self.heard += data
            self._news.notify()

    def connection_lost(self, error: Exception | None) -> None:
        with self._news:
            self.over = True
            self._news.notify()

    def wait_for(self, answers: int) -> None:
        with self._news:
            assert self._news.wait_for(
                lambda: self.over or self.heard.count(b"HTTP/1.1 ") >= answers, TIMEOUT
            )


def answers(front: Front, *requests: tuple[bytes, ...]) -> bytes:
    """All that is answered, to the end, to one request after the other; each part is a read of its own."""
    bridge, ear = ServerThread(front), Receiver()
    try:
        line = bridge.open(ear)
        for number, parts in enumerate(requests, 1):
            for part in parts:
                with suppress(BrokenPipeError):
                    line.send(part)
            ear.wait_for(number)
        ear.wait_for(MORE)
        return ear.heard
    finally:
        bridge.hang_up()
        bridge.close()


def statuses(answered: bytes) -> list[tuple[int, bytes]]:
    """The statuses of all answers, and the paths that they are for."""
    each = answered.split(b"HTTP/1.1 ")[1:]
    return [(int(one[:3]), one.partition(b"x-path: ")[2].split(b"\r\n")[0]) for one in each]


def test_a_request_that_comes_alone_and_whole_is_answered_at_once() -> None:
    front = Front()
    answer = answers(front, (PUT + b"ab",), (LAST,))
    assert answer.startswith(b"HTTP/1.1 200 OK\r\ndate: ")
    assert b"\r\nx-path: /a\r\ncontent-length: 2\r\n\r\nabHTTP/1.1 201 " in answer
    [asked] = front.asked
    assert (asked.method, asked.path, asked.query, asked.body) == ("PUT", "/a", "", b"ab")
    assert asked.headers == {"host": "a", "content-length": "2"}
    assert asked.headers.size == sum(map(len, ("host", "a", "content-length", "2")))


def test_where_there_is_no_answer_at_once_the_application_is_asked() -> None:
    asked = answers(Front(silent=True), (GET,), (LAST,))
    assert statuses(asked) == [(201, b"/a"), (201, b"/b")]


@pytest.mark.parametrize("count", [1, 2, 100])
def test_requests_in_one_piece_are_answered_in_their_order_and_each_has_its_turn(count: int) -> None:
    front = Front()
    with serving(front) as url:
        answered = exchange(url, GET * count + LAST)
    assert statuses(answered) == [(201, b"/a")] * count + [(201, b"/b")]
    assert not front.asked


NOT_PLAIN = {
    "in two pieces": (GET[:20], GET[20:]),
    "a body in a piece of its own": (PUT, b"ab"),
    "a body in chunks": (b"PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",),
    "two lengths": (b"PUT /a HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab",),
    "expectations": (PUT.replace(b"Host: a", b"Expect: 100-continue") + b"ab",),
    "an upgrade": (GET.replace(b"Host: a", b"Connection: Upgrade\r\nUpgrade: h2c"),),
    "HTTP/1.0": (GET.replace(b"1.1", b"1.0"),),
    "a whole URL": (GET.replace(b"/a", b"http://a/a"),),
    "two slashes": (GET.replace(b"/a", b"//a"),),
    "a fragment": (GET.replace(b"/a", b"/a#b"),),
    "a method that is no vendor's": (GET.replace(b"GET", b"HEAD"),),
    "bytes beyond ASCII": (GET.replace(b"/a", b"/\xc3\xa9"),),
    "a header without a name": (GET.replace(b"Host", b""),),
    "a header on two lines": (GET.replace(b"Host: a", b"Host: a\r\n b"),),
    "a bare line feed": (GET.replace(b"Host: a", b"Host: a\nB: c"),),
    "a null": (GET.replace(b"Host: a", b"Host: a\0"),),
}  # fmt: skip


@pytest.mark.parametrize("parts", NOT_PLAIN.values(), ids=NOT_PLAIN)
def test_whatever_is_not_plain_is_for_the_parser(parts: tuple[bytes, ...]) -> None:
    front = Front()
    for _ in range(2):  # what was seen once is no plainer
        answers(front, parts, (LAST,))
    assert not front.asked


def test_between_requests_that_are_not_plain_one_may_be() -> None:
    requests = ((GET[:20], GET[20:]), (GET,), (PUT + b"a", b"b"), (GET,), (LAST,))
    assert [status for status, _ in statuses(answers(Front(), *requests))] == [201, 200, 201, 200, 201]


def test_what_is_sent_after_a_request_of_a_known_head_is_no_part_of_it() -> None:
    answered = answers(Front(), (GET,), (GET + GET,), (LAST,))
    assert statuses(answered) == [(200, b"/a"), (201, b"/a"), (201, b"/a"), (201, b"/b")]


@pytest.mark.parametrize("count", [1, 3])
def test_a_request_that_is_whole_is_answered_before_one_behind_it_that_is_broken(count: int) -> None:
    broken = b"PUT /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n"
    answered = answers(Front(), (GET * count + broken,))
    assert [status for status, _ in statuses(answered)] == [201] * count + [400]


def test_what_was_not_answered_at_once_is_not_asked_for_so_again() -> None:
    scopes: list[Any] = []

    class Noting(Front):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            scopes.append(scope)
            await super().__call__(scope, receive, send)

    answers(Noting(silent=True), (GET,), (GET[:20], GET[20:]), (LAST,))
    assert [DECLINED in scope for scope in scopes] == [True, False, False]


def test_a_server_that_stops_answers_what_is_whole_and_lets_go_what_is_half_sent_behind_it() -> None:
    class Stopping(Front):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            for connection in tuple(bridge._server.connections):
                connection.shutdown()
            await super().__call__(scope, receive, send)

    bridge, ear = ServerThread(Stopping()), Receiver()
    bridge.open(ear).send(GET + PUT + b"a")
    ear.wait_for(MORE)
    bridge.hang_up()
    bridge.close()
    assert statuses(ear.heard) == [(201, b"/a")]
