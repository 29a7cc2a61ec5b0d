"""Calls for a live console: some, many, or a stream of them that goes on until it is stopped."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from tests.conftest import NO_CERTIFICATES, TIMEOUT

WASHER = "/merchantpro/api/v2/inventory/id/10001"
AUTH = ("demo", "demo")


def call(url: str, count: int = 1, sandbox: str = "demo", path: str = WASHER) -> None:
    """Make calls to a server, one after the other."""
    headers = {"X-Mock-Sandbox": sandbox}
    with httpx.Client(
        base_url=url, auth=AUTH, headers=headers, verify=NO_CERTIFICATES, timeout=TIMEOUT
    ) as client:
        for _ in range(count):
            client.get(path)


def call_at_once(url: str, count: int, threads: int = 4) -> None:
    """Make calls to a server from several threads."""
    running = [threading.Thread(target=call, args=(url, count // threads)) for _ in range(threads)]
    for one in running:
        one.start()
    for one in running:
        one.join()


@contextmanager
def traffic(url: str) -> Iterator[None]:
    """Make about a hundred calls a second while the block runs."""
    stop = threading.Event()

    def run() -> None:
        with httpx.Client(base_url=url, auth=AUTH, verify=NO_CERTIFICATES, timeout=TIMEOUT) as client:
            while not stop.wait(0.01):
                client.get(WASHER)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def journal(url: str) -> list[str]:
    """Return the ids of the latest 200 calls in a server's journal, newest first."""
    listed = httpx.get(f"{url}/_mock/requests", params={"limit": 200}).json()["requests"]
    return [one["id"] for one in listed]
