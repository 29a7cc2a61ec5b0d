"""What passes through the proxy, to the mock or to other hosts, and what does not."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from mockserver.cli.exec.exec_command import ExecSetup
from tests.cli.exec.test_protocol_detection import client_hello
from tests.proxy_client import (
    HEAD,
    HEADERS,
    LIST,
    SIBLING,
    TIMEOUT,
    VENDOR,
    encrypted,
    http_client,
    receive_all,
    send_raw,
    tunnel,
)


class Other(BaseHTTPRequestHandler):
    """A host that is no vendor: it tells what it was asked."""

    def do_GET(self) -> None:
        size = int(self.headers.get("Content-Length", 0))
        said = {
            "target": self.path,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "body": self.rfile.read(size).decode(),
        }
        self.server.asked.append(said)
        body = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *words: object) -> None:
        """Nothing."""


@pytest.fixture
def other() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Other) as server:
        server.asked = []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join(TIMEOUT)


def test_another_host_passes_byte_for_byte(exec_run: ExecSetup, other: ThreadingHTTPServer) -> None:
    with tunnel(exec_run, f"127.0.0.1:{other.server_port}") as line:
        line.sendall(b"GET /a%2Fb?c HTTP/1.1\r\nHost: other.example\r\nConnection: close\r\n\r\n")
        assert receive_all(line).startswith(b"HTTP/1.0 200 ")
    assert other.asked[0]["target"] == "/a%2Fb?c"
    assert exec_run.proxy.passed["127.0.0.1"] > 0


def test_a_whole_url_of_another_host_passes_without_what_was_for_the_proxy(
    exec_run: ExecSetup, other: ThreadingHTTPServer
) -> None:
    url = f"http://127.0.0.1:{other.server_port}/?a=1"
    headers = {"Proxy-Authorization": "Basic eDp5", "X-Own": "kept", "Host": VENDOR}
    with http_client(exec_run, headers=headers) as one:
        said = one.post(url, content=b"some words").json()
    assert (said["target"], said["body"]) == ("/?a=1", "some words")
    assert said["headers"]["host"] == f"127.0.0.1:{other.server_port}"
    assert said["headers"]["x-own"] == "kept" and "proxy-authorization" not in said["headers"]


def test_a_second_request_behind_the_first_goes_nowhere(
    exec_run: ExecSetup, other: ThreadingHTTPServer
) -> None:
    first = f"GET http://127.0.0.1:{other.server_port}/one HTTP/1.1\r\nHost: a\r\n\r\n"
    second = f"GET /two HTTP/1.1\r\nHost: {VENDOR}\r\n\r\n"
    assert send_raw(exec_run, (first + second).encode()).startswith(b"HTTP/1.0 200 ")
    assert [said["target"] for said in other.asked] == ["/one"]


@pytest.mark.parametrize(
    "words",
    [
        client_hello(VENDOR),
        client_hello(SIBLING.upper()),
        f"GET / HTTP/1.1\r\nHost: {VENDOR}\r\n\r\n".encode(),
        f"GET http://{SIBLING}./ HTTP/1.1\r\nHost: a\r\n\r\n".encode(),
        f"GET / HTTP/1.1\r\nHost: a\r\nHost: {VENDOR}\r\n\r\n".encode(),
    ],
    ids=["TLS", "TLS to kin", "Host", "URL", "two Hosts"],
)
def test_a_tunnel_to_another_host_that_speaks_to_a_vendor_is_cut_before_a_byte_has_left(
    words: bytes, exec_run: ExecSetup
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.settimeout(TIMEOUT)
        with tunnel(exec_run, f"127.0.0.1:{other.getsockname()[1]}") as line:
            line.sendall(words[:7])
            line.sendall(words[7:])
            assert receive_all(line) == b"reset"
        with closing(other.accept()[0]) as there:
            there.settimeout(TIMEOUT)
            assert receive_all(there) == b""


def test_who_waits_for_the_other_side_to_begin_may(exec_run: ExecSetup) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.settimeout(TIMEOUT)
        with (
            tunnel(exec_run, f"127.0.0.1:{other.getsockname()[1]}") as line,
            closing(other.accept()[0]) as there,
        ):
            there.sendall(b"220 welcome\r\n")
            assert line.recv(100) == b"220 welcome\r\n"
            line.sendall(b"EHLO me\r\n")
            there.settimeout(TIMEOUT)
            assert there.recv(100) == b"EHLO me\r\n"


def test_a_host_that_cannot_be_reached_is_told(exec_run: ExecSetup) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    answer = send_raw(exec_run, f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    assert answer.startswith(f"HTTP/1.1 502 cannot reach 127.0.0.1 port {port}: ".encode())


@pytest.mark.parametrize("tls", [True, False], ids=["TLS", "plain"])
def test_a_reset_of_the_mocks_is_one_for_the_client(tls: bool, exec_run: ExecSetup) -> None:
    name = f"reset-{tls}"
    asked = f"GET {LIST} HTTP/1.1\r\nHost: {VENDOR}\r\n{HEAD}\r\n".replace("demo", f"sbx_{name}").encode()
    broken(exec_run, name, "reset")
    with tunnel(exec_run, f"{VENDOR}:443") as line:
        line.sendall(encrypted(line, exec_run.environment["MOCKSERVER_CA"], asked) if tls else asked)
        assert receive_all(line).endswith(b"reset")


@pytest.mark.parametrize("scheme", ["https", "http"])
@pytest.mark.parametrize("fault", ["empty_reply", "truncated_body"])
def test_an_answer_that_breaks_off_does_so_for_the_client(
    fault: str, scheme: str, exec_run: ExecSetup
) -> None:
    name = f"{fault}-{scheme}"
    broken(exec_run, name, fault)
    headers = {**HEADERS, "Authorization": f"Bearer sbx_{name}"}
    with http_client(exec_run) as one, pytest.raises(httpx.RemoteProtocolError):
        one.get(f"{scheme}://{VENDOR}{LIST}", headers=headers)


def broken(exec_run: ExecSetup, sandbox: str, fault: str) -> None:
    """A sandbox in which every call meets a fault."""
    control = f"{exec_run.url}/_mock/sandboxes"
    httpx.post(control, json={"name": sandbox}).raise_for_status()
    httpx.put(f"{control}/{sandbox}/faults", json=[{"fault": {"type": fault}}]).raise_for_status()
