"""An answer is sent once its call is in the log, on a connection that goes on as any other one does."""

import asyncio
import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from mockserver import app
from mockserver.sandbox.log.log import Entry, Life, Settled
from mockserver.server.http.timeouts import Timeouts
from mockserver.server.server import Server
from mockserver.server.sockets import listen
from tests.server.turns.faulty_log import FaultyLog
from tests.server.turns.witness import CALLER

TIMEOUT = 60
LINES = b"Host: a\r\nAuthorization: Basic c2J4X29uZTp4\r\n"  # sbx_one
PATH = b"/merchantpro/api/v2/inventory/id/10001"
GET = b"GET %s HTTP/1.1\r\n%s\r\n" % (PATH, LINES)
LAST = b"GET %s HTTP/1.1\r\n%sConnection: close\r\n\r\n" % (PATH, LINES)
OLD = b"GET %s HTTP/1.0\r\n%s\r\n" % (PATH, LINES)
HEAD_OF_PATCH = b"PATCH %s HTTP/1.1\r\n%sContent-Type: application/json\r\nContent-Length: 11\r\n" % (
    PATH,
    LINES,
)
PATCH, BODY = HEAD_OF_PATCH + b"\r\n", b'{"stock":5}'
EXPECTING = HEAD_OF_PATCH + b"Expect: 100-continue\r\n\r\n"


