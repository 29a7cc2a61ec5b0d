"""Isolation: many clients read and write the same SKUs at once, each client in its own sandbox.

`MOCKSERVER_CALLS` sets the number of calls that each client makes.
"""

import os
import random
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import httpx
import pytest

from tests.conftest import NO_CERTIFICATES, exact

CLIENTS = 32
CALLS = int(os.environ.get("MOCKSERVER_CALLS", "60"))
TIMEOUT = 600  # seconds; only ends a test that hangs
TOKEN = {"access-token": "demo"}
SKUS = ("WMY71443LB2", "TShirt.Blk.XL")
Call = tuple[str, str, dict[str, Any] | None]


def random_call(rng: random.Random) -> Call:
    """Return a random read or write of a record that the other clients read and write too."""
    sku = rng.choice(SKUS)
    change = rng.choice(
        [
            {"stock": rng.randint(0, 99)},
            {"stock": {"adjust_by": rng.randint(-5, 5)}},
            {"price_gross": rng.randint(1, 999)},
            {"inventory_enabled": rng.choice(["on", "off"])},
            {"stock": -1},
        ]
    )
    if rng.random() < 0.3:
        return (
            "PATCH",
            "ean/7332543402632",
            {"warehouses": [{"name": "Depozit central", "stock": rng.randint(0, 99)}]},
        )
    return ("PATCH", f"sku/{sku}", change) if rng.random() < 0.6 else ("GET", f"sku/{sku}", None)


def send(client: httpx.Client, call: Call) -> tuple[int, str]:
    method, identifier, change = call
    response = client.request(method, f"/api/v2/inventory/{identifier}", json=change)
    return response.status_code, response.text


def sandbox_client(base_url: str, name: str) -> httpx.Client:
    return httpx.Client(base_url=base_url, auth=(f"sbx_{name}", ""), timeout=TIMEOUT, verify=NO_CERTIFICATES)


@pytest.mark.finding("C11")
def test_each_client_gets_the_responses_it_would_get_alone(base_url: str, sandbox: str) -> None:
    all_ready = Barrier(CLIENTS, timeout=TIMEOUT)  # otherwise the first could end before the last begins

    def run(number: int) -> list[tuple[Call, tuple[int, str]]]:
        rng = random.Random(number)
        calls = [random_call(rng) for _ in range(CALLS)]
        with sandbox_client(base_url, f"{sandbox}-{number}") as client:
            all_ready.wait()
            return [(call, send(client, call)) for call in calls]

    with ThreadPoolExecutor(CLIENTS) as pool:
        histories = [*pool.map(run, range(CLIENTS))]
    for number, history in enumerate(histories):
        alone = f"{sandbox}-{number}-alone"
        with sandbox_client(base_url, alone) as client:
            for call, response in history:
                assert send(client, call) == response, "another client's call changed the response"
        assert export(base_url, f"{sandbox}-{number}") == export(base_url, alone)


def export(base_url: str, name: str) -> Any:
    document = dict(exact(httpx.get(f"{base_url}/_mock/sandboxes/{name}/export", timeout=TIMEOUT).text))
    return document["records"], document["calls"]


def test_same_seed_and_same_calls_give_the_same_bytes(base_url: str, sandbox: str) -> None:
    rng = random.Random(5)
    calls = [random_call(rng) for _ in range(50)]
    httpx.post(f"{base_url}/_mock/sandboxes", json={"name": sandbox, "seed": 9})

    def play() -> list[tuple[int, str, str | None]]:
        responses = []
        with httpx.Client(
            base_url=base_url, headers={"X-Mock-Sandbox": sandbox}, auth=("demo", "")
        ) as client:
            for method, identifier, change in calls:
                response = client.request(method, f"/api/v2/inventory/{identifier}", json=change)
                responses.append((response.status_code, response.text, None))
            for _ in range(3):
                response = client.get("/openapi/2022-01/products/x/inventory", headers=TOKEN)
                responses.append((response.status_code, response.text, response.headers["request-id"]))
        return responses

    first = play()
    httpx.post(f"{base_url}/_mock/sandboxes/{sandbox}/reset")
    assert play() == first
