"""Deliveries to webhooks are a part of the turn that made the change: with it they are kept, or refused."""

import asyncio
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from mockserver.sandbox.log.log import Entry, Kept, Life, Settled, StoreUnavailable
from mockserver.sandbox.log.memory import MemoryLog
from mockserver.sandbox.log.stores import open_log
from mockserver.server.copies.joining import WAITING
from mockserver.server.turns import deliveries
from tests.receiver import Receiver
from tests.sandbox.log.conftest import Store
from tests.server.turns.faulty_log import FaultyLog
from tests.server.turns.test_deliveries import PRICE, attempts, change, listed, register
from tests.server.turns.two_servers import Server, two_servers

HEADERS = {"authorization": "Bearer sbx_shared", "version": "v3"}
RECORD = f"/sandboxes/shared/records/highlevel/inventory/{PRICE}"
LIST = "/highlevel/products/inventory?altId=6578278e879ad2646715ba9c&altType=location&offset=2&limit=2"
FROZEN = {"action": "freeze", "instant": "2026-02-03T04:05:06Z"}
SHIFT = {"operation": "get-list-inventory", "fault": {"type": "page_shift", "change": "remove"}, "times": 1}


@pytest.fixture(autouse=True)
def short_pause() -> Iterator[None]:
    with patch.object(deliveries, "PAUSE", 20_000):
        yield


@pytest.fixture
def short_lease() -> Iterator[None]:
    with patch.object(deliveries, "LEASE", 300_000):
        yield


async def write(server: Server, quantity: Any) -> int:
    """Change a record by a call to the vendor. Return the status of the answer."""
    body = {
        "altId": "6578278e879ad2646715ba9c", "altType": "location",
        "items": [{"priceId": PRICE, "availableQuantity": quantity}],
    }  # fmt: skip
    return (await server.send("POST", "/highlevel/products/inventory", body, HEADERS)).status


async def read(server: Server) -> None:
    assert (await server.send("GET", LIST, headers=HEADERS)).status == 200


def quantities(receiver: Receiver) -> list[int]:
    return [call.json()["availableQuantity"] for call in receiver.calls]


@pytest.mark.usefixtures("short_lease")
@pytest.mark.parametrize("by", [change, write], ids=["control", "vendor"])
def test_delivery_that_its_server_has_not_begun_is_made_by_another(
    by: Any, receiver: Receiver, store: Store
) -> None:
    async def check(one: Server, other: Server) -> None:
        await register(one, receiver)
        receiver.held.clear()
        await by(one, 1)
        while not receiver.calls:
            await asyncio.sleep(0.01)
        await by(one, 2)  # it waits for the attempt that is under way
        await by(one, 3)
        one.mock.stop_threads()
        assert await listed(other) == [("waiting", 0)] * 3
        receiver.held.set()
        assert await attempts(other, 3) == [200] * 3
        assert quantities(receiver) == [1, 1, 2, 3]

    two_servers(check, store)


def test_each_change_that_counts_is_delivered_once_and_no_other(store: Store, receiver: Receiver) -> None:
    async def check(one: Server, other: Server) -> None:
        await register(one, receiver)
        await asyncio.gather(*(
            (change, write)[number % 3 % 2]((one, other)[number % 2], number) for number in range(1, 17)
        ))  # fmt: skip
        assert await attempts(other, 16) == [200] * 16
        ids = {call.json()["webhookId"] for call in receiver.calls}
        assert len(ids) == len(receiver.calls) == 16
        record = await one.control("GET", RECORD)
        assert quantities(receiver)[-1] == record["availableQuantity"]

    two_servers(check, store)


class UnlistedLog(MemoryLog):
    """A log that does not answer what is in the list of deliveries, while it is `broken`."""

    broken = False

    async def load(self, name: str) -> Kept | None:
        if self.broken and name == WAITING:
            raise StoreUnavailable("the store cannot be reached")
        return await super().load(name)


@pytest.mark.parametrize("by", ["control", "vendor"])
def test_change_whose_delivery_cannot_be_listed_is_refused_and_undone(by: str, receiver: Receiver) -> None:
    log = UnlistedLog()

    async def check(one: Server, other: Server) -> None:
        await register(one, receiver)
        log.broken = True
        if by == "vendor":
            assert await write(one, 5) == 503
        else:
            assert (await one.send("PATCH", f"/_mock{RECORD}", {"availableQuantity": 5})).status == 503
        log.broken = False
        await one.control("PUT", "/sandboxes/shared/clock", FROZEN)
        assert (await other.control("GET", RECORD))["availableQuantity"] != 5
        assert await write(one, 6) == 201
        assert await attempts(one, 1) == [200]
        assert quantities(receiver) == [6]

    two_servers(check, log)


def test_change_that_the_store_has_lost_is_not_delivered(receiver: Receiver) -> None:
    log = MemoryLog()

    async def check(one: Server, other: Server) -> None:
        await register(one, receiver)
        receiver.held.clear()
        await write(one, 1)
        while not receiver.calls:
            await asyncio.sleep(0.01)
        saved = deepcopy(log._sandboxes)
        await write(one, 2)
        assert await listed(other) == [("waiting", 0)] * 2
        log._sandboxes = saved
        await write(one, 3)
        assert await listed(other) == [("waiting", 0)] * 2
        receiver.held.set()
        assert await attempts(one, 2) == [200, 200]
        assert quantities(receiver) == [1, 3]

    two_servers(check, log)


