"""The proxy never looks up a vendor's name or connects to a vendor, whatever a client sends."""

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
from mockserver.contract.hosts import Hosts
from mockserver.contract.vendor_files import VendorFiles
from tests.cli.exec.test_protocol_detection import client_hello
from tests.proxy_client import (
    HEAD,
    HEADERS,
    LIST,
    NOT_EMULATED,
    VENDOR,
    client,
    connect,
    receive_all,
    send,
)

SPECS = [VendorFiles().spec(name) for name in app.vendor_names()]
DOMAINS = Hosts(SPECS, SPECS).domains
Events = list[tuple[str, str]]


@pytest.fixture(scope="module")
def network_events() -> Iterator[Events]:
    """Yield a list to which an audit hook appends all name lookups and connections of this process."""
    events: Events = []
    recording = threading.Event()  # an audit hook cannot be removed, so it must be switched off
    recording.set()

    def record(event: str, arguments: tuple[Any, ...]) -> None:
        if recording.is_set() and event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname"):
            events.append((event, str(arguments).lower()))

    sys.addaudithook(record)
    yield events
    recording.clear()


def test_fixture_records_the_name_lookups_that_the_proxy_makes(
    running_exec: ExecSetup, network_events: Events
) -> None:
    """Without this test, the others could pass because the fixture records nothing."""
    response = send(running_exec, b"CONNECT seen.invalid:443 HTTP/1.1\r\nHost: a\r\n\r\n")
    assert response.startswith(b"HTTP/1.1 502 ")
    assert [event for event in network_events if "seen.invalid" in event[1]]


@pytest.fixture(scope="module")
def only_vendors_exec(data: Path) -> Iterator[ExecSetup]:
    with exec_setup(app.build(), only_vendors=True) as setup:
        yield setup


def no_vendor_called(events: Events) -> bool:
    return not [event for event in events if any(name in event[1] for name in DOMAINS)]


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
def test_vendor_host_reaches_the_mock_on_any_port(
    url: str, running_exec: ExecSetup, network_events: Events
) -> None:
    with client(running_exec) as http:
        response = http.get(url + LIST, headers=HEADERS)
    assert (response.status_code, len(response.json()["inventory"])) == (200, 1)
    assert no_vendor_called(network_events)


@pytest.mark.parametrize(
    "host", [name.replace("*", "some-shop") for spec in SPECS for name in spec.host_names]
)
def test_certificate_covers_every_vendor_host(host: str, running_exec: ExecSetup) -> None:
    with client(running_exec) as http:
        assert http.get(f"https://{host}/nowhere").status_code in (401, 404)


@pytest.mark.parametrize(
    ("request_line", "host"),
    [
        (f"GET https://{VENDOR}{LIST}", VENDOR),
        (f"GET http://{VENDOR}:81{LIST}", "elsewhere.example"),
        (f"GET HTTP://{VENDOR.upper()}.{LIST}#part", "elsewhere.example"),
        (f"GET {LIST}", VENDOR),
    ],
    ids=["https URL", "different Host", "upper case", "path only"],
)
def test_plain_request_reaches_the_mock_by_its_url(
    request_line: str, host: str, running_exec: ExecSetup
) -> None:
    response = send(running_exec, f"{request_line} HTTP/1.1\r\nHost: {host}\r\n{HEAD}\r\n".encode())
    assert response.startswith(b"HTTP/1.1 200 ") and b'"inventory"' in response


def test_body_with_length_or_chunks_arrives_complete(running_exec: ExecSetup) -> None:
    def chunks() -> Iterator[bytes]:
        yield b'{"stock"'
        yield b": 3}"

    settings = {"auth": ("sbx_framed", ""), "headers": {"Content-Type": "application/json"}}
    with client(running_exec, **settings) as http:
        for body in (b'{"stock": 3}', chunks()):
            response = http.patch("http://shop.demo.ro/api/v2/inventory/id/10001", content=body)
            assert (response.status_code, response.json()["stock"]) == (200, 3)


