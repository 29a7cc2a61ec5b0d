"""The proxy: whatever a client says to it, no vendor is ever looked up or connected to."""

import json
import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from mockserver import app, proxy
from mockserver.cli.exec import Stage, staged
from tests.test_greeting import client_hello

VENDOR = "services.leadconnectorhq.com"
KIN = "backend.leadconnectorhq.com"
LIST = "/products/inventory?altId=x&limit=1&altType=location"
HEADERS = {"Authorization": "Bearer demo", "Version": "v3"}
HEAD = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
PATIENCE = 20
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


def test_the_watch_sees_what_the_proxy_looks_up(stage: Stage, reached: Reached) -> None:
    """Without this the others would prove nothing."""
    assert say(stage, b"CONNECT seen.invalid:443 HTTP/1.1\r\nHost: a\r\n\r\n").startswith(b"HTTP/1.1 502 ")
    assert [event for event in reached if "seen.invalid" in event[1]]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("data")
        patch.setenv("MOCKSERVER_DATA_DIR", str(folder))
        yield folder


@pytest.fixture(scope="module")
def stage(data: Path) -> Iterator[Stage]:
    with staged(app.build(), only_vendors=False) as one:
        yield one


@pytest.fixture(scope="module")
def strict(data: Path) -> Iterator[Stage]:
    with staged(app.build(), only_vendors=True) as one:
        yield one


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
        thread.join(PATIENCE)


def dial(stage: Stage) -> socket.socket:
    host, port = stage.environment["MOCKSERVER_PROXY"].removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=PATIENCE)


def say(stage: Stage, sent: bytes) -> bytes:
    """All that comes back; a reset is `reset`."""
    with closing(dial(stage)) as line:
        line.sendall(sent)
        return heard(line)


def heard(line: socket.socket) -> bytes:
    got = b""
    try:
        while piece := line.recv(65536):
            got += piece
    except ConnectionResetError:
        got += b"reset"
    return got


def until_blank(line: socket.socket) -> bytes:
    got = b""
    while not got.endswith(b"\r\n\r\n"):
        got += line.recv(1) or pytest.fail(f"closed after {got!r}")
    return got


@contextmanager
def tunnel(stage: Stage, authority: str) -> Iterator[socket.socket]:
    with closing(dial(stage)) as line:
        line.sendall(f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode())
        assert until_blank(line).startswith(b"HTTP/1.1 200 ")
        yield line


def client(stage: Stage, **settings: Any) -> httpx.Client:
    trusted = ssl.create_default_context(cafile=stage.environment["SSL_CERT_FILE"])
    url = stage.environment["MOCKSERVER_PROXY"]
    return httpx.Client(proxy=url, verify=trusted, timeout=PATIENCE, **settings)


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
def test_a_vendors_name_leads_to_the_mock_on_any_port(url: str, stage: Stage, reached: Reached) -> None:
    with client(stage) as one:
        answer = one.get(url + LIST, headers=HEADERS)
    assert (answer.status_code, len(answer.json()["inventory"])) == (200, 1)
    assert nobody_real(reached)


@pytest.mark.parametrize(
    "host", ["shop.demo.ro", "sabi.example", "narvar.example", "any.myshoplazza.com", "myshoplaza.com"]
)
def test_every_vendors_certificate_is_right(host: str, stage: Stage) -> None:
    with client(stage) as one:
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
    request_line: str, host: str, stage: Stage
) -> None:
    answer = say(stage, f"{request_line} HTTP/1.1\r\nHost: {host}\r\n{HEAD}\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 200 ") and b'"inventory"' in answer


def test_a_body_arrives_whole_however_it_is_framed(stage: Stage) -> None:
    def pieces() -> Iterator[bytes]:
        yield b'{"stock"'
        yield b": 3}"

    settings = {"auth": ("sbx_framed", ""), "headers": {"Content-Type": "application/json"}}
    with client(stage, **settings) as one:
        for body in (b'{"stock": 3}', pieces()):
            answer = one.patch("http://shop.demo.ro/api/v2/inventory/id/10001", content=body)
            assert (answer.status_code, answer.json()["stock"]) == (200, 3)


def test_straight_tls_is_for_the_mock_and_only_for_a_vendor(stage: Stage, reached: Reached) -> None:
    trusted = ssl.create_default_context(cafile=stage.environment["SSL_CERT_FILE"])
    with closing(trusted.wrap_socket(dial(stage), server_hostname=VENDOR)) as line:
        line.sendall(f"GET {LIST} HTTP/1.1\r\nHost: {VENDOR}\r\n{HEAD}Connection: close\r\n\r\n".encode())
        assert heard(line).startswith(b"HTTP/1.1 200 ")
    assert say(stage, client_hello("other.example")) in (b"", b"reset")
    assert "other.example" in stage.proxy.refused and nobody_real(reached)


