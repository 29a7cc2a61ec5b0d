"""Servers over one store that has lost everything: all of them refuse what one of them knew."""

from base64 import b64encode
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest

from mockserver.server.copies import lost_list
from mockserver.server.copies.joining import LOST
from tests.sandbox.log.conftest import Store
from tests.server.turns.conftest import LASTING
from tests.server.turns.two_servers import STOCK, Check, Server, two_servers
from tests.server.turns.witness import Answer

pytestmark = pytest.mark.parametrize("store", LASTING, indirect=True)
PIECE = 2  # names that are listed at once


async def call(server: Server, sandbox: str = "shared") -> str:
    """Call a server, and return the status of the answer, or why the mock refuses it."""
    return why(await answer(server, sandbox))


async def answer(server: Server, sandbox: str) -> Answer:
    credential = b64encode(f"sbx_{sandbox}:x".encode()).decode()
    return await server.send("GET", STOCK, headers={"authorization": f"Basic {credential}"})


def why(answer: Answer) -> str:
    return dict(answer.headers).get("x-mock-error") or str(answer.status)


async def control(server: Server, method: str, path: str, body: Any = None) -> str:
    return why(await server.send(method, f"/_mock{path}", body))


def check_forgetful(store: Store, check: Check) -> None:
    """Run a check with two servers over a store. `forget` lets it lose everything."""

    async def run(one: Server, other: Server) -> None:
        third = store()

        async def forget() -> None:
            assert one.mock.copies
            await third.join(one.mock.copies.fingerprint(), fresh=True)

        one.forget = other.forget = forget  # type: ignore[attr-defined]
        await check(one, other)
        await third.close()

    two_servers(run, store)


@pytest.fixture
def no_wait() -> Iterator[None]:
    with patch.object(lost_list, "SECONDS_TO_NOTICE", 0.0), patch.object(lost_list, "PIECE", PIECE):
        yield


async def lose(one: Server, other: Server, *names: str) -> None:
    """Let the store lose sandboxes that only the first server knows. Both notice that."""
    for name in names or ["shared"]:
        await one.read(name)
    await one.forget()  # type: ignore[attr-defined]
    for server in (one, other):
        assert await control(server, "GET", "/ready") == "200"


def counts(server: Server) -> tuple[int, int, int]:
    assert server.mock.copies
    counts = server.mock.copies.counts
    return counts.generations, counts.sandboxes, sum(counts.turns.values())


async def refused_until_it_is_reset(one: Server, other: Server) -> None:
    await lose(one, other)
    assert [await call(server) for server in (other, one, other)] == ["sandbox_lost"] * 3
    assert (counts(one), counts(other)) == ((1, 1, 1), (1, 0, 0))
    assert await control(other, "GET", "/sandboxes/shared") == "sandbox_lost"
    assert await control(other, "POST", "/sandboxes/shared/reset") == "200"
    assert [await call(server) for server in (one, other)] == ["200"] * 2


async def deleted_anywhere_begins_anew_everywhere(one: Server, other: Server) -> None:
    await lose(one, other)
    assert [await call(server) for server in (other, one)] == ["sandbox_lost"] * 2
    assert await control(other, "DELETE", "/sandboxes/shared") == "204"
    assert [await call(server) for server in (one, other)] == ["200"] * 2


async def imported_one_is_served(one: Server, other: Server) -> None:
    await one.read()
    exported = await one.control("GET", "/sandboxes/shared/export")
    await lose(one, other)
    assert await call(other) == "sandbox_lost"
    assert await control(other, "PUT", "/sandboxes/shared/import", exported) in ("200", "201")
    assert [await call(server) for server in (one, other)] == ["200"] * 2
    assert await control(one, "DELETE", "/sandboxes/shared") == "204"
    assert await call(other) == "200"


async def many_are_listed_in_pieces(one: Server, other: Server) -> None:
    names = [f"shop-{number}" for number in range(2 * PIECE + 1)]
    await lose(one, other, *names)
    assert [await call(other, name) for name in names] == ["sandbox_lost"] * len(names)
    assert await call(other, "another") == "200"


