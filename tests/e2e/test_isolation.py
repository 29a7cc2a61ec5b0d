"""Many clients at once, each in a sandbox of its own, over the same names and SKUs."""

import os
import random
import threading
import time
from typing import Any

import httpx

from tests.conftest import exact

CLIENTS = 32
SECONDS = float(os.environ.get("MOCKSERVER_SECONDS", "2"))
TOKEN = {"access-token": "demo"}
SKUS = ("WMY71443LB2", "TShirt.Blk.XL")
Call = tuple[str, str, dict[str, Any] | None]


def calls(chance: random.Random) -> Call:
    """One random read or write, of records that every other client reads and writes too."""
    sku = chance.choice(SKUS)
    change = chance.choice(
        [
            {"stock": chance.randint(0, 99)},
            {"stock": {"adjust_by": chance.randint(-5, 5)}},
            {"price_gross": chance.randint(1, 999)},
            {"inventory_enabled": chance.choice(["on", "off"])},
            {"stock": -1},
        ]
    )
    if chance.random() < 0.3:
        return (
            "PATCH",
            "ean/7332543402632",
            {"warehouses": [{"name": "Depozit central", "stock": chance.randint(0, 99)}]},
        )
    return ("PATCH", f"sku/{sku}", change) if chance.random() < 0.6 else ("GET", f"sku/{sku}", None)


def send(client: httpx.Client, call: Call) -> tuple[int, str]:
    method, identifier, change = call
    response = client.request(method, f"/api/v2/inventory/{identifier}", json=change)
    return response.status_code, response.text


def test_each_client_ends_where_it_would_have_ended_alone(base_url: str, sandbox: str) -> None:
    histories: list[list[tuple[Call, tuple[int, str]]]] = [[] for _ in range(CLIENTS)]
    until = time.monotonic() + SECONDS

    def work(number: int) -> None:
        chance = random.Random(number)
        with httpx.Client(base_url=base_url, auth=(f"sbx_{sandbox}-{number}", "")) as client:
            while time.monotonic() < until:
                call = calls(chance)
                histories[number].append((call, send(client, call)))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, history in enumerate(histories):
        assert history, "a client came to nothing"
        alone = f"{sandbox}-{number}-alone"
        with httpx.Client(base_url=base_url, auth=(f"sbx_{alone}", "")) as client:
            for call, answer in history:
                assert send(client, call) == answer, "an answer crossed over"
        assert export(base_url, f"{sandbox}-{number}") == export(base_url, alone)


def export(base_url: str, name: str) -> Any:
    document = dict(exact(httpx.get(f"{base_url}/_mock/sandboxes/{name}/export").text))
    return document["records"], document["calls"]


def test_the_same_seed_and_the_same_calls_give_the_same_bytes_twice(base_url: str, sandbox: str) -> None:
    chance = random.Random(5)
    session = [calls(chance) for _ in range(50)]
    httpx.post(f"{base_url}/_mock/sandboxes", json={"name": sandbox, "seed": 9})

    def play() -> list[tuple[int, str, str | None]]:
        answers = []
        with httpx.Client(
            base_url=base_url, headers={"X-Mock-Sandbox": sandbox}, auth=("demo", "")
        ) as client:
            for method, identifier, change in session:
                response = client.request(method, f"/api/v2/inventory/{identifier}", json=change)
                answers.append((response.status_code, response.text, None))
            for _ in range(3):
                response = client.get("/openapi/2022-01/products/x/inventory", headers=TOKEN)
                answers.append((response.status_code, response.text, response.headers["request-id"]))
        return answers

    first = play()
    httpx.post(f"{base_url}/_mock/sandboxes/{sandbox}/reset")
    assert play() == first
