"""The throughput of servers with a store: of one process, of two workers, and of two servers over one Redis.

Run as `python -m tests.bench.store_throughput`. A smoke run has the options `--rounds 1 --seconds 1`.

In each round, 20 wrk's with one connection each load one setup after the other, so that all of them meet the
same machine. Where there are two servers, each is loaded by half of the wrk's. There are 20 sandboxes: either
each wrk has its own, as clients of a mock mostly do, or each calls all of them, and then processes are in
each other's way. The wrk's run on the same machine, and so take cores from the servers: how much is beside
the results. Redis writes nothing to the disk.
"""

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.bench import interpreter, tools
from tests.bench.load import check_responses, run_wrk, wrk_arguments
from tests.bench.measure import log_progress, rotated
from tests.bench.operations import OPERATIONS, Operation
from tests.bench.peers import ours
from tests.bench.process import Server, cpu_of
from tests.sandbox.log.redis_server import IN_MEMORY, RedisServer, redis_server

CLIENTS = SANDBOXES = 20
DISTANCE = 37_000  # between the numbers of the calls of two clients, so that they differ


@dataclass(frozen=True)
class Setup:
    """Servers that are measured together, and where they keep sandboxes."""

    title: str
    store: str = ""
    workers: int = 1
    servers: int = 1


MEMORY = "memory"
SETUPS = {
    MEMORY: Setup("memory"),
    "sqlite": Setup("SQLite", "sqlite"),
    "sqlite-workers": Setup("SQLite, 2 workers", "sqlite", workers=2),
    "redis": Setup("Redis", "redis"),
    "redis-workers": Setup("Redis, 2 workers", "redis", workers=2),
    "redis-servers": Setup("Redis, 2 servers", "redis", servers=2),
}


@dataclass(frozen=True)
class Result:
    """Calls per second, and the cores that servers, Redis, wrk and all other processes used meanwhile."""

    rps: float
    servers: float
    engine: float
    client: float
    foreign: float


Case = tuple[str, bool]  # an operation, and whether each client has a sandbox of its own
CASES = [(operation, own) for own in (True, False) for operation in OPERATIONS]
Results = dict[str, dict[Case, list[Result]]]  # by setup


class Running:
    """A setup that runs: its servers, and the Redis that keeps their sandboxes, if there is one."""

    def __init__(self, name: str, stack: ExitStack, folder: Path) -> None:
        self.name, self.setup, self.calls = name, SETUPS[name], 0
        self.engine: RedisServer | None = None
        options: list[str] = []
        if self.setup.store == "redis":
            self.engine = stack.enter_context(redis_server(folder, *IN_MEMORY, ports=("--port",)))
            options = ["--store", f"redis://127.0.0.1:{self.engine.ports[0]}"]
        elif self.setup.store:
            options = ["--store", f"sqlite:///{folder / 'store.db'}"]
        if self.setup.workers > 1:
            options += ["--workers", str(self.setup.workers)]
        command = ours()
        command = replace(command, arguments=[*command.arguments, *options])
        self.servers: list[Server] = []
        for number in range(self.setup.servers):
            self.servers.append(Server(f"{name}-{number}", command, folder))
            stack.callback(self.servers[-1].stop)

    def cpu(self) -> float:
        """Return the seconds of CPU time that servers and Redis have used so far."""
        return sum(server.cpu() for server in self.servers) + self.engine_cpu()

    def engine_cpu(self) -> float:
        return cpu_of(self.engine.pid) if self.engine else 0.0

    def arguments(self, client: int, operation: Operation, *, own: bool, seconds: int) -> list[str]:
        """Return the arguments of one of the wrk's."""
        return wrk_arguments(
            self.servers[client % len(self.servers)].url,
            operation,
            self.calls + client * DISTANCE,
            sandboxes=range(client, client + 1) if own else range(SANDBOXES),
            seconds=seconds,
        )


def measure(names: Sequence[str], rounds: int, seconds: int, folder: Path) -> Results:
    """Measure each case once in a round for each setup, after a round to warm up."""
    results: Results = {name: {} for name in names}
    with ExitStack() as stack:
        started = []
        for name in names:
            (place := folder / name).mkdir()
            started.append(Running(name, stack, place))
        for number in range(rounds + 1):
            for operation, own in CASES:
                for running in rotated(started, number):
                    result = load(running, operation, own=own, seconds=seconds)
                    if number:
                        results[running.name].setdefault((operation.name, own), []).append(result)
            log_progress(f"round {number} of {rounds}" if number else "warmed up")
    return results


