"""The proxy: whatever a client says to it, no vendor is ever looked up or connected to."""

import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mockserver import app
from mockserver.cli.exec import proxy
from mockserver.cli.exec.exec_command import ExecSetup, exec_setup
from tests.cli.exec.test_protocol_detection import client_hello
from tests.proxy_client import (
    HEAD,
    HEADERS,
    LIST,
    SIBLING,
    VENDOR,
    connect_to_proxy,
    http_client,
    receive_all,
    send_raw,
)

CLOSED = ("leadconnectorhq", "shoplazza", "shoplaza", "demo.ro", "sabi.example", "narvar.example")
Reached = list[tuple[str, str]]


@pytest.fixture(scope="module")
def reached() -> Iterator[Reached]:
    """All that this process looks up or connects to, as Python itself reports it."""
    seen: Reached = []
    looking = threading.Event()  # a hook can never be taken away again
    looking.set()

    def look(event: str, arguments: tuple[Any, ...]) -> None:
        if looking.is_set() and event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname"):
            seen.append((event, str(arguments).lower()))

    sys.addaudithook(look)
    yield seen
    looking.clear()


def test_the_watch_sees_what_the_proxy_looks_up(exec_run: ExecSetup, reached: Reached) -> None:
    """Without this the others would prove nothing."""
    assert send_raw(exec_run, b"CONNECT seen.invalid:443 HTTP/1.1\r\nHost: a\r\n\r\n").startswith(
        b"HTTP/1.1 502 "
    )
    assert [event for event in reached if "seen.invalid" in event[1]]


@pytest.fixture(scope="module")
def strict(data: Path) -> Iterator[ExecSetup]:
    with exec_setup(app.build(), only_vendors=True) as one:
        yield one


def nobody_real(reached: Reached) -> bool:
    return not [event for event in reached if any(name in event[1] for name in CLOSED)]


@pytest.mark.parametrize(
    "url",
    [
        f"https://{VENDOR}",
        f"https://{VENDOR.upper()}",
        f"https://{VENDOR}:8443",
        f"http://{VENDOR}",
        f"http://{VENDOR}.:8080",
    ],
)
def test_a_vendors_name_leads_to_the_mock_on_any_port(
    url: str, exec_run: ExecSetup, reached: Reached
) -> None:
    with http_client(exec_run) as one:
        answer = one.get(url + LIST, headers=HEADERS)
    assert (answer.status_code, len(answer.json()["inventory"])) == (200, 1)
    assert nobody_real(reached)


@pytest.mark.parametrize(
    "host", ["shop.demo.ro", "sabi.example", "narvar.example", "any.myshoplazza.com", "myshoplaza.com"]
)
def test_every_vendors_certificate_is_right(host: str, exec_run: ExecSetup) -> None:
    with http_client(exec_run) as one:
        assert one.get(f"https://{host}/nowhere").status_code in (401, 404)


@pytest.mark.parametrize(
    ("request_line", "host"),
    [
        (f"GET https://{VENDOR}{LIST}", VENDOR),
        (f"GET http://{VENDOR}:81{LIST}", "elsewhere.example"),
        (f"GET HTTP://{VENDOR.upper()}.{LIST}#part", "elsewhere.example"),
        (f"GET {LIST}", VENDOR),
    ],
    ids=["https to the proxy", "another Host", "odd letters", "no word to the proxy"],
)
def test_a_request_in_the_clear_ends_at_the_mock_under_the_name_in_its_url(
    request_line: str, host: str, exec_run: ExecSetup
) -> None:
    answer = send_raw(exec_run, f"{request_line} HTTP/1.1\r\nHost: {host}\r\n{HEAD}\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 200 ") and b'"inventory"' in answer


def test_a_body_arrives_whole_however_it_is_framed(exec_run: ExecSetup) -> None:
    def pieces() -> Iterator[bytes]:
        yield b'{"stock"'
        yield b": 3}"

    settings = {"auth": ("sbx_framed", ""), "headers": {"Content-Type": "application/json"}}
    with http_client(exec_run, **settings) as one:
        for body in (b'{"stock": 3}', pieces()):
            answer = one.patch("http://shop.demo.ro/api/v2/inventory/id/10001", content=body)
            assert (answer.status_code, answer.json()["stock"]) == (200, 3)


def test_straight_tls_is_for_the_mock_and_only_for_a_vendor(exec_run: ExecSetup, reached: Reached) -> None:
    trusted = ssl.create_default_context(cafile=exec_run.environment["SSL_CERT_FILE"])
    with closing(trusted.wrap_socket(connect_to_proxy(exec_run), server_hostname=VENDOR)) as line:
        line.sendall(f"GET {LIST} HTTP/1.1\r\nHost: {VENDOR}\r\n{HEAD}Connection: close\r\n\r\n".encode())
        assert receive_all(line).startswith(b"HTTP/1.1 200 ")
    assert send_raw(exec_run, client_hello("other.example")) in (b"", b"reset")
    assert "other.example" in exec_run.proxy.refused and nobody_real(reached)


