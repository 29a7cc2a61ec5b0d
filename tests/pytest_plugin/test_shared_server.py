"""The one server of many workers: it starts when asked, and nothing is left of it."""

import signal
import socket
import subprocess
import sys
import threading
from urllib.parse import urlsplit

import pytest

from mockserver.client import Client, Refused
from mockserver.pytest_plugin.shared_server import SharedServer

TIMEOUT = 60
BEGIN_AND_TELL = """
import sys
from mockserver.pytest_plugin.shared_server import SharedServer
print(SharedServer({"products": 1}).url, flush=True)
sys.stdin.read()
"""


def connect(url: str) -> socket.socket:
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname, parts.port), timeout=TIMEOUT)


def ends(line: socket.socket) -> bool:
    """Whether the process at the other end goes away, and its connections with it."""
    try:
        return line.recv(1) == b""
    except ConnectionResetError:
        return True


def test_it_serves_whoever_asks_and_ends_when_told_to() -> None:
    shared_server = SharedServer({"seed": 7, "products": 3})
    with Client(shared_server.url) as client:
        assert (client.sandbox().seed, client.sandbox().products) == (7, 3)
        line = connect(shared_server.url)
        shared_server.stop()
        assert ends(line)


def test_it_loads_nothing_until_it_is_asked() -> None:
    code = "import sys, mockserver.pytest_plugin.shared_server; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.split()
    assert [name for name in loaded if name.startswith("mockserver")] == [
        "mockserver",
        "mockserver.pytest_plugin",
        "mockserver.pytest_plugin.shared_server",
    ]
    assert not {"asyncio", "connexion", "uvicorn"} & set(loaded)


def test_unasked_it_ends_too() -> None:
    shared_server = SharedServer({})
    shared_server.stop()
    with pytest.raises(ConnectionRefusedError):
        connect(shared_server.url)


@pytest.mark.parametrize(
    ("how", "asked"),
    [(signal.SIGKILL, True), (signal.SIGKILL, False), (signal.SIGTERM, False), (signal.SIGINT, False)],
)
def test_it_ends_with_the_process_that_began_it_however_that_goes(how: signal.Signals, asked: bool) -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", BEGIN_AND_TELL], stdin=pipe, stdout=pipe, stderr=pipe
    ) as beginner:
        url = beginner.stdout.readline().decode().strip()
        if asked:
            Client(url).health()
        line = connect(url)
        beginner.send_signal(how)
    assert ends(line)


def test_what_cannot_be_served_is_said_to_everybody_who_asks() -> None:
    shared_server = SharedServer({"names": ["nobody"]})
    for _ in range(2):
        with pytest.raises(Refused, match="unknown vendor nobody; there are ") as refused:
            Client(shared_server.url).health()
        assert (refused.value.status, refused.value.code) == (503, "cannot_serve")
    shared_server.stop()


def test_many_may_ask_at_once() -> None:
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
