"""`serve --reload`: runs `serve` in a child process, and restarts it whenever a file changes.

Before a restart, another child process tries whether a server could start with the changed files. If not, the
old server goes on. The data of the sandboxes is carried over the restart in a private file.
"""

import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from mockserver.data.resources import HOME, PACKAGE
from mockserver.server.server import SIGNALS

# Environment variables for the child: the process id of its supervisor, which restarts it; the file that
# carries the data from one child to the next; and a mark for the child that only tries to start.
SUPERVISOR, CARRIED, TRIAL = "MOCKSERVER_SUPERVISOR", "MOCKSERVER_CARRIED_DATA", "MOCKSERVER_TRIAL"
log = logging.getLogger("mockserver")


def pid_to_stop() -> int:
    """Return the id of the process to send a stop signal to: this one or, with --reload, its supervisor."""
    return int(os.environ.get(SUPERVISOR) or os.getpid())


def carried_file() -> Path | None:
    """Return the file that carries the data over a restart, or None without --reload."""
    return Path(os.environ[CARRIED]) if os.environ.get(CARRIED) else None


def is_trial() -> bool:
    """Return True if this process only tries whether a server could start."""
    return bool(os.environ.get(TRIAL))


def serve_and_reload(port: int, vendors_from: Path | None) -> int:
    """Serve until a signal comes, restarting when files change; return the server's exit code."""
    from watchfiles import PythonFilter, watch

    arguments = [argument for argument in sys.argv[1:] if argument != "--reload"]
    command = [sys.executable, "-m", "mockserver", *arguments, "--port", str(port)]
    with tempfile.TemporaryDirectory(prefix="mockserver-") as folder:  # only this user can read it
        server = ServerProcess(command, Path(folder) / "data.json")
        for number in SIGNALS:
            signal.signal(number, server.forward_signal)
        server.start()
        threading.Thread(target=server.stop_if_first_fails, name="first start", daemon=True).start()
        changes = watch(
            HOME / "specs", HOME / "fixtures", PACKAGE, *([vendors_from] if vendors_from else []),
            watch_filter=PythonFilter(extra_extensions=(".yaml",)),
            stop_event=server.stopping,
            raise_interrupt=False,
        )  # fmt: skip
        for changed in changes:
            files = ", ".join(sorted({path for _, path in changed}))
            if server.could_start():
                log.info("reloading: %s", files)
                server.restart()
            elif not server.stopping.is_set():
                log.warning("not reloaded: the old server goes on; fix %s", files)
        return server.wait()


class ServerProcess:
    """The child process that serves. Signals to this process are forwarded to it."""

    def __init__(self, command: list[str], carried: Path) -> None:
        self._command = command
        self._environment = {
            **os.environ, "MOCKSERVER_RELOAD": "0", SUPERVISOR: str(os.getpid()), CARRIED: str(carried)
        }  # fmt: skip
        self.stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._restarted = False

    def start(self) -> None:
        # The child gets its own process group. In our group, the child would get each Ctrl-C twice: from the
        # terminal, which signals the whole group, and from us. The second signal would stop it at once.
        self._process = subprocess.Popen(self._command, env=self._environment, process_group=0)
        if self.stopping.is_set():  # a signal came before there was a process to forward it to
            self._process.terminate()

    def stop_if_first_fails(self) -> None:
        """Stop watching if the first child ends by itself, for example because it cannot read its data."""
        assert self._process
        self._process.wait()
        if not self._restarted:
            self.stopping.set()

    def could_start(self) -> bool:
        """Return True if a server could start with the files as they are now.

        If not, the reason has been printed. Return False if a signal has come.
        """
        trial = subprocess.run(self._command, env={**self._environment, TRIAL: "1"}, process_group=0)
        return trial.returncode == 0 and not self.stopping.is_set()

    def restart(self) -> None:
        assert self._process
        self._restarted = True
        self._process.terminate()
        self._process.wait()
        if not self.stopping.is_set():
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
