"""A mock server of its own process, watched from outside: memory, file descriptors and threads."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from tests.bench.client import Client
from tests.bench.process import free_port

START_TIMEOUT, STOP_TIMEOUT = 60.0, 20.0  # seconds
SOFT_DESCRIPTORS = 256  # what some systems give to a process that does not ask for more
CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, CLIENT_CORE = CORES[0], CORES[-1]


@dataclass(frozen=True)
class Sample:
    """The memory (`rss`, in MB), descriptors and threads of a server at one moment."""

    rss: float
    descriptors: int
    threads: int


NOTHING = Sample(0, 0, 0)


class WatchedServer:
    """A running mock server, on a core of its own if there are two.

    Its log goes to the file `log`. Without one, nobody reads the pipes that it writes to.
    """

    def __init__(self, log: Path | None = None, options: Sequence[str] = ()) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "mockserver", "serve", "--port", str(port), *options]
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("MOCKSERVER_")
        }
        with contextlib.ExitStack() as stack:
            output = stack.enter_context(log.open("wb")) if log else subprocess.PIPE
            self._process = subprocess.Popen(
                ["sh", "-c", f'ulimit -Sn {SOFT_DESCRIPTORS} && exec "$@"', "sh", *command],
                env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip
        pin(self._process.pid, SERVER_CORE)
        if not self.answers(START_TIMEOUT):
            self.stop()
            raise TimeoutError(f"the server did not start within {START_TIMEOUT:g} seconds")

    def answers(self, seconds: float) -> bool:
        """Return True as soon as the server says that it is healthy, or False if it does not in time."""
        deadline = time.monotonic() + seconds
        while self._process.poll() is None and (left := deadline - time.monotonic()) > 0:
            with contextlib.suppress(OSError, HTTPException), Client(self.url, min(left, 5)) as client:
                if client.send("GET", "/_mock/health").status == 200:
                    return True
            time.sleep(0.05)
        return False

    def sample(self) -> Sample:
        """Return what the server holds now, or nothing if it has ended."""
        folder = Path(f"/proc/{self._process.pid}")
        with contextlib.suppress(OSError):
            lines = (line.partition(":") for line in (folder / "status").read_text().splitlines())
            status = {name: text.split()[0] for name, _, text in lines if text.split()}
            descriptors = len(os.listdir(folder / "fd"))
            return Sample(int(status.get("VmRSS", 0)) / 1024, descriptors, int(status["Threads"]))
        return NOTHING

    def stop(self) -> int:
        """Stop the server with SIGTERM, or kill it if it does not end in time. Return its exit code."""
        self._process.terminate()
        try:
            return self._process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()
        finally:
            for pipe in (self._process.stdout, self._process.stderr):
                if pipe:
                    pipe.close()


def pin(pid: int, core: int) -> None:
    """Keep a process, and all that it starts from now on, on one core."""
    os.sched_setaffinity(pid, {core})
