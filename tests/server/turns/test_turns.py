"""Several servers share sandboxes by a log, and give the answers that one server would give."""

import asyncio
import random
from collections.abc import Callable

import pytest

from mockserver import app
from mockserver.sandbox.log.log import Entry, Kept, Life, Log, Settled
from mockserver.sandbox.log.memory import MemoryLog
from mockserver.vendor_api.raw_request import RawRequest
from tests.server.turns.late_log import LateLog
from tests.server.turns.witness import (
    History,
    WitnessLog,
    answer_of,
    journal_of,
    problems,
    request,
    unlisted,
)

PRODUCTS = 60
BASIC = {"authorization": "Basic c2J4X3NoYXJlZDp4"}  # sbx_shared
HIGHLEVEL = {"authorization": "Bearer sbx_shared", "version": "2021-07-28"}
SHOPLAZZA = {"access-token": "sbx_shared"}
ALT = "altId=6578278e879ad2646715ba9c&altType=location"
CALLS: tuple[Callable[[random.Random], RawRequest], ...] = (
    lambda chance: request("GET", "/merchantpro/api/v2/inventory/id/10001", BASIC),
    lambda chance: request("GET", f"/highlevel/products/inventory?{ALT}&limit=5", HIGHLEVEL),
    lambda chance: request("GET", "/shoplazza/openapi/2022-01/products?limit=3", SHOPLAZZA),
    lambda chance: request(
        "PATCH", "/merchantpro/api/v2/inventory/id/10001", BASIC, b'{"stock":%d}' % chance.randrange(50)
    ),
    lambda chance: request("GET", "/merchantpro/api/v2/inventory/id/77", BASIC),
    lambda chance: request("GET", "/highlevel/nowhere", HIGHLEVEL),
    lambda chance: request(
        "POST", f"/highlevel/products/inventory?{ALT}", HIGHLEVEL, stock_of(chance.randrange(50))
    ),
    lambda chance: request("GET", "/sabi/v1/products?page=1", {"authorization": "Bearer sbx_shared"}),
    lambda chance: request("GET", "/narvar/exchanges/inventory/9999", BASIC),
    lambda chance: control("PUT", "/clock", b'{"action":"advance","seconds":%d}' % chance.randrange(1, 9)),
    lambda chance: control("PUT", f"/snapshots/{chance.randrange(3)}"),
    lambda chance: control("POST", f"/snapshots/{chance.randrange(3)}/restore"),
    lambda chance: control("POST", "/reset"),
    lambda chance: control("POST", "/faults", b'{"vendor":"shoplazza","fault":502,"times":2}'),
)


def stock_of(number: int) -> bytes:
    item = b'{"priceId":"6241712be68f7a98102ba272","availableQuantity":%d}' % number
    return b'{"altId":"6578278e879ad2646715ba9c","altType":"location","items":[%s]}' % item


LOGS = {"memory": MemoryLog, "late": LateLog}


@pytest.fixture(params=LOGS)
def log(request: pytest.FixtureRequest) -> Log:
    kept_in: Log = LOGS[request.param]()
    return kept_in


def control(method: str, path: str, body: bytes = b"") -> RawRequest:
    return request(method, f"/_mock/sandboxes/shared{path}", {}, body)


SET_UP = (
    request("POST", "/_mock/sandboxes", {}, b'{"name":"shared","frozen":"2026-03-01T10:00:00Z"}'),
    control("PUT", "/limits", b'{"enabled":true}'),
    control("POST", "/faults", b'{"operation":"get-inventory","fault":503,"times":2,"after":3}'),
    control("POST", "/faults", b'{"vendor":"highlevel","fault":500,"probability":0.3}'),
)


async def run_clients(
    log: Log, clients: int, calls: int, seed: int = 1, *, restarts: bool = False
) -> list[str]:
    """Let clients call two servers at once. Return what is wrong with the answers, and with the journals.

    With `restarts`, a new server takes the place of the first one in the middle.
    """
    witness, history = WitnessLog(log), History()
    mocks = [app.build(products=PRODUCTS, log=witness) for _ in range(2)]
    servers = [mock.application for mock in mocks]
    for one in SET_UP:
        await history.send(servers[0], one)

    async def client(number: int) -> None:
        chance = random.Random(f"{seed} {number}")
        for call in range(calls):
            if restarts and (number, call) == (0, calls // 2):
                mocks.append(app.build(products=PRODUCTS, log=witness))
                servers[0] = mocks[-1].application
            server = servers[chance.randrange(2)]
            await history.send(server, chance.choice(CALLS)(chance))
            if chance.random() < 0.3:
                await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        for number in range(clients):
            group.create_task(client(number))
    alone = app.build(products=PRODUCTS).application
    kept = witness.kept["shared"]
    found = await problems(history.calls, kept, alone)
    for server in servers:
        journal = await journal_of(server, "shared")
        found += unlisted(journal, [history.calls[number] for number in kept], "shared")
    conflicts = sum(mock.copies.counts.conflicts for mock in mocks if mock.copies)
    return found if conflicts else [*found, "no turn was refused"]


class HeadlessLog(MemoryLog):
    """A broken log: it ignores the head."""

    def _append(self, name: str, head: bytes | None, entry: Entry, life: Life) -> bool:
        kept = self._find(name)
        return super()._append(name, kept and kept.head, entry, life)


class EagerLog(LateLog):
    """A broken log: it says that an entry is kept before it is."""

    def append(self, name: str, head: bytes | None, entry: Entry, life: Life, settled: Settled) -> None:
        super().append(name, head, entry, life, lambda outcome: None)
        asyncio.get_running_loop().call_soon(settled, True)


@pytest.mark.parametrize("broken", [HeadlessLog, EagerLog])
def test_witness_notices_a_broken_log(broken: type[MemoryLog]) -> None:
    assert asyncio.run(run_clients(broken(), clients=6, calls=20))


def test_two_servers_answer_as_one(log: Log) -> None:
    assert asyncio.run(run_clients(log, clients=12, calls=40)) == []


def test_server_goes_on_where_another_one_has_ended(log: Log) -> None:
    assert asyncio.run(run_clients(log, clients=6, calls=20, restarts=True)) == []


class CountingLog(MemoryLog):
    """Notes what is read from it."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[str] = []

    async def load(self, name: str) -> Kept | None:
        self.read.append(name)
        return await super().load(name)

    async def names(self, after: str = "", limit: int = 1000) -> tuple[list[str], int]:
        self.read.append("names")
        return await super().names(after, limit)


@pytest.mark.parametrize(
    ("method", "path"),
    [("DELETE", "/_mock/requests"), ("GET", "/_mock/sandboxes"), ("POST", "/_mock/sandboxes/shared/reset")],
)
def test_nothing_is_read_for_a_caller_who_may_not_control(method: str, path: str) -> None:
    async def status_and_reads() -> tuple[int, list[str]]:
        log = CountingLog()
        server = app.build(products=PRODUCTS, log=log, admin_token="a-token").application
        answer = await answer_of(server, request(method, path, {"authorization": "Bearer ctl_guessed"}))
        return answer.status, log.read

    assert asyncio.run(status_and_reads()) == (401, [])
