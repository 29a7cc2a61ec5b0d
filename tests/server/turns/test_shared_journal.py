"""Two servers over one log have one journal: what one of them notes, the other lists, awaits and clears."""

import asyncio

import pytest

from tests.receiver import Receiver
from tests.sandbox.log.conftest import Store
from tests.server.turns.two_servers import STOCK, Check, Server, two_servers

PRICE = "6241712be68f7a98102ba272"  # the one of HighLevel's page


async def clear(one: Server, other: Server) -> None:
    await one.read()
    await other.read()
    await one.control("DELETE", "/requests?sandbox=shared")
    assert await other.ids() == await one.ids() == []
    await other.read()
    assert await other.ids() == await one.ids() == ["shared.3"]
    fresh = Server(one.log)
    listed = await fresh.control("GET", "/requests?sandbox=shared")
    assert [[call["id"] for call in listed["requests"]], listed["dropped"]] == [["shared.3"], 0]


async def clear_all(one: Server, other: Server) -> None:
    await one.read()
    await other.send("GET", STOCK)
    assert len(await one.ids("")) == 2
    await one.control("DELETE", "/requests")
    assert await other.ids("") == await other.ids("?sandbox=-") == await other.ids() == []


async def stray(one: Server, other: Server) -> None:
    await one.send("GET", STOCK)
    await other.send("GET", "/nowhere/at/all")
    assert await one.ids("?sandbox=-") == await other.ids("?sandbox=-") == ["-.1", "-.2"]


async def delete(one: Server, other: Server) -> None:
    for _ in range(3):
        await one.read()
    assert len(await other.ids()) == 3
    await other.control("DELETE", "/sandboxes/shared")
    assert (await one.send("GET", "/_mock/requests?sandbox=shared")).status == 404
    assert (await one.send("GET", "/_mock/requests/shared.2")).status == 410
    for count in range(1, 5):
        await other.read()
        assert await one.ids() == await other.ids() == [f"shared.{n}" for n in range(1, count + 1)]
    assert one.mock.copies and one.mock.copies.counts.sandboxes == 0


async def begun_anew_elsewhere(one: Server, other: Server) -> None:
    for _ in range(2):
        await one.read()
    await other.control("DELETE", "/sandboxes/shared")
    for _ in range(3):
        await other.read()
    await one.read()
    assert await one.ids() == await other.ids() == [f"shared.{n}" for n in range(1, 5)]
    assert one.mock.copies and one.mock.copies.counts.sandboxes == 0


async def wait(one: Server, other: Server) -> None:
    await one.read()
    body = {"match": {"sandbox": "shared"}, "count": 2, "seconds": 60}
    waiting = asyncio.create_task(one.control("POST", "/requests/wait", body))
    while not one.mock.sandboxes.feed.names:
        await asyncio.sleep(0)
    await other.read()
    assert [call["id"] for call in (await waiting)["requests"]] == ["shared.1", "shared.2"]


async def events(one: Server, other: Server) -> None:
    async def read(query: str) -> list[str]:
        answer = await one.send("GET", f"/_mock/events?{query}")
        return answer.body.decode().splitlines()

    reading = asyncio.gather(read("count=2&seconds=60"), read("count=1&seconds=60&sandbox=-"))
    while len(one.mock.sandboxes.feed) < 2:
        await asyncio.sleep(0)
    await other.read()
    await other.send("GET", STOCK)
    assert [lines.count("event: call") for lines in await reading] == [2, 1]


CHECKS = (clear, clear_all, stray, delete, begun_anew_elsewhere, wait, events)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_servers_share_a_journal(store: Store, check: Check) -> None:
    two_servers(check, store)


def test_change_is_delivered_once_by_the_server_that_made_it(store: Store, receiver: Receiver) -> None:
    async def check(one: Server, other: Server) -> None:
        await one.control("POST", "/sandboxes", {"name": "shared"})
        webhook = {"vendor": "highlevel", "topics": ["PriceUpdate"], "url": receiver.url}
        await one.control("POST", "/sandboxes/shared/webhooks", webhook)
        for number, server in enumerate((one, other, one, other), 1):
            change = {"availableQuantity": number}
            await server.control("PATCH", f"/sandboxes/shared/records/highlevel/inventory/{PRICE}", change)
            match = {"sandbox": "shared", "direction": "outgoing"}
            body = {"match": match, "count": number, "seconds": 60}
            found = await server.control("POST", "/requests/wait", body)
            assert [call["id"] for call in found["requests"]] == [f"shared.{n + 1}" for n in range(number)]
        assert await one.ids() == await other.ids() == [f"shared.{n}" for n in range(1, 5)]
        assert [call.json()["availableQuantity"] for call in receiver.calls] == [1, 2, 3, 4]
        assert len({call.json()["webhookId"] for call in receiver.calls}) == 4

    two_servers(check, store)
