"""The effect of each fault on the connection, as real clients see it over real sockets."""

import asyncio
import socket
import struct
import time
from collections.abc import Callable
from http.client import HTTPResponse
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from mockserver import app
from mockserver.contract.openapi.operation import MAX_BODY_BYTES
from mockserver.server.metrics import Metrics
from mockserver.server.pipeline.pipeline import Pipeline
from mockserver.server.server import serving

TIMEOUT = 20
WASHER = "/api/v2/inventory/id/10001"
AUTH = httpx.BasicAuth("demo", "demo")


@pytest.fixture
def rules(client: httpx.Client, sandbox: str) -> Callable[..., None]:
    """Return a function that replaces the fault rules of the test's sandbox."""
    client.post("/_mock/sandboxes", json={"name": sandbox})

    def put(*given: dict[str, Any]) -> None:
        response = client.put(f"/_mock/sandboxes/{sandbox}/faults", json=given)
        assert response.status_code == 200, response.text

    return put


def send_read(client: httpx.Client, sandbox: str, times: int = 1) -> socket.socket:
    """Open a connection, send the same read on it `times` times, and return it."""
    address = urlsplit(str(client.base_url))
    connection = socket.create_connection((address.hostname, address.port), timeout=TIMEOUT)
    head = f"GET {WASHER} HTTP/1.1\r\nHost: a\r\nX-Mock-Sandbox: {sandbox}\r\n"
    connection.sendall(f"{head}Authorization: Basic ZGVtbzpkZW1v\r\n\r\n".encode() * times)
    return connection


def read_all(connection: socket.socket) -> bytes:
    """Return everything up to the end of the connection. Raise ConnectionResetError if it was reset."""
    received = b""
    with connection:
        while chunk := connection.recv(65536):
            received += chunk
    return received


def stock(client: httpx.Client) -> int:
    return client.get(WASHER, auth=AUTH).json()["stock"]


def test_empty_reply_closes_the_connection_without_a_byte(
    client: httpx.Client, sandbox: str, rules: Callable[..., None]
) -> None:
    rules({"fault": {"type": "empty_reply"}})
    assert read_all(send_read(client, sandbox)) == b""
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        client.get(WASHER, auth=AUTH)


def test_reset_resets_the_tcp_connection(
    client: httpx.Client, sandbox: str, rules: Callable[..., None]
) -> None:
    rules({"fault": {"type": "reset"}})
    with pytest.raises(ConnectionResetError):
        read_all(send_read(client, sandbox))
    with pytest.raises(httpx.ReadError):
        client.get(WASHER, auth=AUTH)


