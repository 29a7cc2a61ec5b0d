"""Descriptors are limited: idle connections make room, others are refused, and stuck ones are dropped."""

import asyncio
import errno
import logging
import os
import re
import select
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from mockserver.server.http.connections import connection_watch
from mockserver.server.http.connections.connection_watch import CLOSED_AT_ONCE, ConnectionWatch
from mockserver.server.http.timeouts import Timeouts
from mockserver.server.server import MemoryServer, serving
from tests.server_process import TIMEOUT, serving_command

pytestmark = pytest.mark.finding("A7")
LIMIT = 128
READY = b"GET /_mock/ready HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Connection:
    """A connection that has been idle since a time, or is not idle."""

    def __init__(self, idle_since: float | None, arrived: bool = False) -> None:
        self.idle_since, self._arrived, self.closed = idle_since, arrived, False

    def close_if_idle(self) -> bool:
        self.closed = not self._arrived
        return self.closed

    def drop_if_stuck(self, now: float, seconds: float) -> None: ...


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> ConnectionWatch:
    monkeypatch.setattr(connection_watch, "descriptor_limit", lambda: 1000)
    return ConnectionWatch(30)


def test_connection_is_admitted_while_descriptors_are_left(watch: ConnectionWatch) -> None:
    watch.connections = [Connection(1)]
    assert watch.admit(900)
    assert not watch.connections[0].closed


def test_longest_idle_connections_make_room(watch: ConnectionWatch) -> None:
    busy, arrived = Connection(None), Connection(0, arrived=True)
    idle = [Connection(since) for since in range(100, 0, -1)]
    watch.connections = [busy, *idle, arrived]
    assert watch.admit(990)
    assert [one.idle_since for one in idle if one.closed] == [*range(CLOSED_AT_ONCE - 1, 0, -1)]
    assert not (busy.closed or arrived.closed)


def test_connection_is_refused_if_none_is_idle_and_that_is_logged_once(
    watch: ConnectionWatch, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    watch.connections = [Connection(None), Connection(1, arrived=True)]
    assert not any(watch.admit(990) for _ in range(50))
    assert len(caplog.records) == 1
    monkeypatch.setattr(connection_watch, "_lowest_free_descriptor", lambda: 20)
    watch.check()
    assert not watch.admit(990)
    assert len(caplog.records) == 2


def test_refusals_of_the_system_are_noticed_and_logged_once(
    watch: ConnectionWatch, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    idle = Connection(1)
    watch.connections = [idle]
    monkeypatch.setattr(connection_watch.os, "open", fail)
    watch.check()
    watch.check()
    assert idle.closed
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def limited(limit: str) -> tuple[str, ...]:
    return ("sh", "-c", f'ulimit {limit}; exec "$@"', "sh")


def test_server_raises_its_limit_of_descriptors(tmp_path: Path) -> None:
    with serving_command(tmp_path, prefix=limited("-Sn 100")) as running:
        limits = Path(f"/proc/{running.pid}/limits").read_text()
        soft, hard = re.search(r"Max open files +(\w+) +(\w+)", limits).groups()
        assert soft == hard != "100"


def connections_to(url: str, count: int, first_bytes: bytes) -> list[socket.socket]:
    address, opened = urlsplit(url), []
    for _ in range(count):
        opened.append(socket.create_connection((address.hostname, address.port), TIMEOUT))
        opened[-1].sendall(first_bytes)
        if first_bytes == READY:
            assert opened[-1].recv(12) == b"HTTP/1.1 200"
    return opened


def test_idle_connections_lock_nobody_out(tmp_path: Path) -> None:
    with serving_command(tmp_path, prefix=limited(f"-n {LIMIT}")) as running:
        connections = connections_to(running.url, 2 * LIMIT, READY)
        for one in connections:
            one.close()
        running.process.terminate()
        code, errors = running.wait()
    assert code == 0
    assert "no more connections" not in errors


def test_exhausted_server_says_so_once_and_recovers(tmp_path: Path) -> None:
    with serving_command(tmp_path, prefix=limited(f"-n {LIMIT}")) as running:
        connections = connections_to(running.url, LIMIT, READY[:-4])
        while "no more connections" not in (line := running.process.stderr.readline()):
            assert line, "the server ended"
        for one in connections:
            one.close()
        status = 0
        while status != 200:  # the test hangs if the server does not recover
            try:
                status = httpx.get(f"{running.url}/_mock/ready").status_code
            except httpx.TransportError:
                status = 0
        running.process.terminate()
        code, errors = running.wait()
    assert code == 0
    assert "no more connections" not in errors


class Large:
    """An application whose answers are larger than all buffers between server and client."""

    body = b"x" * 32 * 1024 * 1024

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            headers = [(b"content-length", b"%d" % len(self.body))]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": self.body})


@pytest.mark.parametrize("requests", [1, 200])
def test_answer_that_nobody_reads_is_dropped(requests: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with serving(Large(), timeouts=Timeouts(answer=0.5, stop=1)) as url:
        [connection] = connections_to(url, 1, READY * requests)
        closed = select.poll()
        closed.register(connection, 0)  # reports only errors and the end
        assert closed.poll(TIMEOUT * 1000), "the connection is still open"
        connection.close()
    assert "takes no byte of the answer" in caplog.text


class Unsent(asyncio.Transport):
    """A transport with bytes that the client has not taken yet."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 0)})
        self.size, self.dropped = 0, False

    def get_write_buffer_size(self) -> int:
        return self.size

    def abort(self) -> None:
        self.dropped = True


@pytest.mark.parametrize(
    ("sizes", "dropped"),
    [
        ([(0, 100), (29, 100)], False),
        ([(0, 100), (31, 100)], True),
        ([(0, 100), (29, 99), (58, 98), (87, 97)], False),
        ([(0, 100), (29, 0), (30, 100), (58, 100)], False),
        ([(0, 0), (100, 0)], False),
        ([(0, 100), (29, 200), (58, 200), (60, 200)], True),
    ],
    ids=str,
)
def test_only_an_answer_without_progress_is_dropped(sizes: list[tuple[int, int]], dropped: bool) -> None:
    loop, transport = asyncio.new_event_loop(), Unsent()
    protocol = MemoryServer(Large()).connection(loop)
    protocol.connection_made(transport)
    for second, size in sizes:
        transport.size = size
        protocol.drop_if_stuck(second, 30)
    assert transport.dropped == dropped
    protocol._timeout.close()
    loop.close()