class HeldLog(FaultyLog):
    """Keeps entries when another thread says so."""

    def __init__(self) -> None:
        super().__init__()
        self._appended = threading.Condition()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.open = True

    def append(self, name: str, head: bytes | None, entry: Entry, life: Life, settled: Settled) -> None:
        CALLER.set(0)
        super().append(name, head, entry, life, settled)
        self._loop = asyncio.get_running_loop()
        with self._appended:
            self._appended.notify()
        self._loop.call_soon(self._keep_if_open)

    def _keep_if_open(self) -> None:
        if self.open:
            self.keep(self.waiting)

    def wait_for_entry(self) -> None:
        """Wait until an entry waits to be kept."""
        with self._appended:
            assert self._appended.wait_for(lambda: self.waiting, TIMEOUT)

    def on_loop(self, act: Callable[[], object]) -> None:
        """Let the event loop of the server do something."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(act)

    def release(self) -> None:
        """Keep what waits, and from now on all entries at once."""

        def keep() -> None:
            self.open = True
            self.keep(self.waiting)

        self.on_loop(keep)


class Connection:
    """A connection to a server, and its log, which holds entries back from the second call on."""

    def __init__(self, port: int, log: HeldLog, server: Server) -> None:
        self.port, self.log, self.server = port, log, server
        self.socket = socket.create_connection(("127.0.0.1", port), TIMEOUT)
        self.socket.sendall(GET)  # the sandbox must be there for the fast path
        self.received = b""
        self.read(1)
        log.open = False

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    @property
    def is_silent(self) -> bool:
        return not select.select([self.socket], [], [], 0)[0]

    def read(self, answers: int) -> list[int]:
        """Read until there are so many answers. Return their statuses."""
        while self.received.count(b'"stock":') < answers and (data := self.socket.recv(65536)):
            self.received += data
        return [int(one[:3]) for one in self.received.split(b"HTTP/1.1 ")[1:]]

    def read_all(self) -> list[int]:
        """Read until the server closes the connection. Return the statuses of all answers."""
        while data := self.socket.recv(65536):
            self.received += data
        return self.read(0)


@contextmanager
def connected() -> Iterator[Connection]:
    log, ready, listening = HeldLog(), threading.Event(), listen("127.0.0.1", 0)
    mock = app.build(names=["merchantpro"], products=5, log=log)
    server = Server(mock.application, ready.set, timeouts=Timeouts(stop=TIMEOUT))
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    assert ready.wait(TIMEOUT)
    try:
        with (one := Connection(listening.getsockname()[1], log, server)).socket:
            yield one
    finally:
        log.release()
        server.should_exit = True
        thread.join(TIMEOUT)
        assert not thread.is_alive()


@pytest.fixture
def connection() -> Iterator[Connection]:
    with connected() as one:
        yield one


def test_answer_waits_for_the_log(connection: Connection) -> None:
    connection.send(GET)
    connection.log.wait_for_entry()
    assert connection.is_silent
    connection.log.release()
    assert connection.read(2) == [200, 200]


@pytest.mark.parametrize(
    ("pieces", "statuses"),
    [
        ([GET], [200]),
        ([GET, GET + GET], [200] * 3),
        ([GET, GET[:30], GET[30:]], [200, 200]),
        ([GET, PATCH, BODY, GET], [200] * 3),
        ([GET, PATCH + BODY + GET], [200] * 3),
        ([GET + GET], [200, 200]),
        ([GET, b"nonsense\r\n\r\n"], [200, 400]),
        ([PATCH, BODY], [200]),
        ([PATCH, BODY[:4], BODY[4:]], [200]),
        ([EXPECTING, BODY], [100, 200]),
        ([GET, OLD], [200, 200]),
    ],
    ids=str,
)
def test_bytes_that_arrive_meanwhile_are_requests_for_later(
    connection: Connection, pieces: list[bytes], statuses: list[int]
) -> None:
    held = pieces[0].startswith(b"GET")
    for number, piece in enumerate(pieces):
        connection.send(piece)
        if number == 0 and held:
            connection.log.wait_for_entry()
    if not held:
        connection.log.wait_for_entry()
    assert connection.log.waiting == 1
    connection.log.release()
    if 400 not in statuses and pieces[-1] != OLD:
        connection.send(LAST)
        statuses = [*statuses, 200]
    assert connection.read_all() == [200, *statuses]


@pytest.mark.parametrize("request_", [LAST, OLD], ids=["close", "1.0"])
def test_last_answer_closes_the_connection(connection: Connection, request_: bytes) -> None:
    connection.send(request_)
    connection.log.wait_for_entry()
    connection.log.release()
    assert connection.read_all() == [200, 200]


def test_client_that_sends_no_more_gets_its_answer(connection: Connection) -> None:
    connection.send(GET)
    connection.log.wait_for_entry()
    connection.socket.shutdown(socket.SHUT_WR)
    connection.log.release()
    assert connection.read_all() == [200, 200]


def test_call_of_a_client_that_has_gone_is_in_the_log(connection: Connection) -> None:
    connection.send(GET)
    connection.log.wait_for_entry()
    connection.socket.close()
    connection.log.release()
    again = Connection(connection.port, connection.log, connection.server)
    again.log.release()
    assert len(again.log.calls("one")) == 3


def test_server_that_stops_sends_the_answer_first(connection: Connection) -> None:
    connection.send(GET)
    connection.log.wait_for_entry()
    stopping = threading.Event()
    usual = connection.server.shutdown

    async def shutdown(sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().call_soon(stopping.set)
        await usual(sockets)

    connection.server.shutdown = shutdown  # type: ignore[method-assign]
    connection.server.should_exit = True
    assert stopping.wait(TIMEOUT)
    connection.log.release()
    assert connection.read_all() == [200, 200]
    assert b"connection: close" in connection.received


def test_call_that_is_refused_runs_again(connection: Connection) -> None:
    connection.send(GET)
    connection.log.wait_for_entry()
    connection.log.on_loop(lambda: connection.log.move_head("one"))
    connection.log.release()
    assert connection.read(2) == [200, 200]
    assert len(connection.log.calls("one")) == 2


def test_call_whose_acknowledgement_is_lost_is_not_made_twice(connection: Connection) -> None:
    connection.send(LAST)
    connection.log.wait_for_entry()
    connection.log.on_loop(lambda: connection.log.keep(1, lose_acknowledgements=True))
    assert connection.read_all() == [200, 503]
    assert b'"store_unavailable"' in connection.received
    assert len(connection.log.calls("one")) == 2