@pytest.mark.parametrize(
    "head",
    [
        f"CONNECT {SIBLING}:443",
        f"CONNECT {SIBLING.upper()}.:443",
        "CONNECT leadconnectorhq.com:80",
        "CONNECT www.demo.ro:443",
        f"GET http://{SIBLING}/",
        f"GET https://{SIBLING}:1/",
    ],
)
def test_the_other_hosts_of_a_vendor_are_refused_in_words(
    head: str, exec_run: ExecSetup, reached: Reached
) -> None:
    answer = send_raw(exec_run, f"{head} HTTP/1.1\r\nHost: {VENDOR}\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 403 ") and b"is of a vendor, and not served" in answer.splitlines()[0]
    assert b"x-mock-error: refused" in answer and nobody_real(reached)


@pytest.mark.parametrize(
    "head",
    [
        f"CONNECT {VENDOR}",
        f"CONNECT {VENDOR}:",
        f"CONNECT {VENDOR}:0",
        f"CONNECT {VENDOR}:65536",
        f"CONNECT {VENDOR}:443:443",
        f"CONNECT {VENDOR}:+443",
        f"CONNECT {VENDOR}..:443",
        f"CONNECT {VENDOR}%00.example:443",
        f"CONNECT user@{VENDOR}:443",
        f"CONNECT https://{VENDOR}:443",
        f"CONNECT /{VENDOR}:443",
        f"CONNECT example.org@{VENDOR}:443",
        f"CONNECT [{VENDOR}]:443",
        "CONNECT services%2eleadconnectorhq.com:443",
        "CONNECT *:443",
        "CONNECT :443",
        f"GET http://user:pass@{VENDOR}/",
        f"GET http://example.org\\@{VENDOR}/",
        f"GET ftp://{VENDOR}/",
        f"GET //{VENDOR}/",
        "GET http:///",
        "GET /",
        "OPTIONS *",
    ],
)
def test_what_might_mean_a_vendor_to_somebody_is_refused(
    head: str, exec_run: ExecSetup, reached: Reached
) -> None:
    answer = send_raw(exec_run, f"{head} HTTP/1.1\r\nHost: other.example\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 400 ") and b"x-mock-error: " in answer
    assert nobody_real(reached)


@pytest.mark.parametrize(
    "sent",
    [
        f"CONNECT {VENDOR}:443 HTTP/1.1\r\nHost: a\r\n\r\n".replace("s", "\uff53", 1).encode(),
        f"CONNECT {VENDOR}:443\x00.example:443 HTTP/1.1\r\nHost: a\r\n\r\n".encode(),
        f"CONNECT other.example {VENDOR}:443 HTTP/1.1\r\nHost: a\r\n\r\n".encode(),
        f"CONNECT {VENDOR}:443 HTTP/1.1\r\n\r\n".encode(),
        f"CONNECT {SIBLING}:443 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc".encode(),
        b"CONNECT\r\n\r\n",
        b"\x05\x01\x00",
        b"\x00" * 100,
    ],
    ids=["full-width", "null", "two targets", "no Host", "body", "nothing", "socks", "zeros"],
)
def test_what_is_no_request_is_refused(sent: bytes, exec_run: ExecSetup, reached: Reached) -> None:
    with closing(connect_to_proxy(exec_run)) as line:
        line.sendall(sent)
        line.shutdown(socket.SHUT_WR)
        assert receive_all(line).startswith(b"HTTP/1.1 400 ")
    assert nobody_real(reached)


def test_a_head_without_end_is_refused(exec_run: ExecSetup) -> None:
    sent = f"CONNECT {VENDOR}:443 HTTP/1.1\r\nX: ".encode() + b"a" * 100_000
    assert send_raw(exec_run, sent).startswith((b"HTTP/1.1 431 ", b"reset"))


def test_who_does_not_finish_a_head_is_told(exec_run: ExecSetup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy, "HEAD_TIMEOUT", 0.1)
    assert send_raw(exec_run, b"CONNECT ").startswith(b"HTTP/1.1 408 ")


def test_who_is_one_too_many_is_told(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy, "MAX_CONNECTIONS", 1)
    with exec_setup(app.build(), only_vendors=False) as exec_run, closing(connect_to_proxy(exec_run)):
        assert send_raw(exec_run, b"").startswith(b"HTTP/1.1 503 ")


@pytest.mark.parametrize(
    "head", ["CONNECT other.example:443", "GET http://other.example/", "CONNECT 127.0.0.1:9"]
)
def test_only_vendors_means_that_nobody_else_is_looked_up(
    head: str, strict: ExecSetup, reached: Reached
) -> None:
    answer = send_raw(strict, f"{head} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    assert (
        answer.startswith(b"HTTP/1.1 403 ") and b"is no vendor's (--only-vendors)" in answer.splitlines()[0]
    )
    assert not [event for event in reached if "other.example" in event[1]]