def test_tls_without_connect_reaches_only_vendors(running_exec: ExecSetup, network_events: Events) -> None:
    trust = ssl.create_default_context(cafile=running_exec.environment["SSL_CERT_FILE"])
    with closing(trust.wrap_socket(connect(running_exec), server_hostname=VENDOR)) as connection:
        request = f"GET {LIST} HTTP/1.1\r\nHost: {VENDOR}\r\n{HEAD}Connection: close\r\n\r\n"
        connection.sendall(request.encode())
        assert receive_all(connection).startswith(b"HTTP/1.1 200 ")
    assert send(running_exec, client_hello("other.example")) in (b"", b"reset")
    assert "other.example" in running_exec.proxy.refused and no_vendor_called(network_events)


@pytest.mark.parametrize(
    "start",
    [
        f"CONNECT {NOT_EMULATED}:443",
        f"CONNECT {NOT_EMULATED.upper()}.:443",
        "CONNECT leadconnectorhq.com:80",
        "CONNECT www.demo.ro:443",
        f"GET http://{NOT_EMULATED}/",
        f"GET https://{NOT_EMULATED}:1/",
    ],
)
def test_other_host_on_a_vendors_domain_is_refused(
    start: str, running_exec: ExecSetup, network_events: Events
) -> None:
    response = send(running_exec, f"{start} HTTP/1.1\r\nHost: {VENDOR}\r\n\r\n".encode())
    status_line = response.splitlines()[0]
    assert status_line.startswith(b"HTTP/1.1 403 ")
    assert b"is on a vendor's domain but not emulated here" in status_line
    assert b"x-mock-error: refused" in response and no_vendor_called(network_events)


@pytest.mark.parametrize(
    "start",
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
def test_ambiguous_target_is_refused(start: str, running_exec: ExecSetup, network_events: Events) -> None:
    """URL parsers disagree on some of these targets: one finds a vendor's host, another a different host."""
    response = send(running_exec, f"{start} HTTP/1.1\r\nHost: other.example\r\n\r\n".encode())
    assert response.startswith(b"HTTP/1.1 400 ") and b"x-mock-error: " in response
    assert no_vendor_called(network_events)


@pytest.mark.parametrize(
    "sent",
    [
        f"CONNECT {VENDOR}:443 HTTP/1.1\r\nHost: a\r\n\r\n".replace("s", "\uff53", 1).encode(),
        f"CONNECT {VENDOR}:443\x00.example:443 HTTP/1.1\r\nHost: a\r\n\r\n".encode(),
        f"CONNECT other.example {VENDOR}:443 HTTP/1.1\r\nHost: a\r\n\r\n".encode(),
        f"CONNECT {VENDOR}:443 HTTP/1.1\r\n\r\n".encode(),
        f"CONNECT {NOT_EMULATED}:443 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc".encode(),
        b"CONNECT\r\n\r\n",
        b"\x05\x01\x00",
        b"\x00" * 100,
    ],
    ids=["full-width letter", "NUL", "two targets", "no Host", "body", "no target", "SOCKS", "zeros"],
)
def test_invalid_request_is_refused(sent: bytes, running_exec: ExecSetup, network_events: Events) -> None:
    with closing(connect(running_exec)) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        assert receive_all(connection).startswith(b"HTTP/1.1 400 ")
    assert no_vendor_called(network_events)


def test_endless_head_is_refused(running_exec: ExecSetup) -> None:
    sent = f"CONNECT {VENDOR}:443 HTTP/1.1\r\nX: ".encode() + b"a" * 100_000
    assert send(running_exec, sent).startswith((b"HTTP/1.1 431 ", b"reset"))


def test_unfinished_head_times_out(running_exec: ExecSetup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy, "HEAD_TIMEOUT", 0.1)
    assert send(running_exec, b"CONNECT ").startswith(b"HTTP/1.1 408 ")


def test_too_many_connections_are_refused(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy, "MAX_CONNECTIONS", 1)
    with exec_setup(app.build(), only_vendors=False) as setup, closing(connect(setup)):
        assert send(setup, b"").startswith(b"HTTP/1.1 503 ")


@pytest.mark.parametrize(
    "start", ["CONNECT other.example:443", "GET http://other.example/", "CONNECT 127.0.0.1:9"]
)
def test_option_only_vendors_refuses_other_hosts(
    start: str, only_vendors_exec: ExecSetup, network_events: Events
) -> None:
    response = send(only_vendors_exec, f"{start} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    status_line = response.splitlines()[0]
    assert status_line.startswith(b"HTTP/1.1 403 ")
    assert b"is not an emulated vendor's host: refused because of --only-vendors" in status_line
    assert not [event for event in network_events if "other.example" in event[1]]
