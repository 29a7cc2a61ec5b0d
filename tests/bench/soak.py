"""Half an hour of mixed load on one server, attacks included, and what must not grow in that time.

Run as `python -m tests.bench.soak`. The exit code is 1 if a check fails. The server has room for few
sandboxes and little journal, so that both are full long before memory is compared.
"""

import argparse
import os
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from mockserver.contract.compiled_engine import MAX_THREADS
from tests.bench.measure import log_progress
from tests.bench.mixed_load import Outcomes, Worker, attack_now_and_then
from tests.bench.watched_server import Sample, WatchedServer

OPTIONS = ("--max-sandboxes", "200", "--journal-memory", "32MB")
WORKERS = 6
SAMPLE_SECONDS = 10.0
WARM_MINUTES = 3.0  # after this time memory must not grow; in a short run, after half of it
MAX_GROWTH = 1.10
MAX_MORE_DESCRIPTORS = 2  # at rest: one more connection of ours
# The main thread, that of the log, those for handlers, and asyncio's own: two pools that fill up by and by.
MAX_SERVER_THREADS = 2 + MAX_THREADS + min(32, (os.cpu_count() or 1) + 4)
MAX_REST = 10.0  # seconds without load before the server is looked at


def soak(server: WatchedServer, minutes: float, outcomes: Outcomes) -> list[Sample]:
    """Load the server for some minutes. Return samples, one every `SAMPLE_SECONDS`."""
    stopped = threading.Event()
    workers = [Worker(server.url, seed, outcomes) for seed in range(WORKERS)]
    threads = [threading.Thread(target=worker.run, args=(stopped,)) for worker in workers]
    threads.append(threading.Thread(target=attack_now_and_then, args=(server.url, outcomes, stopped)))
    for thread in threads:
        thread.start()
    samples: list[Sample] = []
    end = time.monotonic() + minutes * 60
    try:
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(SAMPLE_SECONDS, left))
            samples.append(server.sample())
            log_progress(f"{samples[-1]}, {outcomes.calls.total()} calls")
    finally:
        stopped.set()
        for thread in threads:
            thread.join()
    return samples


def memory_check(samples: list[Sample], minutes: float) -> tuple[bool, str]:
    """Compare the memory at the end with that after `WARM_MINUTES`, as medians of three samples."""
    warm = min(WARM_MINUTES, minutes / 2)
    first = min(round(warm * 60 / SAMPLE_SECONDS), len(samples) - 1)
    before = statistics.median(sample.rss for sample in samples[first : first + 3])
    after = statistics.median(sample.rss for sample in samples[-3:])
    text = (
        f"RSS after {warm:g} minutes {before:.0f} MB, at the end {after:.0f} MB ({after / before - 1:+.1%})"
    )
    return 0 < after <= before * MAX_GROWTH, text


def rest_checks(before: Sample, after: Sample) -> list[tuple[bool, str]]:
    """Check what the server holds with no client connected, at the end."""
    return [
        (
            0 < after.descriptors <= before.descriptors + MAX_MORE_DESCRIPTORS,
            f"descriptors at rest: warmed up {before.descriptors}, at the end {after.descriptors}",
        ),
        (
            0 < after.threads <= MAX_SERVER_THREADS,
            f"threads at rest: warmed up {before.threads}, at the end {after.threads},"
            f" with its pools full {MAX_SERVER_THREADS}",
        ),
    ]


def listed(counts: Counter[str]) -> str:
    return "".join(f"\n    {count} x {what}" for what, count in sorted(counts.items())) or " none"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.soak")
    parser.add_argument("--minutes", type=float, default=30.0)
    minutes = parser.parse_args().minutes
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        server = WatchedServer(log, OPTIONS)
        rest = min(MAX_REST, minutes * 20)
        try:
            warm_up, outcomes = Outcomes(), Outcomes()
            soak(server, min(1.0, minutes / 4), warm_up)
            time.sleep(rest)
            at_rest = server.sample()
            samples = soak(server, minutes, outcomes)
            time.sleep(rest)
            at_end = server.sample()
        finally:
            code = server.stop()
        text = log.read_text(errors="replace")
    outcomes.undocumented += warm_up.undocumented
    checks = [
        memory_check(samples, minutes),
        *rest_checks(at_rest, at_end),
        (
            not outcomes.undocumented,
            f"answers from 500 on that are not documented:{listed(outcomes.undocumented)}",
        ),
        ("Traceback" not in text, f"tracebacks in the log: {text.count('Traceback')}"),
        (code == 0, f"exit code of the server after SIGTERM: {code}"),
    ]
    print(f"{minutes:g} minutes, {outcomes.calls.total()} calls, {os.cpu_count()} cores")
    print(f"answers and errors: {dict(outcomes.calls.most_common())}")
    print(f"answers from 500 on that are documented:{listed(outcomes.documented)}")
    for passed, line in checks:
        print(f"{'ok  ' if passed else 'FAIL'} {line}")
    if start := text.find("Traceback") + 1:
        print(text[start - 1 : start + 3000])
    sys.exit(not all(passed for passed, _ in checks))


if __name__ == "__main__":
    main()
