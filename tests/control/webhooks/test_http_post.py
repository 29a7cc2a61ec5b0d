"""The request to a webhook: bounded in time and size, and made to an address that was checked."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from mockserver.control.webhooks import http_post
from mockserver.control.webhooks.addresses import AllowedHosts, target_of
from mockserver.control.webhooks.http_post import Reply, Undelivered, post

Answer = Callable[[socket.socket], None]


@contextmanager
def answering(answer: Answer) -> Iterator[int]:
    """Run a server that lets a function answer each connection. Yield its port."""

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(10)
                try:
                    connection.recv(65536)
                    answer(connection)
                except OSError:
                    continue

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)


def sent(port: int, body: bytes = b"{}", path: str = "/") -> Reply:
    target = target_of(f"http://127.0.0.1:{port}{path}")
    return asyncio.run(post(target, {"X-One": "1"}, body, AllowedHosts()))


def plain(text: str) -> Answer:
    return lambda connection: connection.sendall(text.encode())


def test_request_is_as_the_receiver_must_see_it() -> None:
    seen: list[bytes] = []

    def answer(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                while b"\r\n\r\nbody" not in b"".join(seen):
                    seen.append(connection.recv(65536))
                answer(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        port = listening.getsockname()[1]
        assert sent(port, b"body", "/a/b?c=d").status == 204
        thread.join(10)
    head = b"".join(seen).decode().split("\r\n\r\n")[0].split("\r\n")
    assert head[0] == "POST /a/b?c=d HTTP/1.1"
    assert sorted(head[1:]) == sorted(
        ["X-One: 1", f"Host: 127.0.0.1:{port}", "Content-Length: 4", "Connection: close"]
    )


@pytest.mark.parametrize(("answer", "status", "body"), [
    ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, b"ok"),
    ("HTTP/1.1 200 OK\r\n\r\nuntil the end", 200, b"until the end"),
    ("HTTP/1.0 429 Too Many Requests\r\n\r\n", 429, b""),
    ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", 201, b""),
    ("HTTP/1.1 302 Found\r\nLocation: http://10.0.0.1/\r\nContent-Length: 0\r\n\r\n", 302, b""),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", 200, b"ab"),
])  # fmt: skip
def test_answer_is_read(answer: str, status: int, body: bytes) -> None:
    with answering(plain(answer)) as port:
        reply = sent(port)
    assert (reply.status, reply.body) == (status, body)


@pytest.mark.parametrize("answer", [
    "", "SSH-2.0-OpenSSH_9.6\r\n", "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 200 OK\r\nX: " + "x" * 100_000,
    "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok",
])  # fmt: skip
def test_what_is_no_answer_is_told_in_words(answer: str) -> None:
    with answering(plain(answer)) as port, pytest.raises(Undelivered) as raised:
        sent(port)
    assert "\n" not in str(raised.value)
    assert str(raised.value)


def test_endless_body_is_not_read_to_its_end() -> None:
    def answer(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    with answering(answer) as port:
        reply = sent(port)
    assert (reply.status, len(reply.body)) == (200, 4096)


@pytest.mark.parametrize("piece", [b"", b"H"], ids=["silent", "one byte at a time"])
def test_slow_answer_has_one_time_limit(monkeypatch: pytest.MonkeyPatch, piece: bytes) -> None:
    monkeypatch.setattr(http_post, "TIMEOUT", 0.3)
    over = threading.Event()

    def answer(connection: socket.socket) -> None:
        for byte in b"HTTP/1.1 200 OK\r\n" * 100:
            if over.wait(0.05):
                return
            if piece:
                connection.sendall(bytes([byte]))

    started = time.monotonic()
    with answering(answer) as port, pytest.raises(Undelivered, match=r"no answer within 0\.3 seconds"):
        sent(port)
    over.set()
    assert time.monotonic() - started < 5


def test_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with answering(plain("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")) as port:
        assert sent(port).status == 200


def test_tls_needs_a_certificate_that_is_trusted(base_url: str) -> None:
    port = int(base_url.rpartition(":")[2])
    target = target_of(f"https://localhost:{port}/")
    with pytest.raises(Undelivered):
        asyncio.run(post(target, {}, b"{}", AllowedHosts()))


def resolving(*addresses: str) -> Any:
    """Return a function in place of getaddrinfo."""

    async def getaddrinfo(self: Any, host: str, port: int, **options: Any) -> list[Any]:
        return [(0, 0, 0, "", (address, port)) for address in addresses]

    return getaddrinfo


@pytest.mark.parametrize(("host", "addresses", "allowed"), [
    ("localhost", ["127.0.0.1"], True),
    ("localhost", ["::1", "127.0.0.1"], True),
    ("localhost", ["::ffff:127.0.0.1"], True),
    ("localhost", ["10.0.0.1"], False),
    ("localhost", ["127.0.0.1", "10.0.0.1"], False),
    ("x.localhost", ["169.254.169.254"], False),
    ("localhost", ["::ffff:10.0.0.1"], False),
    ("localhost", [], False),
    ("app.internal", ["10.0.0.1"], True),
    ("app.internal", ["93.184.216.34"], True),
    ("app.internal", ["127.0.0.1"], True),
    ("app.internal", ["169.254.169.254"], False),
    ("app.internal", ["::ffff:169.254.169.254"], False),
    ("app.internal", ["fe80::1%eth0"], False),
    ("app.internal", ["0.0.0.0"], False),
    ("app.internal", ["224.0.0.1"], False),
    ("app.internal", ["10.0.0.1", "169.254.169.254"], False),
    ("169.254.1.1", ["169.254.1.1"], True),
])  # fmt: skip
def test_address_that_a_name_resolves_to_is_checked(
    monkeypatch: pytest.MonkeyPatch, host: str, addresses: list[str], allowed: bool
) -> None:
    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", resolving(*addresses))
    hosts = AllowedHosts({"app.internal", "169.254.1.1"})
    target = target_of(f"http://{host}:9/")
    if allowed:
        assert asyncio.run(hosts.resolve(target)) == addresses
    else:
        with pytest.raises(Undelivered):
            asyncio.run(post(target, {}, b"", hosts))


def test_connection_is_made_to_the_address_that_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name is looked up once: what it resolves to later gains nothing."""
    lookups = []

    async def getaddrinfo(self: Any, host: str, port: int, **options: Any) -> list[Any]:
        lookups.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port))]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", getaddrinfo)
    with answering(plain("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")) as port:
        target = target_of(f"http://localhost:{port}/")
        assert asyncio.run(post(target, {}, b"", AllowedHosts())).status == 200
    assert lookups in (["localhost"], ["localhost", "127.0.0.1"])
