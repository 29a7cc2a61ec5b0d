"""Visitors of a public demo beside an attacker: what they see, how long they wait, and the server's memory.

Run as `python -m tests.bench.visitors`. The exit code is 1 if a check fails. A smoke run has the options
`--visitors 20 --minutes 0.5 --consoles 4 --scale 0.05`.

Each visitor has an address of her own, through a proxy that the server trusts: opens the first page, presses
the button, and makes 20 calls, of which one changes a stock to a number that nobody else writes. Some keep a
console open, with its stream. First a tenth of them comes alone, then all of them come beside the attacks of
`tests.bench.attacks`, one after the other, which come from an address of their own.
"""

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from bs4 import BeautifulSoup

from mockserver.server.access.quotas.demo_quotas import option_of
from tests.bench.attacks import ATTACKS
from tests.bench.full_sandboxes import ADMIN, MANY, WASHER, documented_bytes, resident_bytes
from tests.server_process import serving_command

CALLS = 20
PROXY, ATTACKER = "127.0.0.2", "127.0.0.1"  # addresses of this machine
MAX_RATIO = 3.0  # of the median with the attack to that without
THREADS = 40
PAUSE = 0.3  # seconds between the calls of a visitor
ATTACK_SECONDS = 20.0
RAISED = ("sandboxes", "creations_per_minute")
BROWSER = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin"}


@dataclass
class Seen:
    """The answers to all visitors of a phase."""

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    foreign: list[str] = field(default_factory=list)
    events: int = 0


def visit(url: str, number: int, seen: Seen, console: threading.Event | None) -> None:
    """Be one visitor. If there is an event `console`, keep a stream open until it is set."""
    address = f"10.{number // 65536}.{number // 256 % 256}.{number % 256}"
    transport = httpx.HTTPTransport(local_address=PROXY)
    headers = {"X-Forwarded-For": address, **BROWSER}
    with httpx.Client(base_url=url, transport=transport, headers=headers, timeout=60) as browser:
        assert browser.get("/").status_code == 200
        begun = browser.post("/_mock/ui/try")
        seen.statuses[f"button {begun.status_code}"] += 1
        if begun.status_code != 303:
            return
        start = BeautifulSoup(browser.get("/_mock/ui/").text, "html.parser")
        own, credential = start.select_one("#tour")["data-live-sandbox"], start.select_one("#credential").text
        if console:
            threading.Thread(
                target=watch, args=(url, headers, dict(browser.cookies), str(own), seen, console), daemon=True
            ).start()
        call(browser, credential, number, seen)
        listed = browser.get("/_mock/requests", params={"limit": 1000}).json()["requests"]
        seen.foreign += [one["id"] for one in listed if one["sandbox"] != own]
        if len(listed) != CALLS:
            seen.foreign.append(f"{own}: {len(listed)} calls")


def call(browser: httpx.Client, credential: str, number: int, seen: Seen) -> None:
    """Make the calls of a visitor to a vendor. No cookie goes along, as its path is another."""
    for turn in range(CALLS):
        begun = time.perf_counter()
        if turn == 0:
            answer = browser.patch(WASHER, json={"stock": number}, auth=(credential, ""))
        else:
            answer = browser.get(WASHER, auth=(credential, ""))
        seen.seconds.append(time.perf_counter() - begun)
        seen.statuses[str(answer.status_code)] += 1
        if answer.status_code == 200 and answer.json()["stock"] != number:
            seen.foreign.append(f"stock {answer.json()['stock']} of visitor {number}")
        time.sleep(random.uniform(0, 2 * PAUSE))


def watch(
    url: str, headers: dict[str, str], cookies: dict[str, str], own: str, seen: Seen, over: threading.Event
) -> None:
    """Keep a console's stream open, and note the calls of others in it."""
    transport = httpx.HTTPTransport(local_address=PROXY)
    stream = httpx.Client(base_url=url, transport=transport, headers=headers, cookies=cookies, timeout=60)
    # At the end, the server closes the streams that are still open.
    with suppress(httpx.HTTPError), stream as client, client.stream("GET", "/_mock/events") as answer:
        if answer.status_code != 200:
            seen.statuses[f"stream {answer.status_code}"] += 1
            return
        for line in answer.iter_lines():
            if line.startswith("data: ") and (sandbox := json.loads(line[6:]).get("sandbox")):
                seen.events += 1
                if sandbox != own:
                    seen.foreign.append(f"stream of {own}: {sandbox}")
            if over.is_set():
                return


