"""Running: a command as a process, and a server as a thread, to be stopped in every way."""

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

from mockserver.server.http.timeouts import Timeouts
from mockserver.server.server import Server
from mockserver.server.sockets import base_url, listen

COMMAND = [sys.executable, "-m", "mockserver"]
TIMEOUT = 60


@dataclass
class Running:
    """A command that serves, with what its ready file says."""

    process: subprocess.Popen[str]
    url: str
    pid: int
    ready_file: Path
    banner: str

    def end(self) -> tuple[int, str]:
        """The exit code, and what is left on stderr, once it has ended."""
        _, errors = self.process.communicate(timeout=TIMEOUT)
        return self.process.returncode, errors


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command that ends."""
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
) -> Iterator[Running]:
    """`mockserver serve` on a free port, from when it answers; it is killed if it still runs at the end."""
    file = folder / "ready.json"
    process = subprocess.Popen(
        [*before, *COMMAND, "serve", "--port", "0", "--ready-file", str(file), *arguments],
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
        assert file.exists(), process.stderr.read()
        said = json.loads(file.read_text())
        yield Running(process, said["url"], said["pid"], file, banner)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@contextmanager
def patient_server(application: Any, **settings: Any) -> Iterator[str]:
    """A server that would wait for ever; when the block ends it is told to stop, and has to."""
    ready, listening = threading.Event(), listen("127.0.0.1", 0)
    server = Server(application, ready.set, timeouts=Timeouts(stop=10 * TIMEOUT), **settings)
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    assert ready.wait(TIMEOUT)
    yield base_url(listening, bool(settings.get("tls")))
    server.should_exit = True
    thread.join(TIMEOUT)
    assert not thread.is_alive(), "the server did not stop"


def put_fault(client: httpx.Client, fault: dict[str, Any], sandbox: str = "demo") -> None:
    """Every call in a sandbox meets a fault."""
    if sandbox != "demo":
        assert client.post("/_mock/sandboxes", json={"name": sandbox}).is_success
    assert client.put(f"/_mock/sandboxes/{sandbox}/faults", json=[{"fault": fault}]).is_success
