"""The memory of Redis for sandboxes, and what a server asks Redis when it starts, with few and with many.

Run as `python -m tests.bench.store_size`. The exit code is 1 if sandboxes take more memory than docs/store.md
says, or if a server asks Redis more if there are more sandboxes.
"""

import argparse
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.client import Client
from tests.bench.load import run_wrk, wrk_arguments
from tests.bench.measure import log_progress
from tests.bench.operations import PRODUCTS, READ
from tests.sandbox.log.redis_server import IN_MEMORY, RedisServer, redis_server
from tests.server_process import ServerProcess, serving_command

DOCS = Path(__file__).parents[2] / "docs/store.md"
DOCUMENTED = re.compile(
    r"one call takes about ([0-9.]+) kB, one with 1,000 calls that read a record about ([0-9.]+) MB"
    r".* deleted sandbox leaves about ([0-9]+) bytes"
)
FEW, MANY, DELETED, CALLS = 100, 100_000, 10_000, 1000
NAMES = range(10_000_000)  # so many that no wrk calls a sandbox twice
CONNECTIONS, STARTS = 16, 5
SECONDS, MAX_OF_WRK = 2, 40_000  # calls in that time, more than there ever are
COMMANDS_OF_A_LOOK = 10  # a server looks at the store every 5 seconds


@dataclass(frozen=True)
class Sizes:
    """The bytes that Redis needs for a sandbox of one call, for one of 1,000 calls, and for a deleted one."""

    one: float
    thousand: float
    deleted: float


@dataclass(frozen=True)
class Start:
    """The start of a server: the seconds until it is ready, and what it has asked Redis meanwhile."""

    seconds: float
    commands: dict[str, int]
    redis_us: int


class Store:
    """A Redis with sandboxes. The server that makes them ends before anything is measured."""

    def __init__(self, engine: RedisServer, folder: Path) -> None:
        self._engine, self._folder, self._number = engine, folder, 0

    @contextmanager
    def serving(self) -> Iterator[ServerProcess]:
        (own := self._folder / str(self._number)).mkdir()
        self._number += 1
        options = (
            "--store",
            self._engine.url,
            "--products",
            str(PRODUCTS),
            "--max-sandboxes",
            "100000",
            "--log-level",
            "warning",
        )
        with serving_command(own, *options) as server:
            yield server

    def memory(self) -> int:
        """Return the bytes that Redis uses for what it keeps."""
        return int(self._engine.admin.info("memory")["used_memory"])

    def count(self) -> int:
        return int(self._engine.admin.zcard("mockserver:{index}:names"))

    def fill(self, count: int) -> None:
        """Let one call come to new sandboxes until there are so many."""
        with self.serving() as server, Client(server.url) as client:
            calls = 0
            while self.count() < count - MAX_OF_WRK:
                some = wrk_arguments(
                    server.url, READ, calls, sandboxes=NAMES, connections=CONNECTIONS, seconds=SECONDS
                )
                cell = run_wrk([some], SECONDS, lambda: 0.0)
                assert not cell.wrong, cell.wrong
                calls += cell.requests + CONNECTIONS + 1
            for number in range(count - self.count()):
                self._read(client, f"new-{self._number}-{number}")

    @staticmethod
    def _read(client: Client, sandbox: str, number: int = 0) -> None:
        response = client.send("GET", READ.target(number), {**READ.headers, "X-Mock-Sandbox": sandbox})
        assert response.status == 200, response

    def fill_one(self, calls: int) -> None:
        """Make so many calls to one sandbox."""
        with self.serving() as server, Client(server.url) as client:
            for number in range(calls):
                self._read(client, "full", number)

    def delete(self, count: int) -> None:
        with self.serving() as server, Client(server.url) as client:
            page = "/_mock/sandboxes?limit=1000&after=bench-"
            while count:
                for one in client.send("GET", page).body["sandboxes"][:count]:
                    assert client.send("DELETE", f"/_mock/sandboxes/{one['name']}").status == 204
                    count -= 1

    def start(self) -> Start:
        """Start a server, and return what that needs."""
        admin = self._engine.admin
        admin.config_resetstat()
        began = time.perf_counter()
        with self.serving():
            seconds = time.perf_counter() - began
            found = admin.info("commandstats")
        commands = {name.removeprefix("cmdstat_"): one["calls"] for name, one in found.items()}
        commands.pop("config|resetstat", None)
        return Start(seconds, commands, sum(one["usec"] for one in found.values()))


@contextmanager
def store(folder: Path) -> Iterator[Store]:
    with redis_server(folder, *IN_MEMORY) as engine:
        yield Store(engine, folder)


def sizes(kept: Store, many: int, deleted: int, calls: int) -> Sizes:
    """Measure what sandboxes need, in a store that has some already."""
    count, before = kept.count(), kept.memory()
    kept.fill(many)
    one = (kept.memory() - before) / (kept.count() - count)
    full = kept.memory()
    kept.fill_one(calls)
    full = kept.memory() - full
    alive = kept.memory()
    kept.delete(deleted)
    return Sizes(one, full, one - (alive - kept.memory()) / deleted)


def documented() -> Sizes:
    """Return the figures of the docs."""
    found = DOCUMENTED.search(" ".join(DOCS.read_text().split()))
    assert found, "docs/store.md has no figures"
    return Sizes(float(found[1]) * 1000, float(found[2]) * 1e6, float(found[3]))


def judged(found: Sizes) -> Iterator[str]:
    """Yield for each figure whether it is as documented: at most a tenth more."""
    for name, size in vars(found).items():
        limit = vars(documented())[name]
        verdict = "ok" if size <= limit * 1.1 else "FAILED"
        yield f"{verdict}: {name} takes {size:,.0f} bytes (docs: {limit:,.0f})"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m tests.bench.store_size")
    parser.add_argument("--sandboxes", type=int, default=MANY)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, store(Path(folder)) as kept:
        kept.fill(FEW)
        few = [kept.start() for _ in range(STARTS)]
        log_progress(f"{kept.count():,} sandboxes")
        lines = [*judged(sizes(kept, given.sandboxes, DELETED, CALLS))]
        many = [kept.start() for _ in range(STARTS)]
        log_progress(f"{kept.count():,} sandboxes")
    for number, starts in ((FEW, few), (given.sandboxes, many)):
        seconds, redis = (
            statistics.median(getattr(one, name) for one in starts) for name in ("seconds", "redis_us")
        )
        asked = min(sum(one.commands.values()) for one in starts)
        lines.append(f"start with {number:,}: {seconds:.2f} s, {asked} commands in {redis:.0f} us of Redis")
    same = is_as_much(min(many, key=asked_of), min(few, key=asked_of))
    lines.append(f"{'ok' if same else 'FAILED'}: a server asks as much when it starts with many as with few")
    print(*lines, sep="\n")
    return 1 if any(line.startswith("FAILED") for line in lines) else 0


def asked_of(start: Start) -> int:
    return sum(start.commands.values())


def is_as_much(start: Start, other: Start) -> bool:
    """Return True if a start asks no more than another one, but for a look at the store in the background."""
    return asked_of(start) <= asked_of(other) + COMMANDS_OF_A_LOOK


if __name__ == "__main__":
    sys.exit(main())