@pytest.mark.parametrize(
    "head",
    [
        f"CONNECT {KIN}:443",
        f"CONNECT {KIN.upper()}.:443",
        "CONNECT leadconnectorhq.com:80",
        "CONNECT www.demo.ro:443",
        f"GET http://{KIN}/",
        f"GET https://{KIN}:1/",
    ],
)
def test_the_other_hosts_of_a_vendor_are_refused_in_words(head: str, stage: Stage, reached: Reached) -> None:
    answer = say(stage, f"{head} HTTP/1.1\r\nHost: {VENDOR}\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 403 ") and b"is of a vendor, and not served" in answer.splitlines()[0]
    assert b"X-Mock-Error: refused" in answer and nobody_real(reached)


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
def test_what_might_mean_a_vendor_to_somebody_is_refused(head: str, stage: Stage, reached: Reached) -> None:
    answer = say(stage, f"{head} HTTP/1.1\r\nHost: other.example\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 400 ") and b"X-Mock-Error: " in answer
    assert nobody_real(reached)


@pytest.mark.parametrize(
    "sent",
    [
        "CONNECT \N{FULLWIDTH LATIN SMALL LETTER S}ervices.leadconnectorhq.com:443 HTTP/1.1\r\nHost: a\r\n\r\n".encode(),
        f"CONNECT {VENDOR}:443\x00.example:443 HTTP/1.1\r\nHost: a\r\n\r\n".encode(),
        f"CONNECT other.example {VENDOR}:443 HTTP/1.1\r\nHost: a\r\n\r\n".encode(),
        f"CONNECT {VENDOR}:443 HTTP/9.9\r\n\r\n".encode(),
        f"CONNECT {VENDOR}:443 HTTP/1.1\r\n\r\n".encode(),
        f"CONNECT {KIN}:443 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc".encode(),
        b"CONNECT\r\n\r\n",
        b"\x05\x01\x00",
        b"\x00" * 100,
    ],
    ids=["full-width", "null", "two targets", "version", "no Host", "body", "nothing", "socks", "zeros"],
)
def test_what_is_no_request_is_refused(sent: bytes, stage: Stage, reached: Reached) -> None:
    with closing(dial(stage)) as line:
        line.sendall(sent)
        line.shutdown(socket.SHUT_WR)
        assert heard(line).startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 505 "))
    assert nobody_real(reached)


def test_a_head_without_end_is_refused(stage: Stage) -> None:
    sent = f"CONNECT {VENDOR}:443 HTTP/1.1\r\nX: ".encode() + b"a" * 100_000
    assert say(stage, sent).startswith((b"HTTP/1.1 431 ", b"reset"))


