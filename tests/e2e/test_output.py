"""Nothing that happens to stdout and stderr holds the server, or changes its exit code."""

import http.client
import json
import os
import pty
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.server_process import COMMAND, TIMEOUT

pytestmark = [pytest.mark.finding("A2"), pytest.mark.finding("B3")]
ITEM, DEMO = "/narvar/exchanges/inventory/9999", {"Authorization": "Basic ZGVtbzpkZW1v"}
CALLS = 2000  # their lines are more than a pipe holds
SERVE = ["serve", "--port", "0"]


@contextmanager
def process(folder: Path, *words: str, stdout: int, stderr: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command with these streams; kill it at the end if it still runs."""
    environment = os.environ | {"MOCKSERVER_READY_FILE": str(folder / "ready.json")}
    running = subprocess.Popen([*COMMAND, *words], stdout=stdout, stderr=stderr, env=environment)
    try:
        yield running
    finally:
        running.kill()
        running.communicate()


def connection_to(running: subprocess.Popen[bytes], folder: Path) -> http.client.HTTPConnection:
    file = folder / "ready.json"
    while not file.exists():
        assert running.poll() is None, "the server did not start"
        time.sleep(0.01)
    return http.client.HTTPConnection(urlsplit(json.loads(file.read_text())["url"]).netloc, timeout=TIMEOUT)


def get(client: http.client.HTTPConnection, target: str) -> int:
    client.request("GET", target, headers=DEMO)
    response = client.getresponse()
    response.read()
    return response.status


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("log_format", ["text", "json"])
def test_server_answers_and_stops_although_nobody_reads(
    tmp_path: Path, log_format: str, number: signal.Signals
) -> None:
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with process(tmp_path, *SERVE, "--log-format", log_format, **pipes) as running:
        client = connection_to(running, tmp_path)
        assert {get(client, ITEM) for _ in range(CALLS)} == {200}
        client.close()
        running.send_signal(number)
        assert running.wait(TIMEOUT) == 0


def test_server_answers_although_stdout_is_full_from_the_start(tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    with pytest.raises(BlockingIOError):
        while True:
            os.write(write_end, b"x" * 4096)
    os.set_blocking(write_end, True)
    with process(tmp_path, *SERVE, stdout=write_end, stderr=write_end) as running:
        client = connection_to(running, tmp_path)
        assert get(client, ITEM) == 200
        client.close()
        running.terminate()
        assert running.wait(TIMEOUT) == 0
    os.close(read_end)
    os.close(write_end)


def broken_pipe() -> int:
    read_end, write_end = os.pipe()
    os.close(read_end)
    return write_end


STREAMS = {"a broken pipe": broken_pipe, "a full disk": lambda: os.open("/dev/full", os.O_WRONLY)}


@pytest.mark.parametrize("stream", STREAMS)
def test_unwritable_streams_change_no_exit_code(tmp_path: Path, stream: str) -> None:
    descriptor = STREAMS[stream]()
    with process(tmp_path, *SERVE, stdout=descriptor, stderr=descriptor) as running:
        client = connection_to(running, tmp_path)
        assert {get(client, ITEM) for _ in range(3)} == {200}
        client.close()
        running.terminate()
        assert running.wait(TIMEOUT) == 0
    with process(tmp_path, "serve", "--vendors", "nobody", stdout=descriptor, stderr=descriptor) as running:
        assert running.wait(TIMEOUT) == 2
    os.close(descriptor)


def test_closed_stderr_changes_no_exit_code(tmp_path: Path) -> None:
    shell = ["sh", "-c", 'exec "$@" 2>&-', "sh", *COMMAND]
    done = subprocess.run([*shell, "serve", "--vendors", "nobody"], stdout=subprocess.PIPE, timeout=TIMEOUT)
    assert (done.returncode, done.stdout) == (2, b"")
    environment = os.environ | {"MOCKSERVER_READY_FILE": str(tmp_path / "ready.json")}
    with subprocess.Popen([*shell, *SERVE], stdout=subprocess.PIPE, env=environment) as running:
        client = connection_to(running, tmp_path)  # type: ignore[arg-type]
        assert get(client, ITEM) == 200
        client.close()
        running.terminate()
        assert running.wait(TIMEOUT) == 0


@pytest.mark.parametrize(("no_color", "status"), [("", "\033[32m200\033[0m"), ("1", "200")])
def test_status_has_a_color_on_a_terminal_only(
    tmp_path: Path, no_color: str, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", no_color)
    main, terminal = pty.openpty()
    with process(tmp_path, *SERVE, stdout=subprocess.DEVNULL, stderr=terminal) as running:
        os.close(terminal)
        client = connection_to(running, tmp_path)
        assert get(client, ITEM) == 200
        shown = b""
        while b" ms" not in shown:
            shown += os.read(main, 65536)
        client.close()
        running.terminate()
        assert running.wait(TIMEOUT) == 0
    os.close(main)
    assert f"narvar      {status} GET    {ITEM}  " in shown.decode()
