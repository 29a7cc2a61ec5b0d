"""One load measurement: wrk calls one server on a quiet machine, after a check of some responses."""

import json
import resource
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from http.client import HTTPException
from itertools import chain
from pathlib import Path
from subprocess import PIPE, STDOUT
from typing import Any

from tests.bench.client import Client
from tests.bench.operations import Operation
from tests.bench.process import TICKS, Server

LUA = Path(__file__).parent / "lua" / "load.lua"
MAX_FOREIGN = 0.35  # cores that processes other than the server and wrk may use
MAX_TRIES = 3
QUIET_INTERVAL = 0.2  # seconds
# Seconds for waiting and trying again, over all measurements, so that a run on a busy machine ends.
MAX_QUIET_WAIT = 240.0
CHECKED_RESPONSES = 3
WRK_TIMEOUT = 20.0  # seconds for one response


@dataclass(frozen=True)
class Cell:
    """The result of one run of wrk. `p50` and `p99` are in milliseconds.

    `cpu` is the server's CPU time in microseconds per request. `client` and `foreign` are the cores
    used by wrk and by all other processes. `wrong` says why the result must not be used, and `noisy`
    is True if the machine was not quiet.
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
    """Runs wrk. If `patient`, waits for a quiet machine, and tries again if it did not stay quiet."""

    def __init__(self, patient: bool = True) -> None:
        self._patience = MAX_QUIET_WAIT if patient else 0.0

    def cell(
        self, server: Server, operation: Operation, connections: int, seconds: int, sandboxes: int = 0
    ) -> dict[str, Any]:
        """Run wrk up to `MAX_TRIES` times; return the least disturbed result, or a wrong one, as JSON.

        If `sandboxes` is not 0, the calls are spread over that number of sandboxes.
        """
        tries: list[Cell] = []
        while not tries or (tries[-1].noisy and len(tries) < MAX_TRIES and self._patience > 0):
            if tries:
                self._patience -= seconds
            if wrong := check_responses(server, operation):
                return asdict(Cell(wrong=wrong))
            self._wait_for_quiet()
            arguments = wrk_arguments(
                server.url, operation, server.calls, sandboxes=range(sandboxes),
                connections=connections, seconds=seconds,
            )  # fmt: skip
            tries.append(run_wrk([arguments], seconds, server.cpu))
            server.calls += tries[-1].requests + connections + 1  # wrk builds one request that it never sends
            if tries[-1].wrong:
                return asdict(tries[-1])
        return asdict(min(tries, key=lambda cell: cell.foreign))

    def _wait_for_quiet(self) -> None:
        while self._patience > 0:
            busy, own = _machine_cpu(), _own_cpu()
            time.sleep(QUIET_INTERVAL)
            if (_machine_cpu() - busy - (_own_cpu() - own)) / QUIET_INTERVAL <= MAX_FOREIGN:
                return
            self._patience -= QUIET_INTERVAL


def check_responses(server: Server, operation: Operation) -> str:
    """Make some calls; return an error if a response is wrong, else an empty string."""
    try:
        with Client(server.url) as client:
            for number in range(server.calls, server.calls + CHECKED_RESPONSES):
                response = operation.send(client, number)
                wrong = operation.check(response)
                if not wrong and server.name.startswith("mockserver"):
                    wrong = operation.check_values(client, number, response)
                if wrong:
                    return wrong
    except (OSError, HTTPException, LookupError) as error:
        return f"{type(error).__name__}: {error}"
    server.calls += CHECKED_RESPONSES
    return ""


def run_wrk(commands: Sequence[Sequence[str]], seconds: int, cpu: Callable[[], float]) -> Cell:
    """Run wrk with each of some arguments at the same time, and measure the CPU time of all processes.

    `cpu` returns that of the servers so far. `p50` and `p99` are those of the wrk whose `p50` is greatest.
    """
    used, busy, own = cpu(), _machine_cpu(), _own_cpu()
    children, started = _children_cpu(), time.perf_counter()
    with ExitStack() as stack:
        running = [
            stack.enter_context(subprocess.Popen(["wrk", *command], text=True, stdout=PIPE, stderr=STDOUT))
            for command in commands
        ]
        try:
            outputs = [process.communicate(timeout=seconds + 2 * WRK_TIMEOUT)[0] for process in running]
        except subprocess.TimeoutExpired:
            for process in running:
                process.kill()
            return Cell(wrong="wrk did not end in time")
    elapsed = time.perf_counter() - started
    used, client = cpu() - used, _children_cpu() - children
    foreign = max(0.0, _machine_cpu() - busy - used - client - (_own_cpu() - own)) / elapsed
    if failed := [output for output in outputs if "SUMMARY " not in output]:
        return Cell(wrong=f"wrk failed: {' '.join(failed[0].split())[:200]}")
    summaries = [json.loads(output.partition("SUMMARY ")[2]) for output in outputs]
    requests, slowest = sum(one["requests"] for one in summaries), max(summaries, key=lambda one: one["p50"])
    return Cell(
        rps=sum(one["requests"] / one["seconds"] for one in summaries), p50=slowest["p50"],
        p99=slowest["p99"], cpu=used / max(requests, 1) * 1e6, requests=requests, client=client / elapsed,
        foreign=foreign, noisy=foreign > MAX_FOREIGN, wrong=_wrong(requests, summaries),
    )  # fmt: skip


def _wrong(requests: int, summaries: Sequence[Mapping[str, Any]]) -> str:
    """Return why the results of some wrk's must not be used, or an empty string."""
    errors = sum(one["errors"] for one in summaries)
    statuses = {status: count for one in summaries for status, count in one["statuses"].items()}
    is_right = requests and not errors and not statuses.keys() - {"200"}
    return "" if is_right else f"{requests} requests, {errors} errors, statuses {statuses}"


def wrk_arguments(
    url: str,
    operation: Operation,
    number: int,
    *,
    sandboxes: range = range(0),
    connections: int = 1,
    seconds: int = 1,
) -> list[str]:
    """Return wrk's arguments for calls of an operation, beginning with call `number`.

    The calls are spread over the sandboxes with these numbers, or name none if there are none.
    """
    headers = (("--header", f"{name}: {value}") for name, value in operation.headers.items())
    return [
        "--threads", "1", "--connections", str(connections), "--duration", f"{seconds}s",
        "--timeout", f"{WRK_TIMEOUT:g}s", "--script", str(LUA), *chain(*headers), url, "--",
        operation.method, operation.path, operation.body, str(number), str(operation.keys[0]),
        str(len(operation.keys)), str(len(sandboxes)), str(sandboxes.start),
    ]  # fmt: skip


def _machine_cpu() -> float:
    """Return the seconds of CPU time used on this machine, including time stolen by its host."""
    user, nice, system, _, _, irq, softirq, steal = map(int, Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / TICKS


def _own_cpu() -> float:
    return time.process_time()


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
