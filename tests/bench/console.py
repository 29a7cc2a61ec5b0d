"""The console under load, and the cost of a console that nobody opens.

Run as `python -m tests.bench.console`; `--quick` only checks that it runs. Two parts, by `--only`:

- `calls`: the list of calls in Chromium, over 10,000 calls in the journals, while 200 calls a second come in;
- `unopened`: time to start and memory of this tree and of the last commit without a console, interleaved.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page

from tests.bench.client import Client
from tests.bench.measure import log_progress, rotated
from tests.bench.operations import READ
from tests.bench.peers import ours
from tests.bench.process import Command, Server, running
from tests.bench.tools import FOLDER, ROOT
from tests.browser.chromium import chromium

BEFORE = "1c0be11"  # the last commit without a console
CALLS = "/_mock/ui/calls"
SANDBOXES = 10  # their journals keep 1,000 calls each
MAX_ROWS = 200
MAX_CLICK = 200.0  # ms from the click to the next frame
# Notes how long the browser takes from each click to the frame that shows what it did.
WATCH_CLICKS = """() => { window.clicks = []; new PerformanceObserver(list => { for (const entry of
    list.getEntries()) if (entry.name === "click") window.clicks.push(entry.duration); })
    .observe({type: "event", durationThreshold: 16}); }"""
FRAME = "() => new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve)))"
ROWS = "#rows tr"
FOLLOW = "[data-toggle]"
MAX_WAIT = 10.0  # seconds until the page has counted the last calls
COUNT = """() => ["kept", "dropped"].map(name => document.querySelector(`[data-number=${name}]`).textContent)
    .reduce((sum, text) => sum + Number(text.replaceAll(",", "")), 0)"""


@dataclass(frozen=True)
class Plan:
    """The amount of work: calls in the journals, seconds of load, calls in a second, starts of a server."""

    calls: int
    seconds: float
    rate: int
    starts: int


FULL, QUICK = Plan(10_000, 60.0, 200, 15), Plan(300, 3.0, 100, 1)


class Caller:
    """Makes calls at an even rate, in turn in each sandbox, and counts those that were answered."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._stopped = threading.Event()
        self.answered = 0  # calls that got an answer

    def call(self, client: Client) -> None:
        """Make one call."""
        headers = {**READ.headers, "X-Mock-Sandbox": f"bench-{self.answered % SANDBOXES}"}
        response = client.send("GET", READ.target(0), headers)
        if response.status != 200:
            raise RuntimeError(f"the server answered {response.status}")
        self.answered += 1

    def fill(self, calls: int) -> None:
        """Make calls as fast as possible."""
        with Client(self._server.url) as client:
            for _ in range(calls):
                self.call(client)

    def _run(self, rate: int) -> None:
        started, made = time.perf_counter(), 0
        with Client(self._server.url) as client:
            while not self._stopped.is_set():
                time.sleep(max(0.0, started + made / rate - time.perf_counter()))
                self.call(client)
                made += 1

    @contextmanager
    def at(self, rate: int) -> Iterator[None]:
        """Make calls in a thread until the block ends."""
        self._stopped.clear()
        thread = threading.Thread(target=self._run, args=(rate,))
        thread.start()
        try:
            yield
        finally:
            self._stopped.set()
            thread.join()


def open_calls(page: Page, url: str) -> float:
    """Open the list of calls; return the milliseconds until it is shown."""
    started = time.perf_counter()
    page.goto(url + CALLS)
    page.evaluate(FRAME)
    return (time.perf_counter() - started) * 1000


def use_page(page: Page, seconds: float) -> tuple[list[float], int]:
    """Pause the list and let it follow, by turns. Return the ms of each click, and the most rows seen.

    At the end it follows.
    """
    page.evaluate(WATCH_CLICKS)
    most, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        for _ in ("pause", "follow"):
            page.locator(FOLLOW).click()
            most = max(most, page.locator(ROWS).count())
            page.wait_for_timeout(1000)
    page.evaluate(FRAME)
    # A click that is answered within a frame or two leaves no entry; it counts as 16 ms, the least that does.
    return page.evaluate("window.clicks") or [16.0], most