@pytest.mark.parametrize(("part", "length"), [(None, 66), (0, 0), (0.25, 33), (1, 131)])
def test_truncated_body_is_shorter_than_its_content_length(
    client: httpx.Client, sandbox: str, rules: Callable[..., None], part: float | None, length: int
) -> None:
    rules({"fault": {"type": "truncated_body"} | ({} if part is None else {"part": part})})
    head, _, body = read_all(send_read(client, sandbox)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"content-length: 132" in head
    assert len(body) == length
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message"):
        client.get(WASHER, auth=AUTH)


def test_malformed_body_is_complete_but_not_json(client: httpx.Client, rules: Callable[..., None]) -> None:
    rules({"fault": {"type": "malformed_body"}})
    response = client.get(WASHER, auth=AUTH)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    with pytest.raises(ValueError, match=r".+"):
        response.json()


def test_slow_body_arrives_in_pieces(client: httpx.Client, rules: Callable[..., None]) -> None:
    rules()
    plain = client.get(WASHER, auth=AUTH)
    rules({"fault": {"type": "slow_body", "seconds": 0.2, "chunks": 4}})
    with client.stream("GET", WASHER, auth=AUTH) as response:
        pieces = list(response.iter_raw())
    assert (b"".join(pieces), len(pieces)) == (plain.content, 4)
    assert response.headers["content-length"] == plain.headers["content-length"]


def test_no_answer_sends_nothing_until_client_or_server_closes(
    client: httpx.Client, sandbox: str, rules: Callable[..., None]
) -> None:
    rules({"fault": {"type": "no_answer"}})
    with pytest.raises(httpx.ReadTimeout):
        client.get(WASHER, auth=AUTH, timeout=0.2)
    rules({"fault": {"type": "no_answer", "seconds": 0.05}})
    assert read_all(send_read(client, sandbox)) == b"", "the server must close the connection"


def test_call_is_carried_out_if_its_reply_is_lost(client: httpx.Client, rules: Callable[..., None]) -> None:
    rules({"fault": {"type": "committed_reply_lost"}, "times": 1})
    assert stock(client) == 10, "reads must be answered"
    with pytest.raises(httpx.RemoteProtocolError):
        client.patch(WASHER, auth=AUTH, json={"stock": {"adjust_by": 5}})
    assert stock(client) == 15
    assert client.patch(WASHER, auth=AUTH, json={"stock": {"adjust_by": 5}}).json()["stock"] == 20


@pytest.mark.parametrize("fault", ["empty_reply", "reset", "no_answer"])
def test_call_is_not_carried_out_if_it_gets_no_answer(
    client: httpx.Client, rules: Callable[..., None], fault: str
) -> None:
    rules({"fault": {"type": fault}, "times": 1})
    with pytest.raises(httpx.TransportError):
        client.patch(WASHER, auth=AUTH, json={"stock": 3}, timeout=0.2 if fault == "no_answer" else TIMEOUT)
    assert stock(client) == 10


def test_no_request_is_answered_after_a_fault_closes_the_connection(
    client: httpx.Client, sandbox: str, rules: Callable[..., None]
) -> None:
    rules({"fault": {"type": "empty_reply"}, "after": 1, "times": 1})
    assert read_all(send_read(client, sandbox, times=3)).count(b"HTTP/1.1 ") == 1
    assert stock(client) == 10, "other connections must be answered"


@pytest.mark.parametrize(
    "delay",
    [
        {"type": "fixed", "seconds": 30},
        {"type": "uniform", "lower": 30, "upper": 60},
        {"type": "lognormal", "median": 40, "sigma": 0.1},
    ],
)
def test_call_is_carried_out_if_its_client_times_out(
    client: httpx.Client, rules: Callable[..., None], delay: dict[str, Any]
) -> None:
    rules({"operation": "update-inventory", "delay": delay})
    with pytest.raises(httpx.ReadTimeout):
        client.patch(WASHER, auth=AUTH, json={"stock": 3}, timeout=0.3)
    assert stock(client) == 3


def test_delayed_answer_arrives(client: httpx.Client, rules: Callable[..., None]) -> None:
    rules(
        {
            "delay": {"type": "lognormal", "median": 0.01, "sigma": 1, "most": 0.02},
            "fault": {"type": "status", "status": 503},
        }
    )
    response = client.get(WASHER, auth=AUTH)
    assert (response.status_code, response.content) == (503, b"")
    assert response.elapsed.total_seconds() > 0


def test_hundreds_of_delayed_calls_do_not_block_others(
    client: httpx.Client, sandbox: str, rules: Callable[..., None]
) -> None:
    rules({"operation": "get-inventory", "delay": {"type": "fixed", "seconds": 60}})
    waiting = [send_read(client, sandbox) for _ in range(200)]
    try:
        patched = client.patch(WASHER, auth=AUTH, json={"stock": 3}, timeout=TIMEOUT)
        assert patched.json()["stock"] == 3, "calls in the same sandbox must not wait"
        other = {"X-Mock-Sandbox": f"{sandbox}-other"}
        assert client.get(WASHER, auth=AUTH, headers=other, timeout=TIMEOUT).json()["stock"] == 10
    finally:
        for connection in waiting:
            connection.close()


def test_clients_that_disconnect_while_waiting_do_no_harm(
    client: httpx.Client, sandbox: str, rules: Callable[..., None]
) -> None:
    rules({"fault": {"type": "no_answer"}})
    for _ in range(20):
        with send_read(client, sandbox) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    rules()
    assert stock(client) == 10


def test_stopping_server_closes_waiting_connections() -> None:
    with (
        serving(app.build(names=["merchantpro"]).application) as url,
        httpx.Client(base_url=url) as local_client,
    ):
        rule = {"fault": {"type": "no_answer"}}
        assert local_client.put("/_mock/sandboxes/demo/faults", json=[rule]).status_code == 200
        waiting = send_read(local_client, "demo")
        wait_until_fired(local_client)
    assert read_all(waiting) == b""


def wait_until_fired(client: httpx.Client) -> None:
    """Wait until the first rule of the default sandbox has fired."""
    until = time.monotonic() + TIMEOUT
    while not client.get("/_mock/sandboxes/demo/faults").json()["faults"][0]["fired"]:
        assert time.monotonic() < until, "no call arrived"


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("empty_reply", ConnectionAbortedError),
        ("truncated_body", ConnectionAbortedError),
        ("reset", ConnectionResetError),
    ],
)
def test_asgi_client_gets_a_connection_error_for_a_dropped_connection(
    fault: str, error: type[ConnectionError]
) -> None:
    async def calls() -> None:
        transport = httpx.ASGITransport(app.build(names=["merchantpro"]).application)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as local_client:
            await local_client.put("/_mock/sandboxes/demo/faults", json=[{"fault": {"type": fault}}])
            with pytest.raises(error, match="the mock"):
                await local_client.get(WASHER, auth=AUTH)

    asyncio.run(calls())


def replies(connection: socket.socket, *requests: bytes) -> list[tuple[int, bool]]:
    """Send requests one after the other; return status and presence of `Connection: close` for each."""
    received = []
    with connection:
        for request in requests:
            connection.sendall(request)
            response = HTTPResponse(connection)
            response.begin()
            response.read()
            received.append((response.status, response.getheader("connection") == "close"))
    return received


KINDS: dict[str, tuple[app.EngineName, bool]] = {
    "fast path": ("compiled", True), "no fast path": ("compiled", False), "connexion": ("connexion", True),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("status", [408, 413])
def test_connection_is_closed_only_if_the_request_was_not_read(kind: str, status: int) -> None:
    engine, fast_path = KINDS[kind]
    mock = app.build(names=["merchantpro"], engine=engine)
    front = Pipeline(mock.application.router, mock.sandboxes, Metrics(lambda: 0), engine=mock.engine)
    front.body_timeout = 0.5 if status == 408 else TIMEOUT
    head = f"GET {WASHER} HTTP/1.1\r\nHost: a\r\nAuthorization: Basic ZGVtbzpkZW1v\r\n"
    body = "x" * (MAX_BODY_BYTES + 1) if status == 413 else "x"
    unread = head.replace("GET", "PATCH") + f"Content-Length: {MAX_BODY_BYTES + 1}\r\n\r\n{body}"
    with serving(front, fast_path=fast_path) as url:
        address = urlsplit(url)
        opened = socket.create_connection((address.hostname, address.port), timeout=TIMEOUT)
        preferred = f"{head}Prefer: code={status}\r\n\r\n".encode()
        sent = replies(opened, preferred, preferred, f"{head}\r\n".encode())
        assert sent == [(status, False), (status, False), (200, False)]
        opened = socket.create_connection((address.hostname, address.port), timeout=TIMEOUT)
        assert replies(opened, unread.encode()) == [(status, True)]
