"""A server under measurement: start it, watch it and stop it, with all the processes that it creates."""

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
START_TIMEOUT, STOP_TIMEOUT = 60.0, 10.0  # seconds


class NotStarted(Exception):
    """Raised if a server gives no correct response in time; the message quotes its log."""


@dataclass(frozen=True)
class Command:
    """A command that starts a server. `{port}` in an argument stands for the port to listen on."""

    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


class Server:
    """A running server.

    It runs in its own session, so that its child processes can be found. `seconds` is the time from
    start to the first correct response, and `calls` the number of calls made to it so far.
    """

    def __init__(self, name: str, command: Command, folder: Path) -> None:
        port = free_port()
        self.name, self.url, self.calls = name, f"http://127.0.0.1:{port}", 0
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
            self._wait_until_ready(started + START_TIMEOUT)
        except BaseException:
            self.stop()
            raise
        self.seconds = time.perf_counter() - started

    def _wait_until_ready(self, deadline: float) -> None:
        """Wait until a read by key gets a correct response. Raise NotStarted at the deadline."""
        wrong = "no response"
        while time.perf_counter() < deadline and self._process.poll() is None:
            try:
                with Client(self.url, timeout=5) as client:
                    wrong = READ.check(READ.send(client, 0))
                if not wrong:
                    return
            except (OSError, HTTPException) as error:
                wrong = str(error)
            time.sleep(0.002)
        lines = self._log.read_text(errors="replace").split("\n")
        last_line = next((line for line in reversed(lines) if line.strip()), "nothing")
        raise NotStarted(
            f"{self.name} gave no correct response: {wrong[:200]}; last line of its log: {last_line[:200]}"
        )

    def _pids(self) -> Iterator[int]:
        """Yield the ids of the session's processes that have not ended."""
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                state, _, _, session, *_ = _stat(folder)
                if int(session) == self._process.pid and state != "Z":
                    yield int(folder.name)

    def cpu(self) -> float:
        """Return the seconds of CPU time used so far, including by children that have ended."""
        return sum(map(cpu_of, self._pids()))

    def memory(self) -> float:
        """Return the MB in use: all processes' private pages, and the shared pages of the one with most.

        PSS would be too low while other servers of the same kind run, because it counts only a part of
        each page that they share.
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
        """Stop all processes of the server with SIGTERM, or with SIGKILL if they do not end in time."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            for pid in list(self._pids()):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            deadline = time.monotonic() + STOP_TIMEOUT
            while self._process.poll() is None or any(self._pids()):
                if time.monotonic() > deadline:
                    break
                time.sleep(0.01)


@contextlib.contextmanager
def running(name: str, command: Command, folder: Path) -> Iterator[Server]:
    """Run a server until the block ends; yield it after its first correct response, or raise NotStarted."""
    server = Server(name, command, folder)
    try:
        yield server
    finally:
        server.stop()


def cpu_of(pid: int) -> float:
    """Return the seconds of CPU time that a process has used so far, or 0 if it has ended."""
    with contextlib.suppress(OSError):
        return sum(map(int, _stat(Path(f"/proc/{pid}"))[11:15])) / TICKS
    return 0.0


def _stat(folder: Path) -> list[str]:
    """Return the fields of /proc/<pid>/stat after the name, which itself may contain brackets."""
    return (folder / "stat").read_text().rpartition(")")[2].split()
