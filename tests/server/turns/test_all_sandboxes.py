"""An operation on all sandboxes of a store reads each of them, or says that they are too many."""

import asyncio
import json
from collections import Counter
from typing import Any
from unittest.mock import patch

from mockserver.sandbox.log.log import Log
from mockserver.server.turns import all_sandboxes
from tests.sandbox.log.conftest import Store
from tests.server.turns.two_servers import STOCK, Server, two_servers

MANY = 130
NAMES = [f"s{number:03}" for number in range(MANY)]
LAST = NAMES[-1]


async def fill(server: Server) -> None:
    """Let a call come to each of many sandboxes, and one of no sandbox."""
    for name in NAMES:
        await server.read(name)
    await server.send("GET", STOCK)


async def verify(server: Server) -> None:
    counted = await server.control("POST", "/requests/count", {"path": STOCK.removeprefix("/merchantpro")})
    assert counted == {"count": MANY + 1, "dropped": 0}
    expected = {"match": {"vendor": "merchantpro"}, "exactly": MANY + 1}
    assert await server.control("POST", "/requests/verify", expected) == {"verified": True, "count": MANY + 1}
    never = await server.send("POST", "/_mock/requests/verify", {"match": {"status": 200}, "never": True})
    assert [never.status, json.loads(never.body)["count"]] == [406, MANY]


async def wait(one: Server, other: Server) -> None:
    body = {"match": {"vendor": "merchantpro"}, "count": MANY + 2, "seconds": 60}
    waiting = asyncio.create_task(other.control("POST", "/requests/wait", body))
    while not other.mock.sandboxes.feed.names:
        await asyncio.sleep(0)
    await one.read(LAST)
    assert (await waiting)["requests"][-1]["id"] == f"{LAST}.2"


async def follow_events(one: Server, other: Server) -> None:
    reading = asyncio.create_task(other.send("GET", "/_mock/events?count=1&seconds=60"))
    while not other.mock.sandboxes.feed.names:
        await asyncio.sleep(0)
    await one.read(LAST)
    lines = (await reading).body.decode().splitlines()
    calls = [json.loads(line[6:])["id"] for line in lines if line.startswith("data: ") and "arrived" in line]
    assert calls == [f"{LAST}.3"]


async def follow_ends(one: Server, other: Server) -> None:
    reading = asyncio.create_task(one.send("GET", "/_mock/events?count=1&seconds=60"))
    while not one.mock.sandboxes.feed.names:
        await asyncio.sleep(0)
    await other.control("DELETE", f"/sandboxes/{NAMES[3]}")
    while one.mock.sandboxes.find(NAMES[3]):
        await asyncio.sleep(0)
    await one.read(LAST)
    assert '{"sandbox":"s003","what":"deleted"}' in (await reading).body.decode()


async def list_them(server: Server) -> None:
    page = await server.control("GET", "/sandboxes?q=S12&limit=4&after=s121")
    assert [sandbox["name"] for sandbox in page["sandboxes"]] == ["s122", "s123", "s124", "s125"]
    assert [page["total"], page["next"]] == [10, "s125"]
    found, after = list[str](), "0"
    while after:
        page = await server.control("GET", f"/sandboxes?limit=50&after={after}")
        assert page["total"] == MANY
        found += [sandbox["name"] for sandbox in page["sandboxes"]]
        after = page["next"]
    assert found == ["demo", *NAMES[:3], *NAMES[4:]]


def test_operation_on_all_reads_each(store: Store) -> None:
    async def check(one: Server, other: Server) -> None:
        await fill(one)
        await verify(other)
        await wait(one, other)
        await follow_events(one, other)
        await follow_ends(one, other)
        await list_them(one)
        await other.control("DELETE", "/requests")
        assert await one.ids(f"?sandbox={LAST}") == await one.ids("") == []

    two_servers(check, store)


def test_operation_on_too_many_is_refused_and_says_what_to_do(store: Store) -> None:
    async def check(one: Server, other: Server) -> None:
        for name in "abc":
            await one.read(name)
        for method, path in (
            ("GET", "/_mock/requests?"),
            ("DELETE", "/_mock/requests"),
            ("GET", "/_mock/events"),
        ):
            answer = await other.send(method, path)
            assert [answer.status, json.loads(answer.body)["error"]] == [409, "too_many_sandboxes"]
            assert b"the store has 4 sandboxes" in answer.body
        assert await other.ids("?sandbox=c") == ["c.1"]
        page = await other.control("GET", "/sandboxes?limit=1")
        assert [page["total"], page["next"]] == [4, "a"]

    with patch.object(all_sandboxes, "MAX_READ", 3):
        two_servers(check, store)


class AskedLog:
    """The log of one server, which counts what it is asked."""

    def __init__(self, log: Log) -> None:
        self._log, self.asked = log, Counter[str]()

    def __getattr__(self, name: str) -> Any:
        self.asked[name] += 1
        return getattr(self._log, name)


def test_operation_on_all_reads_those_only_that_have_news(store: Store) -> None:
    async def check() -> None:
        asked = AskedLog(store())
        one, other = Server(store()), Server(asked)  # type: ignore[arg-type]
        for server in (one, other):
            await server.join()
        await fill(one)
        await verify(other)
        for news in range(3):
            for name in NAMES[:news]:
                await one.read(name)
            asked.asked.clear()
            await other.control("POST", "/requests/count", {})
            assert asked.asked["heads"] == 1
            assert asked.asked["load"] == 0
            assert asked.asked["news"] == news + 1, "one is that of the calls to no sandbox"
        for server in (one, other):
            await server.close()

    asyncio.run(check())
