"""A server under measurement: started, watched, stopped, with all processes that it makes."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path

from tests.bench.client import Client
from tests.bench.operations import READ

TICKS = os.sysconf("SC_CLK_TCK")
START_TIMEOUT, STOP_TIMEOUT = 60.0, 10.0


class NotStarted(Exception):
    """A server gave no right answer in time; the message says what it said instead."""


@dataclass(frozen=True)
class Command:
    """How to start a server: `{port}` in an argument is where it must listen."""

    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Server:
    """One server, in a session of its own, so that all its processes are known. `seconds`: to the
    first right answer."""

    def __init__(self, name: str, command: Command, folder: Path) -> None:
        port = free_port()
        self.name, self.url, self.asked = name, f"http://127.0.0.1:{port}", 0
        self._log = folder / f"{name}.log"
        arguments = [argument.replace("{port}", str(port)) for argument in command.arguments]
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("MOCKSERVER_")}
        environment = {**inherited, **command.environment}
        with self._log.open("wb") as log:
            started = time.perf_counter()
            self._process = subprocess.Popen(
                arguments, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True,
            )  # fmt: skip
        try:
            self._wait(started + START_TIMEOUT)
        except BaseException:
            self.stop()
            raise
        self.seconds = time.perf_counter() - started

    def _wait(self, until: float) -> None:
        """Until a read by key is answered, and rightly."""
        wrong = "no answer"
        while time.perf_counter() < until and self._process.poll() is None:
            try:
                with Client(self.url, timeout=5) as client:
                    wrong = READ.wrong(READ.ask(client, 0))
                if not wrong:
                    return
            except (OSError, HTTPException) as error:
                wrong = str(error)
            time.sleep(0.002)
        lines = self._log.read_text(errors="replace").split("\n")
        said = next((line for line in reversed(lines) if line.strip()), "nothing")
        raise NotStarted(f"{self.name} gave no right answer: {wrong[:200]}; its last words: {said[:200]}")

    def _pids(self) -> Iterator[int]:
        """All processes of the session that have not ended."""
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                state, _, _, session, *_ = _stat(folder)
                if int(session) == self._process.pid and state != "Z":
                    yield int(folder.name)

    def cpu(self) -> float:
        """Seconds of CPU used so far, those of ended children included."""
        ticks = 0
        for pid in self._pids():
            with contextlib.suppress(OSError):
                ticks += sum(map(int, _stat(Path(f"/proc/{pid}"))[11:15]))
        return ticks / TICKS

    def memory(self) -> float:
        """MB held now: private pages of all processes, and the shared ones of the one with most.

        PSS would flatter whoever runs beside others of its kind: they divide their program's pages.
        """
        private, shared = [0.0], [0.0]
        for pid in self._pids():
            with contextlib.suppress(OSError):
                lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
                kilobytes = {line.partition(":")[0]: int(line.split()[1]) for line in lines}
                private.append(kilobytes["Private_Clean"] + kilobytes["Private_Dirty"])
                shared.append(kilobytes["Shared_Clean"] + kilobytes["Shared_Dirty"])
        return (sum(private) + max(shared)) / 1024

    def stop(self) -> None:
        """End all its processes: politely, and after a while in earnest."""
        for sign in (signal.SIGTERM, signal.SIGKILL):
            for pid in list(self._pids()):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, sign)
            until = time.monotonic() + STOP_TIMEOUT
            while self._process.poll() is None or any(self._pids()):
                if time.monotonic() > until:
                    break
                time.sleep(0.01)


@contextlib.contextmanager
def running(name: str, command: Command, folder: Path) -> Iterator[Server]:
    """A server that has given a right answer. NotStarted: it gave none."""
    server = Server(name, command, folder)
    try:
        yield server
    finally:
        server.stop()


def _stat(folder: Path) -> list[str]:
    """The fields of /proc/<pid>/stat from the state on; a name may contain anything, even brackets."""
    return (folder / "stat").read_text().rpartition(")")[2].split()
