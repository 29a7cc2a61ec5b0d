"""One cell of a measurement: wrk against one server, in a quiet machine, with answers that were right."""

import json
import resource
import subprocess
import time
from dataclasses import asdict, dataclass
from http.client import HTTPException
from itertools import chain
from pathlib import Path
from typing import Any

from tests.bench.client import Client
from tests.bench.operations import Operation
from tests.bench.process import TICKS, Server

LUA = Path(__file__).parent / "lua" / "load.lua"
MAX_FOREIGN = 0.35  # cores used by neither server nor wrk
TRIES, GLANCE = 3, 0.2
TIMEOUT = 240.0  # seconds for all cells together, so that a busy machine is no endless run
CHECKS = 3
TIMEOUT = 20.0


@dataclass(frozen=True)
class Cell:
    """What one run of wrk showed. `cpu`: the server's microseconds for a request. Times are in ms.

    `client` and `foreign` are cores: wrk's, and everybody else's. `wrong` says why it counts for
    nothing; `noisy` that the machine was not quiet in any try.
    """

    rps: float = 0.0
    p50: float = 0.0
    p99: float = 0.0
    cpu: float = 0.0
    requests: int = 0
    client: float = 0.0
    foreign: float = 0.0
    noisy: bool = False
    wrong: str = ""


class Load:
    """wrk, told how to ask; `patient` waits for quiet and tries again."""

    def __init__(self, patient: bool = True) -> None:
        self._patience = TIMEOUT if patient else 0.0

    def cell(
        self, server: Server, operation: Operation, connections: int, seconds: int, sandboxes: int = 0
    ) -> dict[str, Any]:
        """The quietest of some tries, or the first that went wrong."""
        tries: list[Cell] = []
        while not tries or (tries[-1].noisy and len(tries) < TRIES and self._patience > 0):
            if tries:
                self._patience -= seconds
            if wrong := checked(server, operation):
                return asdict(Cell(wrong=wrong))
            self._wait_for_quiet()
            tries.append(_run(server, operation, connections, seconds, sandboxes))
            if tries[-1].wrong:
                return asdict(tries[-1])
        return asdict(min(tries, key=lambda cell: cell.foreign))

    def _wait_for_quiet(self) -> None:
        while self._patience > 0:
            before, own = _busy(), _own()
            time.sleep(GLANCE)
            if (_busy() - before - (_own() - own)) / GLANCE <= MAX_FOREIGN:
                return
            self._patience -= GLANCE


def checked(server: Server, operation: Operation) -> str:
    """What is wrong with some answers, fetched now; empty if nothing is."""
    try:
        with Client(server.url) as client:
            for number in range(server.asked, server.asked + CHECKS):
                answer = operation.ask(client, number)
                wrong = operation.wrong(answer)
                if not wrong and server.name.startswith("mockserver"):
                    wrong = operation.wrong_values(client, number, answer)
                if wrong:
                    return wrong
    except (OSError, HTTPException, LookupError) as error:
        return f"{type(error).__name__}: {error}"
    server.asked += CHECKS
    return ""


def _run(server: Server, operation: Operation, connections: int, seconds: int, sandboxes: int) -> Cell:
    """One run of wrk, with what it cost the server and what the rest of the machine did meanwhile."""
    sizes = ["--connections", str(connections), "--duration", f"{seconds}s"]
    arguments = ["wrk", *sizes, *asking(server.url, operation, server.asked, sandboxes)]
    cpu, busy, own, children, started = server.cpu(), _busy(), _own(), _children(), time.perf_counter()
    try:
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=seconds + 2 * TIMEOUT)
    except subprocess.TimeoutExpired:
        return Cell(wrong="wrk did not come to an end")
    elapsed = time.perf_counter() - started
    cpu, client = server.cpu() - cpu, _children() - children
    foreign = max(0.0, _busy() - busy - cpu - client - (_own() - own)) / elapsed
    _, found, text = done.stdout.partition("SUMMARY ")
    if not found:
        return Cell(wrong=f"wrk said: {' '.join((done.stderr or done.stdout).split())[:200]}")
    said = json.loads(text)
    requests = said["requests"]
    server.asked += requests + connections + 1  # wrk makes one request only to look at it
    wrong = ""
    if not requests or said["errors"] or set(said["statuses"]) - {"200"}:
        wrong = f"{requests} requests, {said['errors']} errors, statuses {said['statuses']}"
    return Cell(
        rps=requests / said["seconds"], p50=said["p50"], p99=said["p99"],
        cpu=cpu / max(requests, 1) * 1e6, requests=requests, client=client / elapsed, foreign=foreign,
        noisy=foreign > MAX_FOREIGN, wrong=wrong,
    )  # fmt: skip


def asking(url: str, operation: Operation, number: int, sandboxes: int = 0) -> list[str]:
    """wrk's arguments for the requests of an operation, from a number on."""
    headers = (("--header", f"{name}: {value}") for name, value in operation.headers.items())
    return [
        "--threads", "1", "--timeout", f"{TIMEOUT:g}s", "--script", str(LUA), *chain(*headers), url, "--",
        operation.method, operation.path, operation.body, str(number), str(operation.keys[0]),
        str(len(operation.keys)), str(sandboxes),
    ]  # fmt: skip


def _busy() -> float:
    """Seconds of CPU that the machine has used, what was stolen from it included."""
    user, nice, system, _, _, irq, softirq, steal = map(int, Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / TICKS


def _own() -> float:
    return time.process_time()


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
