"""The number of sandboxes is limited over all servers that share a store; copies in memory are too."""

import asyncio
import json
import re
from base64 import b64encode
from collections.abc import Iterator
from unittest.mock import patch

import pytest

from mockserver.control.journal.har import har_archive
from mockserver.control.journal.scope import Scope
from mockserver.sandbox.journal import journal
from mockserver.server.copies import lost_list, table
from mockserver.server.turns import background
from tests.sandbox.log.conftest import Store
from tests.server.turns.conftest import LASTING
from tests.server.turns.two_servers import STOCK, Check, Server, two_servers

MANY, FEW, FOLLOWED = 24, 8, 2
NAMES = [f"s{number:02}" for number in range(MANY)]


async def names(server: Server) -> list[str]:
    found, _ = await server.log.names()
    return [name for name in found if name not in ("-", "demo")]


async def implicit_ones_go(one: Server, other: Server) -> None:
    await one.control("POST", "/sandboxes", {"name": "a"})
    await other.read("b")
    await one.read("c")
    await one.read("d")
    assert await names(one) == ["a", "c", "d"]
    assert (await other.send("GET", "/_mock/sandboxes/b")).status == 404
    assert (await one.send("GET", "/_mock/requests/b.1")).status == 410
    await other.control("POST", "/sandboxes", {"name": "e"})
    assert await names(other) == ["a", "d", "e"]
    await one.control("POST", "/sandboxes/a/fork", {"name": "f"})
    assert await names(other) == ["a", "e", "f"]


async def explicit_ones_stay(one: Server, other: Server) -> None:
    for name in "ab":
        await one.control("POST", "/sandboxes", {"name": name})
    await one.read("c")
    document = await one.control("GET", "/sandboxes/c/export")
    await other.control("PUT", "/sandboxes/c/import", document)
    await one.read("c")  # this server tells the store anew how long the sandbox lives
    await one.control("PUT", "/sandboxes/c/clock", {"action": "advance", "seconds": 1})
    for server in (one, other):
        answer = await server.send("GET", STOCK, headers={"authorization": "Basic c2J4X2Q6eA=="})
        assert [answer.status, json.loads(answer.body)["error"]] == [503, "too_many_sandboxes"]
        refused = await server.send("POST", "/_mock/sandboxes", {"name": "d"})
        assert [refused.status, json.loads(refused.body)["error"]] == [503, "full"]
        refused = await server.send("PUT", "/_mock/sandboxes/d/import", document)
        assert [refused.status, json.loads(refused.body)["error"]] == [503, "full"]
        await server.control("PUT", "/sandboxes/c/import", document)
    assert await names(one) == ["a", "b", "c"]
    await other.control("DELETE", "/sandboxes/a")
    await one.read("d")
    assert await names(other) == ["b", "c", "d"]


async def source_of_a_fork_is_spared(one: Server, other: Server) -> None:
    for name in "abc":
        await one.read(name)
    await other.control("POST", "/sandboxes/a/fork", {"name": "d"})
    assert {"a", "d"} <= {*await names(one)}


@pytest.mark.parametrize(
    "check", [implicit_ones_go, explicit_ones_stay, source_of_a_fork_is_spared], ids=lambda one: one.__name__
)
def test_limit_counts_the_sandboxes_of_all_servers(store: Store, check: Check) -> None:
    two_servers(check, store, max_sandboxes=3)


def test_servers_that_make_sandboxes_at_once_come_back_to_the_limit(store: Store) -> None:
    async def check(one: Server, other: Server) -> None:
        await asyncio.gather(*((one, other)[number % 2].read(name) for number, name in enumerate(NAMES)))
        for name in "abcdef":
            await one.read(name)
        assert len(await names(one)) == FEW

    two_servers(check, store, max_sandboxes=FEW)


def test_servers_name_new_sandboxes_without_a_race(store: Store) -> None:
    async def check(one: Server, other: Server) -> None:
        made = [server.control("POST", "/sandboxes", {}) for server in (one, other) * 5]
        found = [sandbox["name"] for sandbox in await asyncio.gather(*made)]
        assert len(set(found)) == 10
        assert all(re.fullmatch("sandbox-[0-9a-f]{10}", name) for name in found)
        counted = [server.mock.copies.counts for server in (one, other) if server.mock.copies]
        assert [counts.conflicts for counts in counted] == [0, 0]

    two_servers(check, store)


# --- Copies


@pytest.fixture
def few_copies() -> Iterator[None]:
    with patch.object(table, "MAX_COPIES", FEW), patch.object(background, "FOLLOWED_AT_ONCE", FOLLOWED):
        yield


def path_of_stock(sandbox: str) -> str:
    return f"/sandboxes/{sandbox}/records/merchantpro/inventory/10001"