def phase(url: str, first: int, visitors: int, seconds: float, consoles: int) -> Seen:
    """Let visitors come at even distances."""
    seen, over = Seen(), threading.Event()
    with ThreadPoolExecutor(THREADS) as pool:
        began, coming = time.monotonic(), []
        for number in range(visitors):
            time.sleep(max(0.0, began + number * seconds / visitors - time.monotonic()))
            coming.append(pool.submit(visit, url, first + number, seen, over if number < consoles else None))
        for one in coming:
            one.result()
    over.set()
    return seen


@contextmanager
def attacks(url: str, scale: float) -> Iterator[Counter[str]]:
    """Attack the server while the block runs, in one way after the other."""
    seen: Counter[str] = Counter()
    over = threading.Event()
    thread = threading.Thread(target=_attack, args=(url, scale, over, seen))
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def _attack(url: str, scale: float, over: threading.Event, seen: Counter[str]) -> None:
    names = [*ATTACKS]
    while not over.is_set():
        name = names.pop(0)
        names.append(name)
        command = [sys.executable, "-m", "tests.bench.attacks", name, url, str(scale)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        over.wait(ATTACK_SECONDS * scale)
        process.terminate()
        output, _ = process.communicate()
        last = output.strip().rpartition("\n")[2]
        seen.update(json.loads(last)["seen"] if last.startswith("{") else {"no report": 1})


def report(alone: Seen, beside: Seen, attacked: Counter[str], memory: int) -> bool:
    """Print what was seen. Return True if it is as it must be."""
    medians = [statistics.median(seen.seconds) * 1000 for seen in (alone, beside)]
    print(f"alone:  {len(alone.seconds)} calls, p50 {medians[0]:.2f} ms, {dict(alone.statuses)}")
    print(f"beside: {len(beside.seconds)} calls, p50 {medians[1]:.2f} ms, {dict(beside.statuses)}")
    print(f"the attacker saw {dict(attacked.most_common())}")
    print(f"{beside.events} events in the consoles, memory {memory / 1e6:.0f} MB")
    checks = {
        f"nobody sees another's data: {(alone.foreign + beside.foreign)[:5]}": not (
            alone.foreign + beside.foreign
        ),
        f"p50 is {medians[1] / medians[0]:.2f} times that alone": medians[1] <= MAX_RATIO * medians[0],
        f"memory is under {documented_bytes() / 1e9} GB": memory < documented_bytes(),
        "every visitor was served": {*alone.statuses, *beside.statuses} == {"200", "button 303"},
    }
    for check, kept in checks.items():
        print(f"{'ok' if kept else 'FAILED'}: {check}")
    return all(checks.values())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m tests.bench.visitors")
    parser.add_argument("--visitors", type=int, default=500)
    parser.add_argument("--minutes", type=float, default=10.0, help="time in which they come")
    parser.add_argument("--consoles", type=int, default=50, help="visitors who keep a console open")
    parser.add_argument("--scale", type=float, default=1.0, help="size of the attacks")
    given = parser.parse_args()
    options = ["--demo", "--admin-token=operators-token", f"--trusted-proxy={PROXY}", "--log-level=error"]
    options += [f"{option_of(name)}={MANY}" for name in RAISED]
    alone_count = max(1, given.visitors // 10)
    seconds = given.minutes * 60
    with tempfile.TemporaryDirectory() as folder, serving_command(Path(folder), *options) as server:
        alone = phase(server.url, 0, alone_count, seconds / 10, 0)
        with attacks(server.url, given.scale) as attacked:
            beside = phase(server.url, alone_count, given.visitors, seconds, given.consoles)
        memory = resident_bytes(server.pid)
        print(httpx.get(f"{server.url}/_mock/demo", headers=ADMIN).json()["refused"])
    return 0 if report(alone, beside, attacked, memory) else 1


if __name__ == "__main__":
    sys.exit(main())