def test_who_is_too_slow_and_who_is_one_too_many_is_told(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with staged(app.build(), only_vendors=False) as stage:
        monkeypatch.setattr(proxy, "HEAD_DEADLINE", 0.2)
        monkeypatch.setattr(proxy, "MOST_CONNECTIONS", 1)
        with closing(dial(stage)) as slow:
            slow.sendall(b"CONNECT ")
            assert say(stage, b"").startswith(b"HTTP/1.1 503 ")
            assert heard(slow).startswith(b"HTTP/1.1 408 ")


def test_another_host_passes_byte_for_byte(stage: Stage, other: ThreadingHTTPServer) -> None:
    with tunnel(stage, f"127.0.0.1:{other.server_port}") as line:
        line.sendall(b"GET /a%2Fb?c HTTP/1.1\r\nHost: other.example\r\nConnection: close\r\n\r\n")
        assert heard(line).startswith(b"HTTP/1.0 200 ")
    assert other.asked[0]["target"] == "/a%2Fb?c"
    assert stage.proxy.passed["127.0.0.1"] > 0


def test_a_whole_url_of_another_host_passes_without_what_was_for_the_proxy(
    stage: Stage, other: ThreadingHTTPServer
) -> None:
    url = f"http://127.0.0.1:{other.server_port}/?a=1"
    headers = {"Proxy-Authorization": "Basic eDp5", "X-Own": "kept", "Host": VENDOR}
    with client(stage, headers=headers) as one:
        said = one.post(url, content=b"some words").json()
    assert (said["target"], said["body"]) == ("/?a=1", "some words")
    assert said["headers"]["host"] == f"127.0.0.1:{other.server_port}"
    assert said["headers"]["x-own"] == "kept" and "proxy-authorization" not in said["headers"]


def test_a_second_request_behind_the_first_goes_nowhere(stage: Stage, other: ThreadingHTTPServer) -> None:
    first = f"GET http://127.0.0.1:{other.server_port}/one HTTP/1.1\r\nHost: a\r\n\r\n"
    second = f"GET /two HTTP/1.1\r\nHost: {VENDOR}\r\n\r\n"
    assert say(stage, (first + second).encode()).startswith(b"HTTP/1.0 200 ")
    assert [said["target"] for said in other.asked] == ["/one"]


@pytest.mark.parametrize(
    "words",
    [
        client_hello(VENDOR),
        client_hello(KIN.upper()),
        f"GET / HTTP/1.1\r\nHost: {VENDOR}\r\n\r\n".encode(),
        f"GET http://{KIN}./ HTTP/1.1\r\nHost: a\r\n\r\n".encode(),
        f"GET / HTTP/1.1\r\nHost: a\r\nHost: {VENDOR}\r\n\r\n".encode(),
    ],
    ids=["TLS", "TLS to kin", "Host", "URL", "two Hosts"],
)
def test_a_tunnel_to_another_host_that_speaks_to_a_vendor_is_cut_before_a_byte_has_left(
    words: bytes, stage: Stage
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.settimeout(PATIENCE)
        with tunnel(stage, f"127.0.0.1:{other.getsockname()[1]}") as line:
            line.sendall(words[:7])
            line.sendall(words[7:])
            assert heard(line) == b"reset"
        with closing(other.accept()[0]) as there:
            there.settimeout(PATIENCE)
            assert heard(there) == b""


def test_who_waits_for_the_other_side_to_begin_may(stage: Stage) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.settimeout(PATIENCE)
        with (
            tunnel(stage, f"127.0.0.1:{other.getsockname()[1]}") as line,
            closing(other.accept()[0]) as there,
        ):
            there.sendall(b"220 welcome\r\n")
            assert line.recv(100) == b"220 welcome\r\n"
            line.sendall(b"EHLO me\r\n")
            there.settimeout(PATIENCE)
            assert there.recv(100) == b"EHLO me\r\n"


@pytest.mark.parametrize(
    "head", ["CONNECT other.example:443", "GET http://other.example/", "CONNECT 127.0.0.1:9"]
)
def test_only_vendors_means_that_nobody_else_is_looked_up(head: str, strict: Stage, reached: Reached) -> None:
    answer = say(strict, f"{head} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    assert (
        answer.startswith(b"HTTP/1.1 403 ") and b"is no vendor's (--only-vendors)" in answer.splitlines()[0]
    )
    assert not [event for event in reached if "other.example" in event[1]]


def test_a_host_that_cannot_be_reached_is_told(stage: Stage) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    answer = say(stage, f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    assert answer.startswith(f"HTTP/1.1 502 cannot reach 127.0.0.1 port {port}: ".encode())


@pytest.mark.parametrize(("fault", "end"), [("reset", b"reset"), ("empty_reply", b"")])
@pytest.mark.parametrize("tls", [True, False], ids=["TLS", "plain"])
def test_a_broken_connection_is_as_broken_through_the_proxy(
    fault: str, end: bytes, tls: bool, stage: Stage
) -> None:
    name = f"{fault}-{tls}"
    control = f"{stage.url}/_mock/sandboxes"
    httpx.post(control, json={"name": name}).raise_for_status()
    httpx.put(f"{control}/{name}/faults", json=[{"fault": {"type": fault}}]).raise_for_status()
    asked = f"GET {LIST} HTTP/1.1\r\nHost: {VENDOR}\r\n{HEAD}\r\n".replace("demo", f"sbx_{name}").encode()
    with tunnel(stage, f"{VENDOR}:443") as line:
        if tls:
            asked = shaken(line, stage.environment["MOCKSERVER_CA"], asked)
        line.sendall(asked)
        rest = heard(line)
    # Over TLS a few bytes of the handshake may come first; an answer would be far longer.
    assert rest.endswith(end) and len(rest) < 1000 and (tls or rest == end)
    assert (b"reset" in rest) == (fault == "reset")


def shaken(line: socket.socket, authority: str, words: bytes) -> bytes:
    """Words under TLS, after shaking hands. OpenSSL hides from Python how a connection ended."""
    trusted, coming, going = ssl.create_default_context(cafile=authority), ssl.MemoryBIO(), ssl.MemoryBIO()
    talk = trusted.wrap_bio(coming, going, server_hostname=VENDOR)
    while True:
        try:
            talk.do_handshake()
            break
        except ssl.SSLWantReadError:
            line.sendall(going.read())
            coming.write(line.recv(65536))
    talk.write(words)
    return going.read()