async def those_without_room_are_refused_by_who_knew_them(one: Server, other: Server) -> None:
    with patch.object(lost_list, "MAX_LISTED", 2):
        await lose(one, other, "a", "b", "c")
        found = [[await call(server, name) for name in "abc"] for server in (one, other)]
    assert found[0] == ["sandbox_lost"] * 3
    assert sorted(found[1]) == ["200", "200", "sandbox_lost"]


async def second_loss_forgets_no_earlier_one(one: Server, other: Server) -> None:
    await lose(one, other)
    assert await call(other) == "sandbox_lost"
    await lose(other, other, "another")
    assert [await call(other), await call(one), await call(one, "another")] == ["sandbox_lost"] * 3
    assert counts(other) == (2, 1, 1)


async def one_that_would_have_expired_is_not_lost(one: Server, other: Server) -> None:
    await one.control("POST", "/sandboxes", {"name": "shared", "ttl": 1000})
    await lose(one, other)
    assert await call(other) == "sandbox_lost"
    with patch.object(lost_list, "microseconds", lambda: lost_list.NEVER - 1):
        assert await call(other) == "200"


async def default_sandbox_is_refused_too(one: Server, other: Server) -> None:
    credential = {"authorization": "Basic " + b64encode(b"demo:").decode()}
    assert (await one.send("GET", STOCK, headers=credential)).status == 200
    await lose(one, other)
    assert why(await other.send("GET", STOCK, headers=credential)) == "sandbox_lost"
    assert await control(other, "POST", "/sandboxes/demo/reset") == "200"
    assert [(await server.send("GET", STOCK, headers=credential)).status for server in (one, other)] == [
        200,
        200,
    ]


CHECKS = (
    refused_until_it_is_reset,
    deleted_anywhere_begins_anew_everywhere,
    imported_one_is_served,
    many_are_listed_in_pieces,
    those_without_room_are_refused_by_who_knew_them,
    second_loss_forgets_no_earlier_one,
    one_that_would_have_expired_is_not_lost,
    default_sandbox_is_refused_too,
)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.usefixtures("no_wait")
def test_lost_sandbox_is_refused_by_all_servers(store: Store, check: Check) -> None:
    check_forgetful(store, check)


def test_nothing_is_made_by_a_call_before_all_servers_can_know(store: Store) -> None:
    """The server that knew the sandbox notices the loss later than the other."""

    async def check(one: Server, other: Server) -> None:
        assert [await call(one), await call(other, "others")] == ["200"] * 2  # at first, nobody has to wait
        await one.forget()  # type: ignore[attr-defined]
        refused = await answer(other, "shared")
        assert why(refused) == "store_unavailable"
        assert 1 <= int(dict(refused.headers)["retry-after"]) <= lost_list.SECONDS_TO_NOTICE
        assert await control(other, "POST", "/sandboxes/shared/reset") == "store_unavailable"
        assert await control(other, "POST", "/sandboxes", {"name": "new"}) == "201"
        assert await call(other, "new") == "200"
        assert await control(one, "GET", "/ready") == "200"
        assert await call(other) == "sandbox_lost"
        with patch.object(lost_list, "microseconds", lambda: lost_list.NEVER - 1):
            assert await call(other, "unknown") == "200"
        third = Server(store())  # has never known the sandbox, nor that something was lost
        await third.join()
        assert [await call(third), await call(third, "later")] == ["sandbox_lost", "store_unavailable"]
        await third.close()

    check_forgetful(store, check)


def test_store_that_was_begun_anew_with_other_data_is_unavailable_until_it_has_the_same(store: Store) -> None:
    async def check(one: Server, other: Server) -> None:
        assert await call(one) == "200"
        third = store()
        await third.join({"seed": "7"}, fresh=True)
        for _ in range(2):
            assert [await call(one), await call(other)] == ["store_unavailable"] * 2
            assert await control(one, "GET", "/ready") == "store_unavailable"
        await third.close()
        await one.forget()  # type: ignore[attr-defined]
        assert await control(one, "GET", "/ready") == "200"
        assert [await call(one), await call(other)] == ["sandbox_lost"] * 2

    check_forgetful(store, check)


def test_server_that_starts_on_an_empty_store_does_not_wait(store: Store) -> None:
    async def check(one: Server, other: Server) -> None:
        assert [await call(one), await call(other)] == ["200"] * 2
        assert one.log
        assert await one.log.load(LOST) is None

    two_servers(check, store)
