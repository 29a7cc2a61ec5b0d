"""Interleaved rounds: start-up, load and memory of all servers, in an order that is rotated."""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from tests.bench import document
from tests.bench.client import Client
from tests.bench.load import Load, checked
from tests.bench.operations import OPERATIONS
from tests.bench.peers import MOCKSERVER, PEERS
from tests.bench.process import Command, NotStarted, Server, running

Figures = dict[str, Any]
Thing = TypeVar("Thing")


@dataclass(frozen=True)
class Plan:
    """How long and how often. `cells` are seconds by number of connections."""

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


def say(text: str) -> None:
    """How it goes, for whoever waits."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def rotated(things: Sequence[Thing], by: int) -> Iterator[Thing]:
    """All of them, beginning with another one each time."""
    yield from (things[(by + place) % len(things)] for place in range(len(things)))


def prepare(folder: Path) -> None:
    """Write what the peers are given: it is made of answers of ours, which are checked first."""
    with running(MOCKSERVER, PEERS[MOCKSERVER].command, folder) as server, Client(server.url) as client:
        contents = {}
        for operation in OPERATIONS:
            answer = operation.ask(client, 0)
            if wrong := operation.wrong(answer) or operation.wrong_values(client, 0, answer):
                raise NotStarted(f"{operation.name}: our own answer is wrong: {wrong}")
            contents[operation.name] = (answer.content_type, answer.content.decode())
    document.write(folder, contents)


def able(names: Sequence[str], folder: Path) -> dict[str, str]:
    """Why some of the servers cannot be measured: each is started once, and asked for everything."""
    refused = {}
    for name in names:
        try:
            with running(name, PEERS[name].command, folder) as server:
                wrongs = {operation.name: checked(server, operation) for operation in OPERATIONS}
        except (NotStarted, OSError) as error:
            refused[name] = str(error)
            continue
        if wrong := {operation: text for operation, text in wrongs.items() if text}:
            refused[name] = ", ".join(f"{operation}: {text}" for operation, text in wrong.items())
    return refused


def starting(commands: Mapping[str, Command], plan: Plan, folder: Path) -> Figures:
    """Seconds from exec to the first right answer, and MB then."""
    figures: Figures = {name: {"seconds": [], "idle": []} for name in commands}
    for number in range(plan.starts):
        for name in rotated(list(commands), number):
            with running(name, commands[name], folder) as server:
                figures[name]["seconds"].append(server.seconds)
                figures[name]["idle"].append(server.memory())
        say(f"start-up, round {number + 1} of {plan.starts}")
    return figures


def under_load(names: Sequence[str], plan: Plan, folder: Path) -> Figures:
    """Cells of every server by operation and connections, and MB after all of them."""
    with ExitStack() as stack:
        servers = [stack.enter_context(running(name, PEERS[name].command, folder)) for name in names]
        for server in servers:
            _warm(server, plan)
        cells = rounds(servers, plan)
        return {"cells": cells, "loaded": {server.name: server.memory() for server in servers}}


def _warm(server: Server, plan: Plan) -> None:
    """Who compiles as it runs gets time for it: a JVM needs most, and the others need none."""
    seconds = plan.warm_up if server.name == "wiremock" else len(OPERATIONS)
    say(f"warming {server.name} for {seconds} s")
    load = Load(patient=False)
    for operation in OPERATIONS:
        load.cell(server, operation, 16, seconds // len(OPERATIONS))


def rounds(servers: Sequence[Server], plan: Plan) -> Figures:
    """Every cell once a round."""
    cells: Figures = {server.name: {op.name: {} for op in OPERATIONS} for server in servers}
    for number in range(plan.rounds):
        for operation in OPERATIONS:
            for connections, seconds in plan.cells.items():
                for server in rotated(servers, number):
                    cell = plan.load.cell(server, operation, connections, seconds)
                    kept = cells[server.name][operation.name].setdefault(str(connections), [])
                    kept.append(cell)
                    if cell["wrong"]:
                        say(f"{server.name}, {operation.name}, {connections} connections: {cell['wrong']}")
            say(f"round {number + 1} of {plan.rounds}: {operation.name}")
    return cells