def measure_calls(plan: Plan) -> list[tuple[bool, str]]:
    """Measure the list of calls; return its checks."""
    with tempfile.TemporaryDirectory() as folder, running("ours", ours(100), Path(folder)) as server:
        caller = Caller(server)
        caller.fill(plan.calls)
        log_progress(f"{plan.calls} calls in the journals")
        with chromium() as browser, browser.new_page() as page:
            load = [open_calls(page, server.url) for _ in range(5)]
            with caller.at(plan.rate):
                clicks, most = use_page(page, plan.seconds)
            made = caller.answered - plan.calls
            total = caller.answered + 1  # with the one that showed that the server had started
            shown, waited = counted(page, total)
            with caller.at(plan.rate):
                loaded = open_calls(page, server.url)
        log_progress(f"{made} calls while the page was open, {made / plan.seconds:.0f} a second")
    ordered = sorted(clicks)
    return [
        (True, f"opened over {plan.calls} calls in {statistics.median(load):.0f} ms (median of 5)"),
        (True, f"opened under load in {loaded:.0f} ms"),
        (
            ordered[-1] < MAX_CLICK,
            f"a click is answered in {statistics.median(ordered):.0f} ms, at most {ordered[-1]:.0f} ms",
        ),
        (0 < most <= MAX_ROWS, f"at most {most} rows in the DOM"),
        (shown == total, f"the page counts {shown} of {total} calls, {waited:.1f} s after the last"),
    ]


def counted(page: Page, calls: int) -> tuple[int, float]:
    """Wait until the page has counted so many calls. Return how many it has, and the seconds until then."""
    started = time.monotonic()
    while (shown := int(page.evaluate(COUNT))) < calls and time.monotonic() < started + MAX_WAIT:
        page.wait_for_timeout(50)
    return shown, time.monotonic() - started


def tree_before(folder: Path) -> Command:
    """Return the command for the server without a console, from files that git has."""
    packed = subprocess.run(["git", "archive", BEFORE], cwd=ROOT, check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", str(folder)], input=packed, check=True)
    command = ours(100)
    return Command(command.arguments, {**command.environment, "PYTHONPATH": str(folder)})


def measure_unopened(plan: Plan) -> list[tuple[bool, str]]:
    """Start both servers in turns; return the checks of time and memory."""
    seconds: dict[str, list[float]] = {"before": [], "now": []}
    memory: dict[str, list[float]] = {"before": [], "now": []}
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER) as place:
        folder = Path(place)
        commands = {"before": tree_before(folder), "now": ours(100)}
        for number in range(-1, plan.starts):  # the first compiles, and does not count
            for name in rotated(list(commands), number % 2):
                with running(name, commands[name], folder) as server:
                    if number >= 0:
                        seconds[name].append(server.seconds)
                        memory[name].append(server.memory())
            log_progress(f"start {number + 1} of {plan.starts}")
    return [compared("start", "s", seconds, 1.05), compared("memory", "MB", memory, 1.05)]


def compared(what: str, unit: str, figures: dict[str, list[float]], limit: float) -> tuple[bool, str]:
    """Compare the medians of both servers."""
    before, now = (statistics.median(figures[name]) for name in ("before", "now"))
    text = f"{what}: before {before:.3g} {unit}, now {now:.3g} {unit} ({now / before - 1:+.1%})"
    return now <= before * limit, text


PARTS = {"calls": measure_calls, "unopened": measure_unopened}


def main() -> None:
    """Run the parts; the exit code is 1 if a check fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.console")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", choices=PARTS)
    arguments = parser.parse_args()
    plan = QUICK if arguments.quick else FULL
    checks = [check for name, part in PARTS.items() if arguments.only in (None, name) for check in part(plan)]
    for passed, line in checks:
        print(f"{'ok  ' if passed else 'FAIL'} {line}")
    sys.exit(not all(passed for passed, _ in checks))


if __name__ == "__main__":
    main()
