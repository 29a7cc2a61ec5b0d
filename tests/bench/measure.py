"""Measurements of all servers in interleaved rounds: start, load and memory."""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from tests.bench.client import Client
from tests.bench.load import Load, check_responses
from tests.bench.operations import OPERATIONS
from tests.bench.peer_files import write_peer_files
from tests.bench.peers import MOCKSERVER, PEERS
from tests.bench.process import Command, NotStarted, Server, running

Figures = dict[str, Any]
Item = TypeVar("Item")


@dataclass(frozen=True)
class Plan:
    """The settings of a run: how long and how often to measure.

    `cells` maps a number of connections to the seconds of its load measurement. `warm_up` is the
    seconds of load before the first measurement, and `calls` the number of calls in an in-process round.
    """

    rounds: int
    starts: int
    cells: Mapping[int, int]
    warm_up: int
    sandboxes: int
    searches: int
    calls: int
    quick: bool = False

    @cached_property
    def load(self) -> Load:
        return Load(patient=not self.quick)


FULL = Plan(
    rounds=3, starts=5, cells={1: 2, 16: 4, 64: 3}, warm_up=45, sandboxes=10_000, searches=4, calls=100
)
QUICK = Plan(
    rounds=1, starts=1, cells={1: 1, 16: 1, 64: 1}, warm_up=3, sandboxes=500, searches=1, calls=50, quick=True
)


def log_progress(text: str) -> None:
    """Print a line with the time to stderr."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def rotated(items: Sequence[Item], by: int) -> Iterator[Item]:
    """Yield all items, starting with item number `by` and continuing with the first after the last."""
    yield from (items[(by + place) % len(items)] for place in range(len(items)))


def prepare(folder: Path) -> None:
    """Write the files that peers read, made from checked responses of this server.

    Raise NotStarted if one of our own responses is wrong.
    """
    with running(MOCKSERVER, PEERS[MOCKSERVER].command, folder) as server, Client(server.url) as client:
        contents = {}
        for operation in OPERATIONS:
            response = operation.send(client, 0)
            if wrong := operation.check(response) or operation.check_values(client, 0, response):
                raise NotStarted(f"{operation.name}: our own response is wrong: {wrong}")
            contents[operation.name] = (response.content_type, response.content.decode())
    write_peer_files(folder, contents)


def unusable_servers(names: Sequence[str], folder: Path) -> dict[str, str]:
    """Start each server and try every operation; return {name: reason} of those that cannot be measured."""
    unusable = {}
    for name in names:
        try:
            with running(name, PEERS[name].command, folder) as server:
                results = {operation.name: check_responses(server, operation) for operation in OPERATIONS}
        except (NotStarted, OSError) as error:
            unusable[name] = str(error)
            continue
        if wrong := {operation: text for operation, text in results.items() if text}:
            unusable[name] = ", ".join(f"{operation}: {text}" for operation, text in wrong.items())
    return unusable


def measure_startup(commands: Mapping[str, Command], plan: Plan, folder: Path) -> Figures:
    """Measure, by server, the seconds from start to the first correct response, and the MB in use then."""
    figures: Figures = {name: {"seconds": [], "idle": []} for name in commands}
    for number in range(plan.starts):
        for name in rotated(list(commands), number):
            with running(name, commands[name], folder) as server:
                figures[name]["seconds"].append(server.seconds)
                figures[name]["idle"].append(server.memory())
        log_progress(f"start-up, round {number + 1} of {plan.starts}")
    return figures


def measure_load(names: Sequence[str], plan: Plan, folder: Path) -> Figures:
    """Measure each server's cells, by operation and connections, and the MB in use afterwards."""
    with ExitStack() as stack:
        servers = [stack.enter_context(running(name, PEERS[name].command, folder)) for name in names]
        for server in servers:
            _warm_up(server, plan)
        cells = _measure_rounds(servers, plan)
        return {"cells": cells, "loaded": {server.name: server.memory() for server in servers}}


def _warm_up(server: Server, plan: Plan) -> None:
    """Put load on a server until its just-in-time compiler is done; a JVM needs the longest."""
    seconds = plan.warm_up if server.name == "wiremock" else len(OPERATIONS)
    log_progress(f"warming up {server.name} for {seconds} s")
    load = Load(patient=False)
    for operation in OPERATIONS:
        load.cell(server, operation, 16, seconds // len(OPERATIONS))


def _measure_rounds(servers: Sequence[Server], plan: Plan) -> Figures:
    """Measure every cell once in each round."""
    cells: Figures = {server.name: {op.name: {} for op in OPERATIONS} for server in servers}
    for number in range(plan.rounds):
        for operation in OPERATIONS:
            for connections, seconds in plan.cells.items():
                for server in rotated(servers, number):
                    cell = plan.load.cell(server, operation, connections, seconds)
                    cells[server.name][operation.name].setdefault(str(connections), []).append(cell)
                    if cell["wrong"]:
                        place = f"{server.name}, {operation.name}, {connections} connections"
                        log_progress(f"{place}: {cell['wrong']}")
            log_progress(f"round {number + 1} of {plan.rounds}: {operation.name}")
    return cells