async def fill(server: Server) -> None:
    """Let a read and a write come to each of more sandboxes than there may be copies."""
    for number, name in enumerate(NAMES):
        await server.read(name)
        await server.control("PATCH", path_of_stock(name), {"stock": number})
        assert len(server.mock.sandboxes) <= FEW + FOLLOWED + 2


async def dropped_ones_are_read_again(one: Server, other: Server) -> None:
    await fill(one)
    for number, name in enumerate(NAMES):
        assert (await one.control("GET", path_of_stock(name)))["stock"] == number
        assert await one.ids(f"?sandbox={name}") == [f"{name}.1"]
        await one.read(name)
        assert await other.ids(f"?sandbox={name}") == [f"{name}.1", f"{name}.2"]


async def one_with_a_turn_under_way_stays(one: Server, other: Server) -> None:
    await one.read("held")
    assert one.mock.copies
    copy = one.mock.copies.at("held")
    async with copy.lock:
        waiting = asyncio.create_task(one.read("held"))
        while copy.lock.users < 2:
            await asyncio.sleep(0)
        await fill(one)
    await fill(one)  # now the call that waited may go on
    await waiting
    assert await one.ids("?sandbox=held") == await other.ids("?sandbox=held") == ["held.1", "held.2"]


async def one_that_is_used_between_all_others_stays(one: Server, other: Server) -> None:
    await one.read("used")
    sandbox = one.mock.sandboxes.find("used")
    for name in NAMES:
        await one.read(name)
        await one.read("used")
    assert one.mock.sandboxes.find("used") is sandbox is not None


async def one_that_is_listened_to_stays(one: Server, other: Server) -> None:
    body = {"match": {"sandbox": "first"}, "count": 2, "seconds": 60}
    await one.read("first")
    waiting = asyncio.create_task(one.control("POST", "/requests/wait", body))
    while not one.mock.sandboxes.feed.names:
        await asyncio.sleep(0)
    await fill(one)
    await other.read("first")
    assert [call["id"] for call in (await waiting)["requests"]] == ["first.1", "first.2"]


async def listener_to_all_is_told_once(one: Server, other: Server) -> None:
    reading = asyncio.create_task(one.send("GET", f"/_mock/events?count={MANY + 2}&seconds=60"))
    while not one.mock.sandboxes.feed.names:
        await asyncio.sleep(0)
    await fill(one)
    await one.read(NAMES[0])  # which was dropped
    await other.read(NAMES[1])  # which was dropped too
    lines = (await reading).body.decode().splitlines()
    told = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
    assert [call["id"] for call in told if "target" in call] == [
        *(f"{name}.1" for name in NAMES), f"{NAMES[0]}.2", f"{NAMES[1]}.2"
    ]  # fmt: skip
    assert [one["sandbox"] for one in told if one.get("what") == "created"] == [*NAMES]


async def export_goes_on(one: Server, other: Server) -> None:
    for _ in range(MANY):
        await one.read("large")
    scope = Scope(one.mock.sandboxes, "large")
    pieces = har_archive(scope, "http://localhost")
    text = await anext(pieces)
    with patch.object(journal, "MAX_PIECE_ENTRIES", 1):
        text += await anext(pieces)
        await fill(one)
        assert one.mock.sandboxes.find("large") is None
        async for piece in pieces:
            text += piece
    assert len(json.loads(text)["log"]["entries"]) == MANY


COPY_CHECKS = (
    dropped_ones_are_read_again,
    one_with_a_turn_under_way_stays,
    one_that_is_used_between_all_others_stays,
    one_that_is_listened_to_stays,
    listener_to_all_is_told_once,
    export_goes_on,
)


@pytest.mark.parametrize("check", COPY_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.usefixtures("few_copies")
def test_copies_are_few_and_lose_nothing(store: Store, check: Check) -> None:
    two_servers(check, store)


@pytest.mark.usefixtures("few_copies")
@pytest.mark.parametrize("store", LASTING, indirect=True)
def test_sandbox_whose_copy_was_dropped_is_refused_once_the_store_has_lost_it(store: Store) -> None:
    async def check() -> None:
        server, another = Server(store()), store()
        assert server.mock.copies
        await server.join()
        await fill(server)
        assert server.mock.sandboxes.find(NAMES[0]) is None
        await another.join(server.mock.copies.fingerprint(), fresh=True)
        credential = {"authorization": f"Basic {b64encode(f'sbx_{NAMES[0]}:x'.encode()).decode()}"}
        refused = await server.send("GET", STOCK, headers=credential)
        assert [refused.status, json.loads(refused.body)["error"]] == [503, "sandbox_lost"]
        await server.control("POST", f"/sandboxes/{NAMES[0]}/reset")
        await server.read(NAMES[0])
        with patch.object(lost_list, "SECONDS_TO_NOTICE", 0.0):
            await server.control("DELETE", f"/sandboxes/{NAMES[1]}")
            await server.read(NAMES[1])
            await server.read("a-new-one")
        await server.close()
        await another.close()

    asyncio.run(check())
