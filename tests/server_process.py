"""Helpers that run the `mockserver` command as a process, and a server in a thread."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from mockserver.server.server import Server
from mockserver.server.sockets import base_url, listen

COMMAND = [sys.executable, "-m", "mockserver"]
TIMEOUT = 60  # seconds


@dataclass
class ServeProcess:
    """A `mockserver serve` process, with the contents of its ready file and its output until then."""

    process: subprocess.Popen[str]
    url: str
    pid: int
    ready_file: Path
    banner: str

    def wait_for_exit(self) -> tuple[int, str]:
        """Wait until the process has ended, and return its exit code and the rest of its stderr."""
        _, errors = self.process.communicate(timeout=TIMEOUT)
        return self.process.returncode, errors


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a `mockserver` command to its end."""
    return subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        env=os.environ | environment,
    )


@contextmanager
def serving_command(
    folder: Path, *arguments: str, before: tuple[str, ...] = (), **environment: str
) -> Iterator[ServeProcess]:
    """Run `mockserver serve` on a free port for a block, which begins when the server is ready.

    `before` holds the words of a command that runs it. If it still runs at the end, it is killed.
    """
    ready_file = folder / "ready.json"
    process = subprocess.Popen(
        [*before, *COMMAND, "serve", "--port", "0", "--ready-file", str(ready_file), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"MOCKSERVER_DATA_DIR": str(folder / "data")} | environment,
        start_new_session=True,
    )
    try:
        banner = ""
        for line in process.stdout:
            banner += line
            if line.startswith("ready"):
                break
        assert ready_file.exists(), process.stderr.read()
        ready = json.loads(ready_file.read_text())
        yield ServeProcess(process, ready["url"], ready["pid"], ready_file, banner)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@contextmanager
def patient_server(application: Any, **settings: Any) -> Iterator[str]:
    """Run a server in a thread for a block, and check that it stops at the end.

    Its own stop timeout is far longer than the test waits, so it passes only if it stops by itself.
    """
    ready, listening = threading.Event(), listen("127.0.0.1", 0)
    server = Server(application, ready.set, stop_timeout=10 * TIMEOUT, **settings)
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    assert ready.wait(TIMEOUT)
    yield base_url(listening, bool(settings.get("tls")))
    server.should_exit = True
    thread.join(TIMEOUT)
    assert not thread.is_alive(), "the server did not stop"


def put_fault(client: httpx.Client, fault: dict[str, Any], sandbox: str = "demo") -> None:
    """Let every call in a sandbox, which is created unless it is the default one, meet a fault."""
    if sandbox != "demo":
        assert client.post("/_mock/sandboxes", json={"name": sandbox}).is_success
    assert client.put(f"/_mock/sandboxes/{sandbox}/faults", json=[{"fault": fault}]).is_success
