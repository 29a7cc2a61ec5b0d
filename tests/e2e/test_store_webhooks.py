"""A delivery to a webhook that waits outlives its server: another one, or the next one, makes it."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.conftest import TIMEOUT
from tests.e2e.test_store import OPTIONS, client
from tests.receiver import Receiver
from tests.server_process import ServerProcess, serving_command

PRICE = "6241712be68f7a98102ba272"  # the one of HighLevel's page
OUTGOING = {"sandbox": "shop", "direction": "outgoing"}
# Runs `python -m mockserver …` 20 seconds later than it is: as long as an attempt may be under way.
LATER = (sys.executable, "-c", """import runpy, sys, time
now = time.time_ns
time.time_ns = lambda: now() + 20 * 10**9
sys.argv = sys.argv[3:]
runpy.run_module("mockserver", run_name="__main__", alter_sys=True)
""")  # fmt: skip


@contextmanager
def server(
    folder: Path, name: str, prefix: tuple[str, ...] = ()
) -> Iterator[tuple[ServerProcess, httpx.Client]]:
    """Yield a server over the store in a folder."""
    (folder / name).mkdir()
    store = ("--store", f"sqlite:///{folder}/mock.db", *OPTIONS)
    with serving_command(folder / name, *store, prefix=prefix) as process, client(process) as http:
        yield process, http


def register(http: httpx.Client, receiver: Receiver) -> None:
    """Make a sandbox with a webhook."""
    http.post("/_mock/sandboxes", json={"name": "shop"}).raise_for_status()
    webhook = {"vendor": "highlevel", "topics": ["PriceUpdate"], "url": receiver.url}
    http.post("/_mock/sandboxes/shop/webhooks", json=webhook).raise_for_status()


def change(http: httpx.Client, quantity: int) -> None:
    record = f"/_mock/sandboxes/shop/records/highlevel/inventory/{PRICE}"
    http.patch(record, json={"availableQuantity": quantity}).raise_for_status()


def quantities(receiver: Receiver) -> list[int]:
    return [call.json()["availableQuantity"] for call in receiver.calls]


def statuses(http: httpx.Client, attempts: int) -> list[int]:
    """Wait for a number of attempts, and return what they were answered."""
    body = {"match": OUTGOING, "count": attempts, "seconds": 60}
    found = http.post("/_mock/requests/wait", json=body, timeout=90).raise_for_status().json()
    return [call["response"]["status"] for call in found["requests"]]


@pytest.mark.parametrize("other_runs", [True, False], ids=["another server", "the next server"])
def test_delivery_that_waits_outlives_its_server(
    other_runs: bool, tmp_path: Path, receiver: Receiver
) -> None:
    receiver.statuses.append(429)
    with ExitStack() as stack:
        process, http = stack.enter_context(server(tmp_path, "first"))
        if other_runs:
            _, other = stack.enter_context(server(tmp_path, "second"))
        register(http, receiver)
        change(http, 5)
        assert statuses(http, 1) == [429]
        os.kill(process.pid, signal.SIGKILL)
        if not other_runs:
            _, other = stack.enter_context(server(tmp_path, "second"))
        clock = {"action": "advance", "seconds": 100_000}
        other.put("/_mock/sandboxes/shop/clock", json=clock).raise_for_status()
        assert statuses(other, 2) == [429, 200]
        assert quantities(receiver) == [5, 5]
        assert receiver.calls[0].json()["webhookId"] == receiver.calls[1].json()["webhookId"]


def test_server_that_is_killed_before_the_first_attempt_has_left_the_delivery_to_the_next(
    tmp_path: Path, receiver: Receiver
) -> None:
    receiver.held.clear()
    with server(tmp_path, "first") as (process, http):
        register(http, receiver)
        change(http, 5)
        assert receiver.arrived.acquire(timeout=TIMEOUT)
        change(http, 6)  # it waits for the attempt that is under way
        os.kill(process.pid, signal.SIGKILL)
    receiver.held.set()
    with server(tmp_path, "second", LATER) as (_, http):  # the first one may be under way no longer
        assert statuses(http, 2) == [200, 200]
        assert quantities(receiver) == [5, 5, 6]