def load(running: Running, operation: Operation, *, own: bool, seconds: int) -> Result:
    """Load a setup once."""
    wrong = next(filter(None, (check_responses(server, operation) for server in running.servers)), "")
    if not wrong:
        clients = [running.arguments(one, operation, own=own, seconds=seconds) for one in range(CLIENTS)]
        engine = running.engine_cpu()
        cell = run_wrk(clients, seconds, running.cpu)
        engine = (running.engine_cpu() - engine) / seconds
        running.calls += cell.requests
        wrong = cell.wrong
    if wrong:
        raise SystemExit(f"{running.name}, {operation.name}: {wrong}")
    used = cell.cpu * cell.rps / 1e6
    return Result(cell.rps, used - engine, engine, cell.client, cell.foreign)


def table(results: Results, *, own: bool) -> str:
    """Return a table in Markdown: thousands of calls per second, CPU time of servers and Redis, cores in use.

    Multiples are those of memory in the same round: their median, and the quarter and the three quarters.
    """
    operations = [operation.name for operation in OPERATIONS]
    lines = [
        f"| sandboxes in | {' | '.join(operations)} | CPU of a call | cores: servers | Redis | wrk |",
        "|---|" + "---|" * (len(operations) + 4),
    ]
    for name, found in results.items():
        cells, cases = [], [(operation, own) for operation in operations]
        for case in cases:
            rps = statistics.median(one.rps for one in found[case])
            cells.append(f"{rps / 1000:.1f}: {_spread(ratios(results, name, case, _rps))}")
        cells.append(_spread([one for case in cases for one in ratios(results, name, case, _cpu)]))
        every = [one for case in cases for one in found[case]]
        for part in ("servers", "engine", "client"):
            cells.append(f"{statistics.median(getattr(one, part) for one in every):.2f}")
        lines.append(f"| {SETUPS[name].title} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _rps(result: Result) -> float:
    return result.rps


def _cpu(result: Result) -> float:
    return (result.servers + result.engine) / result.rps


def ratios(results: Results, name: str, case: Case, value: Callable[[Result], float]) -> list[float]:
    """Return values of a setup as multiples of those of memory in the same round."""
    pairs = zip(results[name][case], results[MEMORY][case], strict=True)
    return [value(result) / value(memory) for result, memory in pairs]


def _spread(values: Sequence[float]) -> str:
    low, middle, high = statistics.quantiles(values, n=4) if len(values) > 1 else values * 3
    return f"{middle:.2f} ({low:.2f}-{high:.2f})"


def foreign(results: Results) -> float:
    """Return the median of the cores that other processes used, which should be almost 0."""
    return statistics.median(
        one.foreign for found in results.values() for some in found.values() for one in some
    )


def as_json(results: Results) -> Mapping[str, Any]:
    """Return all that was measured."""
    cells = {
        name: {
            f"{operation}, {'own' if own else 'all'}": [vars(one) for one in some]
            for (operation, own), some in found.items()
        }
        for name, found in results.items()
    }
    return {"versions": tools.versions(), "machine": tools.machine(), "cells": cells}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m tests.bench.store_throughput")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=int, default=2, help="of one run of the wrk's")
    parser.add_argument("--setups", default=",".join(SETUPS), help="only these, separated by commas")
    parser.add_argument("--json", type=Path, help="file for all figures")
    given = parser.parse_args()
    names = list(dict.fromkeys([MEMORY, *given.setups.split(",")]))
    tools.FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=tools.FOLDER) as folder:
        results = measure(names, given.rounds, given.seconds, Path(folder))
    if given.json:
        given.json.write_text(json.dumps(as_json(results), indent=1) + "\n")
    for own in (True, False):
        title = "Each client has a sandbox of its own" if own else "Each client calls all sandboxes"
        print(f"{title}:", table(results, own=own), "", sep="\n")
    print(f"Other processes used {foreign(results):.2f} cores (median).")
    return 0


if __name__ == "__main__":
    interpreter.use_debians("tests.bench.store_throughput")
    sys.exit(main())