class HeldLog(FaultyLog):
    """A log that keeps no entry while it is `held`."""

    held = False

    def append(self, name: str, head: bytes | None, entry: Entry, life: Life, settled: Settled) -> None:
        append = FaultyLog.append if self.held else MemoryLog.append
        append(self, name, head, entry, life, settled)


def test_delivery_does_not_wait_for_a_claim_whose_attempt_is_over(receiver: Receiver) -> None:
    log = HeldLog()

    async def check(one: Server, other: Server) -> None:
        await register(one, receiver)
        receiver.held.clear()
        for quantity in (1, 2):
            await write(one, quantity)
        while not receiver.calls:
            await asyncio.sleep(0.01)
        log.held = True
        receiver.held.set()
        claim = one.mock.copies.at("shared").lock
        while not (log.waiting and claim.users):  # the outcome of the first, and the claim of the second
            await asyncio.sleep(0.01)
        log.move_head("shared")
        log.held = False
        log.keep(1)  # that is, refuse it: so it has to be appended again
        async with asyncio.timeout(60):
            while len(receiver.calls) < 2:
                await asyncio.sleep(0.01)

    with patch.object(deliveries, "LEASE", 3_600_000_000):
        two_servers(check, log)
    assert quantities(receiver) == [1, 2]


def test_calls_that_change_nothing_list_nothing(receiver: Receiver, store: Store) -> None:
    async def check(one: Server, other: Server) -> None:
        await register(one, receiver)
        for server in (one, other, one):
            await read(server)
            assert await write(server, "many") == 422
        assert await one.log.load(WAITING) is None
        await write(one, 1)
        assert await one.log.load(WAITING) is not None
        await attempts(one, 1)

    two_servers(check, store)


def test_damaged_sandbox_keeps_no_delivery_of_others_waiting(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    log = MemoryLog()

    async def check(one: Server, other: Server) -> None:
        await register(one, receiver)
        await one.control("PUT", "/sandboxes/shared/clock", FROZEN)
        receiver.statuses.append(429)
        await change(one, 1)
        await attempts(one, 1)
        await one.mock.copies.waiting.add("damaged")  # type: ignore[union-attr]
        log._sandboxes = {"damaged": deepcopy(log._sandboxes["shared"]), **log._sandboxes}
        log._sandboxes["damaged"].parts["about"] = b"?"
        log._sandboxes[WAITING].parts = {"damaged": b"0", "shared": b"0"}
        other.mock.application.turns.deliveries.begin()
        while other.mock.sandboxes.find("shared") is None:
            await asyncio.sleep(0.01)
        await other.mock.application.turns.deliveries.close()
        assert await listed(other) == [("waiting", 0)]

    two_servers(check, log)
    assert [one.getMessage().split(":")[0] for one in caplog.records if one.levelname == "WARNING"] == [
        "sandbox damaged cannot be read from the store"
    ]


def test_server_that_waits_for_deliveries_notices_that_the_store_has_lost_everything(
    tmp_path: Path, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "mock.db"

    async def run() -> None:
        server = Server(open_log(f"sqlite:///{file}"))
        turns = server.mock.application.turns
        async with turns:
            await register(server, receiver)
            await write(server, 1)
            await attempts(server, 1)
            file.rename(tmp_path / "old.db")
            turns.deliveries.begin()  # another round
            while "has lost the sandboxes" not in caplog.text:
                await asyncio.sleep(0.01)
        server.mock.stop_threads()

    asyncio.run(run())
    assert "deliveries" not in caplog.text


async def happen(server: Server, receiver: Receiver) -> list[Any]:
    """Let things happen that call webhooks or not. Return all deliveries, and all calls to the receiver."""
    receiver.statuses.extend([429] * 50)
    await register(server, receiver)
    everything = {"vendor": "highlevel", "url": receiver.url}
    await server.control("POST", "/sandboxes/shared/webhooks", everything)
    await server.control("PUT", "/sandboxes/shared/clock", FROZEN)
    await change(server, 5)
    assert await write(server, 6) == 201
    await server.control("POST", "/sandboxes/shared/faults", SHIFT)
    for _ in range(2):
        await read(server)
    await server.control("POST", "/sandboxes/shared/fork", {"name": "other"})
    await server.control("PATCH", RECORD.replace("shared", "other"), {"availableQuantity": 1})
    await attempts(server, 5)
    await server.control("POST", "/sandboxes/shared/reset")
    await server.control("PUT", "/sandboxes/shared/clock", FROZEN)
    await change(server, 7)
    await attempts(server, 7)
    saved = await server.control("GET", "/sandboxes/shared/export")
    await server.control("PUT", "/sandboxes/shared/import", saved)
    await change(server, 8)
    await attempts(server, 9)
    found = await server.control("GET", "/sandboxes/shared/deliveries")
    rows = sorted((one["id"], one["webhook"], one["topic"], one["time"]) for one in found["deliveries"])
    return [rows, sorted(call.body for call in receiver.calls)]


def test_deliveries_are_those_of_a_server_in_memory(receiver: Receiver) -> None:
    async def run(log: MemoryLog | None) -> list[Any]:
        receiver.calls.clear()
        receiver.statuses.clear()
        server = Server(log)
        try:
            return await happen(server, receiver)
        finally:
            server.mock.stop_threads()

    assert asyncio.run(run(MemoryLog())) == asyncio.run(run(None))
