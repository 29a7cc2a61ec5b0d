"""`--reload`: the same command without it, in a process of its own, anew after every change of a file."""

import logging
import os
import signal
import subprocess
import sys
import threading
from typing import Any

from mockserver.resources import HOME, PACKAGE
from mockserver.server.server import SIGNALS

SUPERVISOR = "MOCKSERVER_SUPERVISOR"
log = logging.getLogger("mockserver")


def process_to_stop() -> int:
    """The process that a person stops in order to stop this server."""
    return int(os.environ.get(SUPERVISOR) or os.getpid())


def serve_and_reload(port: int) -> int:
    """Run the command until it is told to stop; the exit code that it has then."""
    from watchfiles import PythonFilter, watch

    arguments = [argument for argument in sys.argv[1:] if argument != "--reload"]
    serving = Serving([sys.executable, "-m", "mockserver", *arguments, "--port", str(port)])
    for number in SIGNALS:
        signal.signal(number, serving.pass_on)
    serving.start()
    changed = watch(
        HOME / "specs", HOME / "fixtures", PACKAGE,
        watch_filter=PythonFilter(extra_extensions=(".yaml",)),
        stop_event=serving.stopping,
        raise_interrupt=False,
    )  # fmt: skip
    for changes in changed:
        log.info("reloading: %s", ", ".join(sorted({path for _, path in changes})))
        serving.restart()
    return serving.finish()


class Serving:
    """The process that serves. A signal to this one is passed on to it, once."""

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self.stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        environment = {**os.environ, "MOCKSERVER_RELOAD": "0", SUPERVISOR: str(os.getpid())}
        # A group of its own: Ctrl-C goes to all of a group, and twice means at once.
        self._process = subprocess.Popen(self._command, env=environment, process_group=0)
        if self.stopping.is_set():  # by a signal that came before there was anyone to tell
            self._process.terminate()

    def restart(self) -> None:
        assert self._process
        self._process.terminate()
        self._process.wait()
        self.start()

    def pass_on(self, number: int, frame: Any) -> None:
        self.stopping.set()
        if self._process:
            self._process.send_signal(number)

    def finish(self) -> int:
        assert self._process
        return self._process.wait()
