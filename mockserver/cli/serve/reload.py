"""`serve --reload`: runs `serve` in a child process, and restarts it whenever a file changes."""

import logging
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from mockserver.resources import HOME, PACKAGE
from mockserver.server.server import SIGNALS

# Environment variable that tells the child the process id of its supervisor, which restarts it.
SUPERVISOR = "MOCKSERVER_SUPERVISOR"
log = logging.getLogger("mockserver")


def pid_to_stop() -> int:
    """Return the id of the process to send a stop signal to: this one or, with --reload, its supervisor."""
    return int(os.environ.get(SUPERVISOR) or os.getpid())


def serve_and_reload(port: int, vendors_from: Path | None) -> int:
    """Serve until a signal comes, restarting when files change; return the server's exit code."""
    from watchfiles import PythonFilter, watch

    arguments = [argument for argument in sys.argv[1:] if argument != "--reload"]
    server = ServerProcess([sys.executable, "-m", "mockserver", *arguments, "--port", str(port)])
    for number in SIGNALS:
        signal.signal(number, server.forward_signal)
    server.start()
    changes = watch(
        HOME / "specs", HOME / "fixtures", PACKAGE, *([vendors_from] if vendors_from else []),
        watch_filter=PythonFilter(extra_extensions=(".yaml",)),
        stop_event=server.stopping,
        raise_interrupt=False,
    )  # fmt: skip
    for changed in changes:
        log.info("reloading: %s", ", ".join(sorted({path for _, path in changed})))
        server.restart()
    return server.wait()


class ServerProcess:
    """The child process that serves. Signals to this process are forwarded to it."""

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self.stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        environment = {**os.environ, "MOCKSERVER_RELOAD": "0", SUPERVISOR: str(os.getpid())}
        # The child gets its own process group. In our group, the child would get each Ctrl-C twice: from the
        # terminal, which signals the whole group, and from us. The second signal would stop it at once.
        self._process = subprocess.Popen(self._command, env=environment, process_group=0)
        if self.stopping.is_set():  # a signal came before there was a process to forward it to
            self._process.terminate()

    def restart(self) -> None:
        assert self._process
        self._process.terminate()
        self._process.wait()
        self.start()

    def forward_signal(self, number: int, frame: Any) -> None:
        """Handle a signal: stop watching for changes, and forward it to the child."""
        self.stopping.set()
        if self._process:
            self._process.send_signal(number)

    def wait(self) -> int:
        """Wait until the child has ended, and return its exit code."""
        assert self._process
        return self._process.wait()
