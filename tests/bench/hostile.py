"""Measures an innocent client while another one attacks the server, and the memory that is left behind.

Run as `python -m tests.bench.hostile`. One server, whose log nobody reads, meets one attack after the other,
in several rounds; in each round the client is measured alone too. The table has medians of the rounds. No
figure makes the run fail, because figures depend on the machine.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPException

from tests.bench.attacks import ATTACKS, LIST, VERSION, WASHER
from tests.bench.client import Client
from tests.bench.measure import log_progress
from tests.bench.watched_server import CLIENT_CORE, NOTHING, Sample, WatchedServer, pin

BASIC = {"Authorization": "Basic c2J4X2lubm9jZW50OmE="}  # sbx_innocent:a
BEARER = {"Authorization": "Bearer sbx_innocent", **VERSION}
CALLS = (
    ("GET", WASHER, BASIC, ""),
    ("GET", f"{LIST}&limit=20", BEARER, ""),
    ("PATCH", WASHER, {**BASIC, "Content-Type": "application/json"}, '{"stock": 7}'),
)
TIMEOUT = 10.0  # seconds that the client waits for an answer
PAUSE = 0.002  # seconds between its calls: a polite client leaves the server time for others
MAX_SECONDS = 40.0  # for the client's calls beside one attack
# Seconds: for an attack to get under way, between two looks at memory, and at most until that is steady; all
# three shrink with the attacks.
HEAD_START, LOOK, SETTLE = 1.0, 1.0, 15.0
MAX_PASS = 120.0  # seconds


@dataclass(frozen=True)
class Figures:
    """The client's times in milliseconds. `failed` counts calls with another status than 200, or none."""

    p50: float
    p99: float
    calls: int
    failed: int


@dataclass
class Row:
    """The figures beside one attack, with one item for each round, and the server after the last."""

    p50: list[float] = field(default_factory=list)  # multiples of the client's own figure alone
    p99: list[float] = field(default_factory=list)
    calls: int = 0
    failed: int = 0
    seen: Counter[str] = field(default_factory=Counter)
    after: Sample = NOTHING
    growth: list[float] = field(default_factory=list)  # MB


def innocent(url: str, calls: int) -> Figures:
    """Measure a client that makes calls one after the other, and connects anew after a failure."""
    times: list[float] = []
    failed, deadline = 0, time.monotonic() + MAX_SECONDS
    client = Client(url, TIMEOUT)
    while len(times) < calls and time.monotonic() < deadline:
        method, target, headers, body = CALLS[len(times) % len(CALLS)]
        started = time.perf_counter()
        try:
            failed += client.send(method, target, headers, body).status != 200
        except (OSError, HTTPException):
            failed += 1
            client.close()
            client = Client(url, TIMEOUT)
        times.append((time.perf_counter() - started) * 1000)
        time.sleep(PAUSE)
    client.close()
    p99 = statistics.quantiles(times, n=100)[98] if len(times) > 1 else times[0]
    return Figures(statistics.median(times), p99, len(times), failed)


def attack(server: WatchedServer, name: str, calls: int, scale: float) -> tuple[Figures, Counter[str]]:
    """Measure the client beside an attack. The attack ends when the client does, but not amid a pass."""
    arguments = [sys.executable, "-m", "tests.bench.attacks", name, server.url, str(scale)]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        process.stdout.readline()  # it has started, and knows what SIGTERM means
        time.sleep(HEAD_START * scale)
        figures = innocent(server.url, calls)
        process.terminate()
        output, _ = process.communicate(timeout=MAX_PASS)
        return figures, Counter(json.loads(output)["seen"])
    except subprocess.TimeoutExpired:
        return figures, Counter({f"not over after {MAX_PASS:g} seconds": 1})
    finally:
        process.kill()
        process.wait()


def settled(server: WatchedServer, scale: float) -> Sample:
    """Return what the server holds once this no longer changes, or after `SETTLE` seconds."""
    deadline, before = time.monotonic() + SETTLE * scale, server.sample()
    while time.monotonic() < deadline:
        time.sleep(LOOK * scale)
        now = server.sample()
        if now.descriptors == before.descriptors and abs(now.rss - before.rss) < 0.5:
            return now
        before = now
    return before


def measure(rounds: int, calls: int, scale: float) -> tuple[list[Figures], dict[str, Row], Sample, Sample]:
    """Run all attacks in each round. Return the client alone, a row for each attack, and the server's
    samples before the first attack and after the last."""
    server = WatchedServer()
    pin(0, CLIENT_CORE)
    rows, alone = {name: Row() for name in ATTACKS}, []
    try:
        innocent(server.url, calls)  # warms the server up
        first = last = settled(server, scale)
        for number in range(1, rounds + 1):
            alone.append(innocent(server.url, calls))
            log_progress(f"round {number}: alone p50 {alone[-1].p50:.2f} ms, p99 {alone[-1].p99:.2f} ms")
            for name, row in rows.items():
                figures, seen = attack(server, name, calls, scale)
                row.p50.append(figures.p50 / alone[-1].p50)
                row.p99.append(figures.p99 / alone[-1].p99)
                row.calls, row.failed = row.calls + figures.calls, row.failed + figures.failed
                row.seen += seen
                row.after = settled(server, scale)
                row.growth.append(row.after.rss - last.rss)
                last = row.after
                log_progress(f"{name}: p50 x {row.p50[-1]:.1f}, p99 x {row.p99[-1]:.1f}, {row.after}")
                if not server.answers(30):
                    row.seen["the server stopped answering and was started again"] += 1
                    server.stop()
                    server = WatchedServer()
                    innocent(server.url, calls)
                    last = settled(server, scale)
        return alone, rows, first, last
    finally:
        with suppress(ProcessLookupError):
            server.stop()


def table(rows: dict[str, Row]) -> str:
    """Return the rows as a table in Markdown."""
    lines = [
        "| beside | p50 | p99 | calls | failed | RSS, MB | more | descriptors | threads | the attacker saw |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|---|",
    ]
    for name, row in rows.items():
        seen = ", ".join(f"{count} x {what}" for what, count in row.seen.most_common(4))
        p50, p99 = statistics.median(row.p50), statistics.median(row.p99)
        lines.append(
            f"| {name} | x {p50:.1f} | x {p99:.1f} | {row.calls} | {row.failed} "
            f"| {row.after.rss:.0f} | {statistics.median(row.growth):+.0f} "
            f"| {row.after.descriptors} | {row.after.threads} | {seen} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.hostile")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--calls", type=int, default=2000, help="the client's calls in all rounds, per attack"
    )
    parser.add_argument("--scale", type=float, default=1.0, help="size of the attacks")
    options = parser.parse_args()
    calls = max(2, options.calls // options.rounds)
    alone, rows, before, after = measure(options.rounds, calls, options.scale)
    p50, p99 = (statistics.median(getattr(one, name) for one in alone) for name in ("p50", "p99"))
    print(
        f"Alone: p50 {p50:.2f} ms, p99 {p99:.2f} ms. p50 and p99 beside an attack are multiples of these.\n"
    )
    print(table(rows))
    print(
        f"\nThe server before and after: RSS {before.rss:.0f} and {after.rss:.0f} MB, descriptors "
        f"{before.descriptors} and {after.descriptors}, threads {before.threads} and {after.threads}."
    )


if __name__ == "__main__":
    main()
