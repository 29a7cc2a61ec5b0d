"""The server shared by all workers: when it imports modules, what it serves, and when it ends."""

import signal
import socket
import subprocess
import sys
import threading
from urllib.parse import urlsplit

import pytest

from mockserver.client import Client, Refused
from mockserver.embedding.pytest_plugin.shared_server import SharedServer

TIMEOUT = 60
PRINT_URL = """
import sys
from mockserver.embedding.pytest_plugin.shared_server import SharedServer
print(SharedServer({"products": 1}).url, flush=True)
sys.stdin.read()
"""


def connect(url: str) -> socket.socket:
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname, parts.port), timeout=TIMEOUT)


def is_closed_by_server(connection: socket.socket) -> bool:
    """Return True once the server closes the connection, as it does when its process ends."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_shared_server_runs_until_it_is_stopped() -> None:
    shared_server = SharedServer({"seed": 7, "products": 3})
    with Client(shared_server.url) as client:
        assert (client.sandbox().seed, client.sandbox().products) == (7, 3)
        connection = connect(shared_server.url)
        shared_server.stop()
        assert is_closed_by_server(connection)


def test_shared_server_imports_no_heavy_modules_at_start() -> None:
    code = "import sys, mockserver.embedding.pytest_plugin.shared_server; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.split()
    assert [name for name in loaded if name.startswith("mockserver")] == [
        "mockserver",
        "mockserver.embedding",
        "mockserver.embedding.pytest_plugin",
        "mockserver.embedding.pytest_plugin.shared_server",
    ]
    assert not {"asyncio", "connexion", "uvicorn"} & set(loaded)


def test_shared_server_can_be_stopped_before_the_first_request() -> None:
    shared_server = SharedServer({})
    shared_server.stop()
    with pytest.raises(ConnectionRefusedError):
        connect(shared_server.url)


@pytest.mark.parametrize(
    ("signal_number", "called"),
    [(signal.SIGKILL, True), (signal.SIGKILL, False), (signal.SIGTERM, False), (signal.SIGINT, False)],
)
def test_shared_server_ends_when_its_parent_ends(signal_number: signal.Signals, called: bool) -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", PRINT_URL], stdin=pipe, stdout=pipe, stderr=pipe) as parent:
        url = parent.stdout.readline().decode().strip()
        if called:
            Client(url).health()
        connection = connect(url)
        parent.send_signal(signal_number)
    assert is_closed_by_server(connection)


def test_shared_server_prints_nothing_on_sigterm() -> None:
    command = [sys.executable, "-m", "mockserver.embedding.pytest_plugin.shared_server", '{"products": 1}']
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        Client(process.stdout.readline().strip()).health()
        process.send_signal(signal.SIGTERM)
        errors = process.stderr.read()
    assert (process.returncode, errors) == (0, "")


def test_invalid_settings_are_answered_with_503() -> None:
    shared_server = SharedServer({"vendors": ["nobody"]})
    for _ in range(2):
        with pytest.raises(Refused, match="unknown vendor nobody; there are ") as refused:
            Client(shared_server.url).health()
        assert (refused.value.status, refused.value.code) == (503, "cannot_serve")
    shared_server.stop()


def test_shared_server_answers_several_clients_at_once() -> None:
    shared_server, statuses = SharedServer({"products": 1}), []
    threads = [
        threading.Thread(target=lambda: statuses.append(Client(shared_server.url).health()["status"]))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    shared_server.stop()
    assert statuses == ["ok"] * 8
