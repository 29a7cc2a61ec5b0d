"""Servers for tests: `mockserver serve` as a process, and a server in a thread."""

import json
import os
import shutil
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
from tests.conftest import ROOT

COMMAND = [sys.executable, "-m", "mockserver"]
TIMEOUT = 60  # seconds
BEING_WRITTEN = ("*.pyc.*", "*.json.*")  # by other processes, which rename these files at the end


def copy_project(folder: Path, *more: str) -> None:
    """Copy the package with its specs and fixtures, and `more` folders of the project, to a folder.

    What is compiled is copied too: it remains valid, and to compile all again takes longer than the tests.
    """
    ignored = shutil.ignore_patterns(".*", *BEING_WRITTEN)
    for name in ("mockserver", "specs", "fixtures", *more):
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)


@dataclass
class ServerProcess:
    """A running `mockserver serve`, with the content of its ready file."""

    process: subprocess.Popen[str]
    url: str
    pid: int
    ready_file: Path
    banner: str

    def wait(self) -> tuple[int, str]:
        """Wait until the process has ended; return its exit code and the rest of its stderr."""
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
    folder: Path, *arguments: str, prefix: tuple[str, ...] = (), **environment: str
) -> Iterator[ServerProcess]:
    """Run `mockserver serve` on a free port, and yield it once it answers.

    It writes its files into `folder`. `prefix` is a command that runs it. If it is still running at
    the end of the block, it is killed.
    """
    file = folder / "ready.json"
    process = subprocess.Popen(
        [*prefix, *COMMAND, "serve", "--port", "0", "--ready-file", str(file), *arguments],
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
        content = json.loads(file.read_text())
        yield ServerProcess(process, content["url"], content["pid"], file, banner)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@contextmanager
def patient_server(application: Any, **settings: Any) -> Iterator[str]:
    """Run a server in a thread, and yield its URL. When it stops, it waits 10 minutes for open requests.

    It is stopped at the end of the block. If it does not stop within a minute, the test fails.
    """
    ready, listener = threading.Event(), listen("127.0.0.1", 0)
    server = Server(application, ready.set, timeouts=Timeouts(stop=10 * TIMEOUT), **settings)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    assert ready.wait(TIMEOUT)
    yield base_url(listener, bool(settings.get("tls")))
    server.should_exit = True
    thread.join(TIMEOUT)
    assert not thread.is_alive(), "the server did not stop"


def put_fault(client: httpx.Client, fault: dict[str, Any], sandbox: str = "demo") -> None:
    """Make every call in a sandbox fail with a fault. Create the sandbox, unless it is `demo`."""
    if sandbox != "demo":
        assert client.post("/_mock/sandboxes", json={"name": sandbox}).is_success
    assert client.put(f"/_mock/sandboxes/{sandbox}/faults", json=[{"fault": fault}]).is_success
