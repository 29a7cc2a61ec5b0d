"""Deliveries to webhooks that wait are in the log: one server makes the next attempt, whichever it is."""

import asyncio
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest

from mockserver.server.turns import deliveries
from tests.receiver import Receiver
from tests.sandbox.log.conftest import Store
from tests.server.turns.two_servers import Check, Server, two_servers

PRICE = "6241712be68f7a98102ba272"  # the one of HighLevel's page
OUTGOING = {"sandbox": "shared", "direction": "outgoing"}


@pytest.fixture
def short_lease() -> Iterator[None]:
    with patch.object(deliveries, "LEASE", 300_000):
        yield


async def register(server: Server, receiver: Receiver) -> None:
    await server.control("POST", "/sandboxes", {"name": "shared"})
    webhook = {"vendor": "highlevel", "topics": ["PriceUpdate"], "url": receiver.url}
    await server.control("POST", "/sandboxes/shared/webhooks", webhook)


async def change(server: Server, number: int) -> None:
    path = f"/sandboxes/shared/records/highlevel/inventory/{PRICE}"
    await server.control("PATCH", path, {"availableQuantity": number})


async def attempts(server: Server, count: int) -> list[int]:
    """Wait for a number of attempts in the journal, and return the statuses that they got."""
    body = {"match": OUTGOING, "count": count, "seconds": 60}
    found = await server.control("POST", "/requests/wait", body)
    return [call["response"]["status"] for call in found["requests"]]


async def pass_time(server: Server) -> None:
    await server.control("PUT", "/sandboxes/shared/clock", {"action": "advance", "seconds": 100_000})


async def listed(server: Server) -> list[tuple[str, int]]:
    found = await server.control("GET", "/sandboxes/shared/deliveries")
    return [(one["state"], len(one["attempts"])) for one in found["deliveries"]]


def run(check: Any, receiver: Receiver, store: Store) -> None:
    async def with_receiver(one: Server, other: Server) -> None:
        await check(one, other, receiver)

    two_servers(with_receiver, store)


async def made_elsewhere(one: Server, other: Server, receiver: Receiver) -> None:
    receiver.statuses.append(429)
    await register(one, receiver)
    await change(one, 1)
    assert await attempts(one, 1) == [429]
    assert await listed(other) == [("waiting", 0)]
    await pass_time(other)
    assert await attempts(other, 2) == [429, 200]
    assert await listed(other) == [("delivered", 1)]
    assert await attempts(one, 2) == [429, 200]
    assert await listed(one) == []
    assert [call.json()["availableQuantity"] for call in receiver.calls] == [1, 1]


async def made_once(one: Server, other: Server, receiver: Receiver) -> None:
    receiver.statuses.extend([429] * 5)
    await register(one, receiver)
    for number in range(10):
        await change((one, other)[number % 2], number)
    await attempts(one, 10)
    await asyncio.gather(pass_time(one), pass_time(other))
    found = await attempts(other, 15)
    assert sorted(found) == [*[200] * 10, *[429] * 5]
    ids = [call.json()["webhookId"] for call in receiver.calls]
    assert len(ids) == 15
    assert len(set(ids)) == 10


async def dropped_for_all(one: Server, other: Server, receiver: Receiver) -> None:
    receiver.statuses.append(429)
    await register(one, receiver)
    await change(one, 1)
    await attempts(one, 1)
    assert await listed(other) == [("waiting", 0)]
    await one.control("POST", "/sandboxes/shared/reset")
    assert await listed(other) == [("dropped", 0)]
    await pass_time(other)
    await change(other, 2)
    assert await attempts(other, 2) == [429, 200]
    assert len(receiver.calls) == 2


@pytest.mark.parametrize("check", [made_elsewhere, made_once, dropped_for_all], ids=lambda one: one.__name__)
def test_servers_make_each_delivery_once(store: Store, check: Check, receiver: Receiver) -> None:
    run(check, receiver, store)


async def break_off(server: Server, receiver: Receiver) -> None:
    """Break off the first attempt of a delivery, which the receiver has but does not answer."""
    await register(server, receiver)
    receiver.held.clear()
    await change(server, 1)
    while not receiver.calls:
        await asyncio.sleep(0.01)
    server.mock.stop_threads()


@pytest.mark.usefixtures("short_lease")
def test_attempt_of_a_server_that_ended_meanwhile_is_made_anew(receiver: Receiver, store: Store) -> None:
    async def check(one: Server, other: Server, receiver: Receiver) -> None:
        await break_off(one, receiver)
        assert await listed(other) == [("waiting", 0)]
        receiver.held.set()
        assert await attempts(other, 1) == [200]
        assert len(receiver.calls) == 2

    run(check, receiver, store)


def test_attempt_that_was_broken_off_here_is_made_anew_at_once(receiver: Receiver, store: Store) -> None:
    async def check(one: Server, other: Server, receiver: Receiver) -> None:
        await break_off(one, receiver)
        while await listed(one) != [("waiting", 0)]:
            await asyncio.sleep(0.01)
        receiver.held.set()
        await change(one, 2)
        assert await attempts(one, 2) == [200, 200]
        assert [call.json()["availableQuantity"] for call in receiver.calls] == [1, 1, 2]

    with patch.object(deliveries, "LEASE", 600_000_000):
        run(check, receiver, store)
