"""Servers of Redis for tests, each a process with a folder of its own."""

import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import redis

IN_MEMORY = ("--save", "", "--appendonly", "no")
# It sends its data to a replica at once: by itself, Redis waits 5 seconds for other replicas. A cluster needs
# them: a replica can take over only when all nodes have heard of each other.
REPLICATED = (*IN_MEMORY, "--repl-diskless-sync-delay", "0")
READY = ("eady to accept connections", "Sentinel ID is")
TIMEOUT = 60  # seconds


class RedisServer:
    """A `redis-server` that can be stopped, killed and started again.

    It listens on a Unix socket, and for each of the options `ports` on a free port. `admin` is a client for
    tests.
    """

    def __init__(self, folder: Path, *options: str, ports: tuple[str, ...] = ()) -> None:
        self.socket, self._folder = folder / "redis.sock", folder
        self._options, self._port_options = options, ports
        self.ports: list[int] = []
        self._process: subprocess.Popen[str] | None = None
        self.url = f"unix://{self.socket}"
        self.admin = redis.Redis(unix_socket_path=str(self.socket))

    def start(self, *, wait: bool = True) -> None:
        """Start the server, and wait until it is ready."""
        for _ in range(9):
            self.ports = self.ports or [free_port() for _ in self._port_options]
            log = self._start(wait)
            if log is None:
                return
            assert "in use" in log, log
            self.ports = []  # another process has taken one of them since
        raise AssertionError("there are no free ports")

    def _start(self, wait: bool) -> str | None:
        """Start the server, and return None, or what it has written if it has ended."""
        command = ["redis-server", *self._options, "--dir", str(self._folder)]
        command += ["--unixsocket", str(self.socket)]
        pairs = zip(self._port_options or ("--port",), self.ports or (0,), strict=True)
        command += [text for option, port in pairs for text in (option, str(port))]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        log = ""
        for line in self._process.stdout if wait else ():
            log += line
            if any(text in line for text in READY):
                return None
        return log if wait else None

    @property
    def pid(self) -> int:
        return self._process.pid

    def signal(self, number: int) -> None:
        """Send a signal to the server. If it ends the server, wait for that."""
        self._process.send_signal(number)
        if number in (signal.SIGKILL, signal.SIGTERM):
            self._process.communicate()

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.signal(signal.SIGKILL)
        self.admin.close()


@contextmanager
def redis_server(folder: Path, *options: str, ports: tuple[str, ...] = ()) -> Iterator[RedisServer]:
    """Yield a running server that keeps nothing on disk, unless options say so."""
    server = RedisServer(folder, *(options or IN_MEMORY), ports=ports)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@contextmanager
def sentinel_of(server: RedisServer, folder: Path, down_after: int) -> Iterator[RedisServer]:
    """Yield a running Sentinel. It calls a server `main`, and takes it for down after some milliseconds."""
    settings = folder / "sentinel.conf"
    settings.write_text(
        f"sentinel monitor main 127.0.0.1 {server.ports[0]} 1\n"
        f"sentinel down-after-milliseconds main {down_after}\n"
    )
    with redis_server(folder, str(settings), "--sentinel", ports=("--port",)) as sentinel:
        yield sentinel


def cluster_node(folder: Path, *options: str) -> AbstractContextManager[RedisServer]:
    """Run a node that belongs to no cluster yet."""
    enabled = "--cluster-enabled", "yes", "--bind", "127.0.0.1"
    return redis_server(folder, *(options or IN_MEMORY), *enabled, ports=("--port", "--cluster-port"))


@contextmanager
def redis_cluster(folder: Path, *options: str, size: int = 2) -> Iterator[list[RedisServer]]:
    """Yield the nodes of a running cluster, each with an equal share of the slots."""
    with ExitStack() as stack:
        nodes = []
        for number in range(size):
            (own := folder / f"node{number}").mkdir()
            nodes.append(stack.enter_context(cluster_node(own, *options)))
        for number, node in enumerate(nodes):
            first, last = (16384 * place // size for place in (number, number + 1))
            node.admin.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last - 1)
            node.admin.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            node.admin.execute_command("CLUSTER", "MEET", "127.0.0.1", *nodes[0].ports)
        for node in nodes:
            until(
                lambda node=node: f"cluster_known_nodes:{size}" in (text := info(node)) and "state:ok" in text
            )
        yield nodes


def info(node: RedisServer) -> str:
    """Return what a node knows of its cluster."""
    return bytes(node.admin.execute_command("CLUSTER", "INFO")).decode()


def until(true: Callable[[], object]) -> None:
    """Wait until something is true of a server, which other processes bring about."""
    end = time.monotonic() + TIMEOUT
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])
