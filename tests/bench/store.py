"""The cost of a store: the CPU time of a call with each store, compared with memory in an older tree.

Run as `python -m tests.bench.store --before FOLDER`, where FOLDER has the project as it was before there were
stores: `git worktree add --detach FOLDER 261bf27`. A smoke run has the options `--rounds 1 --seconds 1`.

In each round, wrk loads one server after the other, so that all of them meet the same machine. CPU time is
that of the server with all its threads, and that of Redis. A call to Redis goes over TCP, to a server that
writes nothing to the disk. wrk is not counted, but named beside. With Python 3.11.2, which is Debian's, the
package `redis` needs `python3-async-timeout`.
"""

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.bench import interpreter, tools
from tests.bench.load import Load
from tests.bench.measure import log_progress, rotated
from tests.bench.operations import OPERATIONS, Operation
from tests.bench.peers import ROOT, ours
from tests.bench.process import Command, Server, cpu_of
from tests.sandbox.log.redis_server import IN_MEMORY, RedisServer, redis_server

BEFORE = "before"
STORES = ("memory", "sqlite", "redis")
BARS = {"memory": 1.03, "sqlite": 1.5, "redis": 1.8}  # as multiples of the older tree
SPREADS = (1, 20)  # sandboxes that the calls are spread over


class StoreServer(Server):
    """A mock server, and the Redis that keeps its sandboxes, if there is one."""

    engine: RedisServer | None = None

    def cpu(self) -> float:
        return super().cpu() + self.engine_cpu()

    def engine_cpu(self) -> float:
        """Return the seconds of CPU time that Redis has used so far."""
        return cpu_of(self.engine.pid) if self.engine else 0.0


@dataclass(frozen=True)
class Cost:
    """The cost of one run of wrk, in microseconds of CPU time per call: all of it, and Redis's part.

    `client` is the CPU time of wrk per call.
    """

    cpu: float
    engine: float
    client: float
    rps: float
    p50: float


Cell = tuple[str, int]  # the operation, and the number of sandboxes
Costs = dict[str, dict[Cell, list[Cost]]]  # by server


@contextmanager
def servers(names: Sequence[str], before: Path, folder: Path) -> Iterator[list[StoreServer]]:
    """Run the servers, each with an empty store of its own."""
    with ExitStack() as stack:
        started = []
        for name in names:
            (own := folder / name).mkdir()
            command, engine = ours(), None
            if name == BEFORE:
                command = _of_tree(command, before)
            elif name == "sqlite":
                command = _with_store(command, f"sqlite:///{own / 'store.db'}")
            elif name == "redis":
                engine = stack.enter_context(redis_server(own, *IN_MEMORY, ports=("--port",)))
                command = _with_store(command, f"redis://127.0.0.1:{engine.ports[0]}")
            server = StoreServer(name, command, own)
            stack.callback(server.stop)
            server.engine = engine
            started.append(server)
        yield started


def _with_store(command: Command, url: str) -> Command:
    return replace(command, arguments=[*command.arguments, "--store", url])


def _of_tree(command: Command, tree: Path) -> Command:
    path = command.environment["PYTHONPATH"].replace(str(ROOT), str(tree.resolve()), 1)
    return replace(command, environment={**command.environment, "PYTHONPATH": path})


def measure(started: Sequence[StoreServer], rounds: int, seconds: int, connections: int) -> Costs:
    """Measure each operation with each number of sandboxes once in a round, after a round to warm up."""
    costs: Costs = {server.name: {} for server in started}
    load = Load(patient=False)
    for number in range(rounds + 1):
        for operation in OPERATIONS:
            for sandboxes in SPREADS:
                for server in rotated(started, number):
                    cost = _cost(load, server, operation, (connections, seconds, sandboxes))
                    if number:
                        costs[server.name].setdefault((operation.name, sandboxes), []).append(cost)
        log_progress(f"round {number} of {rounds}" if number else "warmed up")
    return costs


def _cost(load: Load, server: StoreServer, operation: Operation, size: tuple[int, int, int]) -> Cost:
    connections, seconds, sandboxes = size
    engine = server.engine_cpu()
    cell = load.cell(server, operation, connections, seconds, sandboxes)
    if cell["wrong"]:
        raise SystemExit(f"{server.name}, {operation.name}, {sandboxes} sandboxes: {cell['wrong']}")
    engine = (server.engine_cpu() - engine) / cell["requests"] * 1e6
    return Cost(cell["cpu"], engine, cell["client"] / cell["rps"] * 1e6, cell["rps"], cell["p50"])


def ratios(costs: Costs, name: str, cell: Cell) -> list[float]:
    """Return the cost of a call with a store as multiples of the older tree's in the same round."""
    pairs = zip(costs[name][cell], costs[BEFORE][cell], strict=True)
    return [cost.cpu / before.cpu for cost, before in pairs]


def table(costs: Costs) -> str:
    """Return the medians of the ratios, with the quarter and the three quarters, as a table in Markdown."""
    names = [name for name in costs if name != BEFORE]
    lines = [
        f"| call, sandboxes | before, µs | wrk, µs | {' | '.join(names)} | of it Redis |",
        "|---|" + "---|" * (len(names) + 3),
    ]
    for cell, before in costs[BEFORE].items():
        found = [_spread(ratios(costs, name, cell)) for name in names]
        engine = [cost.engine / one.cpu for cost, one in zip(costs[names[-1]][cell], before, strict=True)]
        lines.append(
            f"| {cell[0]}, {cell[1]} | {statistics.median(one.cpu for one in before):.1f} |"
            f" {statistics.median(one.client for one in before):.1f} | {' | '.join(found)} |"
            f" {statistics.median(engine):.2f} |"
        )
    return "\n".join(lines)


def _spread(values: Sequence[float]) -> str:
    low, middle, high = statistics.quantiles(values, n=4) if len(values) > 1 else values * 3
    return f"{middle:.2f} ({low:.2f}-{high:.2f})"


def bars(costs: Costs) -> Iterator[str]:
    """Yield for each store whether the medians of all ratios are within its bar."""
    for name, bar in BARS.items():
        if name in costs:
            worst = max(statistics.median(ratios(costs, name, cell)) for cell in costs[name])
            yield f"{'ok' if worst <= bar else 'FAILED'}: {name} costs at most {worst:.2f}, bar {bar}"


def as_json(costs: Costs) -> Mapping[str, Any]:
    """Return all that was measured."""
    cells = {
        name: {
            f"{operation}, {sandboxes}": [vars(one) for one in some]
            for (operation, sandboxes), some in found.items()
        }
        for name, found in costs.items()
    }
    return {"versions": tools.versions(), "machine": tools.machine(), "cells": cells}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m tests.bench.store")
    parser.add_argument("--before", type=Path, required=True, help="folder with the older tree")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=int, default=2, help="of one run of wrk")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--stores", default=",".join(STORES), help="only these, separated by commas")
    parser.add_argument("--json", type=Path, help="file for all figures")
    given = parser.parse_args()
    names = [BEFORE, *given.stores.split(",")]
    tools.FOLDER.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory(dir=tools.FOLDER) as folder,
        servers(names, given.before, Path(folder)) as started,
    ):
        costs = measure(started, given.rounds, given.seconds, given.connections)
    if given.json:
        given.json.write_text(json.dumps(as_json(costs), indent=1) + "\n")
    found = [*bars(costs)]
    print(table(costs), *found, sep="\n")
    return 1 if any(line.startswith("FAILED") for line in found) else 0


if __name__ == "__main__":
    interpreter.use_debians("tests.bench.store")
    sys.exit(main())
