"""Tunnels and forwarded requests: the bytes that reach a host, and the connections that are reset."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from mockserver import app
from mockserver.cli.exec.exec_command import ExecSetup, exec_setup
from tests.cli.exec.test_protocol_detection import client_hello
from tests.proxy_client import (
    HEAD,
    HEADERS,
    LIST,
    NOT_EMULATED,
    TIMEOUT,
    VENDOR,
    client,
    encrypt,
    receive_all,
    send,
    tunnel,
)


class EchoHandler(BaseHTTPRequestHandler):
    """Sends each request back as JSON, and appends it to the server's `requests`."""

    def do_GET(self) -> None:
        size = int(self.headers.get("Content-Length", 0))
        request = {
            "target": self.path,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "body": self.rfile.read(size).decode(),
        }
        self.server.requests.append(request)
        body = json.dumps(request).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *words: object) -> None:
        """Log nothing."""


@pytest.fixture
def other_host() -> Iterator[ThreadingHTTPServer]:
    """Yield an HTTP server whose host is not a vendor's."""
    with ThreadingHTTPServer(("127.0.0.1", 0), EchoHandler) as server:
        server.requests = []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join(TIMEOUT)


def test_tunnel_to_another_host_changes_no_bytes(
    running_exec: ExecSetup, other_host: ThreadingHTTPServer
) -> None:
    with tunnel(running_exec, f"127.0.0.1:{other_host.server_port}") as connection:
        connection.sendall(b"GET /a%2Fb?c HTTP/1.1\r\nHost: other.example\r\nConnection: close\r\n\r\n")
        assert receive_all(connection).startswith(b"HTTP/1.0 200 ")
    assert other_host.requests[0]["target"] == "/a%2Fb?c"
    assert running_exec.proxy.forwarded["127.0.0.1"] > 0


def test_forwarded_request_has_no_proxy_headers(
    running_exec: ExecSetup, other_host: ThreadingHTTPServer
) -> None:
    url = f"http://127.0.0.1:{other_host.server_port}/?a=1"
    headers = {"Proxy-Authorization": "Basic eDp5", "X-Own": "kept", "Host": VENDOR}
    with client(running_exec, headers=headers) as http:
        request = http.post(url, content=b"some words").json()
    assert (request["target"], request["body"]) == ("/?a=1", "some words")
    assert request["headers"]["host"] == f"127.0.0.1:{other_host.server_port}"
    assert request["headers"]["x-own"] == "kept" and "proxy-authorization" not in request["headers"]


def test_second_request_on_a_connection_is_dropped(
    running_exec: ExecSetup, other_host: ThreadingHTTPServer
) -> None:
    first = f"GET http://127.0.0.1:{other_host.server_port}/one HTTP/1.1\r\nHost: a\r\n\r\n"
    second = f"GET /two HTTP/1.1\r\nHost: {VENDOR}\r\n\r\n"
    assert send(running_exec, (first + second).encode()).startswith(b"HTTP/1.0 200 ")
    assert [request["target"] for request in other_host.requests] == ["/one"]


@pytest.mark.parametrize(
    "sent",
    [
        client_hello(VENDOR),
        client_hello(NOT_EMULATED.upper()),
        f"GET / HTTP/1.1\r\nHost: {VENDOR}\r\n\r\n".encode(),
        f"GET http://{NOT_EMULATED}./ HTTP/1.1\r\nHost: a\r\n\r\n".encode(),
        f"GET / HTTP/1.1\r\nHost: a\r\nHost: {VENDOR}\r\n\r\n".encode(),
    ],
    ids=["TLS", "TLS, not emulated", "Host", "URL", "two Hosts"],
)
def test_tunnel_is_reset_before_it_sends_a_vendors_name(sent: bytes, running_exec: ExecSetup) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(TIMEOUT)
        with tunnel(running_exec, f"127.0.0.1:{server.getsockname()[1]}") as connection:
            connection.sendall(sent[:7])
            connection.sendall(sent[7:])
            assert receive_all(connection) == b"reset"
        with closing(server.accept()[0]) as accepted:
            accepted.settimeout(TIMEOUT)
            assert receive_all(accepted) == b""


def test_server_may_speak_first_in_a_tunnel(running_exec: ExecSetup) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(TIMEOUT)
        with (
            tunnel(running_exec, f"127.0.0.1:{server.getsockname()[1]}") as connection,
            closing(server.accept()[0]) as accepted,
        ):
            accepted.sendall(b"220 welcome\r\n")
            assert connection.recv(100) == b"220 welcome\r\n"
            connection.sendall(b"EHLO me\r\n")
            accepted.settimeout(TIMEOUT)
            assert accepted.recv(100) == b"EHLO me\r\n"


def test_unreachable_host_is_a_502_with_the_reason(running_exec: ExecSetup) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    response = send(running_exec, f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    assert response.startswith(f"HTTP/1.1 502 cannot reach 127.0.0.1 port {port}: ".encode())


@pytest.mark.parametrize("tls", [True, False], ids=["TLS", "plain"])
def test_reset_by_the_mock_reaches_the_client(tls: bool, running_exec: ExecSetup) -> None:
    sandbox = f"reset-{tls}"
    head = HEAD.replace("demo", f"sbx_{sandbox}")
    request = f"GET {LIST} HTTP/1.1\r\nHost: {VENDOR}\r\n{head}\r\n".encode()
    put_fault(running_exec, sandbox, "reset")
    with tunnel(running_exec, f"{VENDOR}:443") as connection:
        ca = running_exec.environment["MOCKSERVER_CA"]
        connection.sendall(encrypt(connection, ca, request) if tls else request)
        assert receive_all(connection).endswith(b"reset")


@pytest.mark.parametrize("scheme", ["https", "http"])
@pytest.mark.parametrize("fault", ["empty_reply", "truncated_body"])
def test_broken_response_of_the_mock_reaches_the_client(
    fault: str, scheme: str, running_exec: ExecSetup
) -> None:
    sandbox = f"{fault}-{scheme}"
    put_fault(running_exec, sandbox, fault)
    headers = {**HEADERS, "Authorization": f"Bearer sbx_{sandbox}"}
    with client(running_exec) as http, pytest.raises(httpx.RemoteProtocolError):
        http.get(f"{scheme}://{VENDOR}{LIST}", headers=headers)


def put_fault(setup: ExecSetup, sandbox: str, fault: str) -> None:
    """Create a sandbox in which every call has a fault."""
    control = f"{setup.url}/_mock/sandboxes"
    httpx.post(control, json={"name": sandbox}).raise_for_status()
    httpx.put(f"{control}/{sandbox}/faults", json=[{"fault": {"type": fault}}]).raise_for_status()


def test_open_connection_is_closed_at_the_end_and_nothing_is_logged(
    data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with exec_setup(app.build(), only_vendors=False) as setup:
        address = urlsplit(setup.environment["HTTPS_PROXY"])
        connection = socket.create_connection((address.hostname, address.port), TIMEOUT)
        connection.sendall(b"CONNECT narvar.example:443 HTTP/1.1\r\nHost: narvar.example\r\n\r\n")
        assert b" 200 " in connection.recv(1000)
    with closing(connection), suppress(ConnectionResetError):
        assert connection.recv(1000) == b""
    assert not [record for record in caplog.records if record.name == "asyncio"]
