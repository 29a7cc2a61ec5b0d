"""A server that stops answers each request that reaches it, and closes each connection once it is idle."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from mockserver import app
from mockserver.sandbox.log.log import Log
from mockserver.sandbox.log.memory import MemoryLog
from mockserver.sandbox.log.sqlite.sqlite_log import SqliteLog
from mockserver.server.http.asgi import Receive, Send
from mockserver.server.http.timeouts import Timeouts
from mockserver.server.server import Server, serving
from mockserver.server.shutdown import CannotStart
from mockserver.server.sockets import listen

TIMEOUT = 60
CONNECTIONS = 50
TICK = 0.2  # seconds after which a server that is to stop has noticed it, unless its event loop is kept
GET = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
PUT = b"PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n"


class Application:
    """Answers each request. One for /busy keeps the event loop until `resume` is set, as if it were slow."""

    def __init__(self) -> None:
        self.busy, self.resume = threading.Event(), threading.Event()

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return
        body = b""
        while (message := await receive()).get("more_body"):
            body += message["body"]
        if scope["path"] == "/busy":
            self.busy.set()
            self.resume.wait(TIMEOUT)
            time.sleep(TICK)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


class WatchedServer(Server):
    """A server in a thread that tells when it has begun to stop."""

    def __init__(self, application: Any, quiet: float) -> None:
        self._ready, self._stopping = threading.Event(), threading.Event()
        super().__init__(application, self._ready.set, timeouts=Timeouts(stop=TIMEOUT, quiet=quiet))
        self._listener = listen("127.0.0.1", 0)
        self._address = self._listener.getsockname()
        self._thread = threading.Thread(target=self.run, args=([self._listener],), daemon=True)
        self._thread.start()
        assert self._ready.wait(TIMEOUT)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().call_soon(self._stopping.set)
        await super().shutdown(sockets)

    def begin_to_stop(self) -> None:
        self.should_exit = True
        assert self._stopping.wait(TIMEOUT)

    def connect(self) -> socket.socket:
        return socket.create_connection(self._address, TIMEOUT)

    def wait(self) -> None:
        self._thread.join(TIMEOUT)
        assert not self._thread.is_alive()


@contextmanager
def server(quiet: float = TIMEOUT) -> Iterator[tuple[WatchedServer, Application]]:
    application = Application()
    running = WatchedServer(application, quiet)
    yield running, application
    running.should_exit = True
    running.wait()


def exchange(connection: socket.socket, request: bytes) -> bytes:
    connection.sendall(request)
    answer = b""
    while not answer.endswith(b"ok"):
        piece = connection.recv(65536)
        assert piece, answer
        answer += piece
    return answer


@pytest.mark.parametrize(
    ("begun", "rest"),
    [(b"", GET), (GET, GET), (GET[:9], GET[9:]), (PUT, b"abc"), (PUT + b"a", b"bc")],
    ids=str,
)
def test_open_connection_gets_one_more_answer_and_is_closed(begun: bytes, rest: bytes) -> None:
    with server() as (running, _), running.connect() as connection, running.connect() as late:
        if begun == GET:
            assert b"connection: close" not in exchange(connection, GET)
        else:
            connection.sendall(begun)
            exchange(late, GET)  # so the bytes have been read as well
        running.begin_to_stop()
        for one, request in ((connection, rest), (late, GET)):
            answer = exchange(one, request)
            assert b"\r\nconnection: close\r\n" in answer
            assert one.recv(1) == b""


def test_connections_that_wait_to_be_accepted_are_answered() -> None:
    with server() as (running, application), running.connect() as busy:
        busy.sendall(GET.replace(b"/a", b"/busy"))
        assert application.busy.wait(TIMEOUT)
        waiting = [running.connect() for _ in range(CONNECTIONS)]
        for connection in waiting:
            connection.sendall(GET)
        running.should_exit = True
        application.resume.set()
        for connection in waiting:
            assert exchange(connection, b"").startswith(b"HTTP/1.1 200 ")
            connection.close()


def test_connections_that_are_idle_are_closed() -> None:
    with server(quiet=0.01) as (running, _):
        idle = [running.connect() for _ in range(3)]
        exchange(idle[0], GET)
        idle[1].sendall(GET[:9])
        running.begin_to_stop()
        for connection in idle:
            with suppress(ConnectionResetError):
                assert connection.recv(1) == b""


def test_server_that_is_to_stop_does_not_wait_for_its_next_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mockserver.server.server.TICK", TIMEOUT * 2)
    with server() as (running, _), running.connect() as connection:
        exchange(connection, GET)
        running.begin_to_stop()


def test_server_whose_store_cannot_be_used_does_not_start(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "no folder/mock.db")
    listener = listen("127.0.0.1", 0)
    with pytest.raises(CannotStart, match="no folder"):
        Server(app.build(log=log).application).run([listener])
    listener.close()


class SlowToClose:
    """A log that takes a while to close."""

    def __init__(self, log: Log) -> None:
        self._log, self.is_closed = log, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    async def close(self) -> None:
        for _ in range(100):
            await asyncio.sleep(0)
        await self._log.close()
        self.is_closed = True


def test_server_ends_only_when_it_has_left_its_store() -> None:
    """Entries of the journal and outcomes of deliveries may still have to be kept then."""
    log = SlowToClose(MemoryLog())
    with serving(app.build(products=5, names=("merchantpro",), log=log).application):
        assert not log.is_closed
    assert log.is_closed
