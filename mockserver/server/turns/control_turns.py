"""The turns of operations of the control API, which may read and change several sandboxes at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from mockserver.contract.exchange import Exchange
from mockserver.contract.response import Response
from mockserver.sandbox.journal.entry import STRAYS
from mockserver.sandbox.secrets import digest_of
from mockserver.server.access.control_access import OPEN_IN_DEMO, OPEN_PATHS
from mockserver.server.copies.copies import Copies
from mockserver.server.copies.copy import MAX_TRIES
from mockserver.server.http.asgi import Connection
from mockserver.server.pipeline.pending import PendingTurn
from mockserver.server.pipeline.pipeline import Pipeline
from mockserver.server.turns.all_sandboxes import AllSandboxes
from mockserver.server.turns.control_needs import (
    CHANGE_ALL,
    CREATORS,
    FOR_ALL,
    IMPORT,
    MAKERS,
    MENDERS,
    named_sandboxes,
    new_sandbox,
)
from mockserver.server.turns.room import Room
from mockserver.server.turns.shared_log import Moved
from mockserver.server.turns.steps import Late, TurnSteps
from mockserver.server.turns.store_errors import contended, refuse_unknown
from mockserver.server.turns.upkeep import Upkeep
from mockserver.server.turns.visitors import Visitors
from mockserver.vendor_api.auth import bearer_credential
from mockserver.vendor_api.credential import CONTROL_TOKEN_PREFIX
from mockserver.vendor_api.problem import Problem

DEMO = "/_mock/demo"


class ControlTurns:
    """Runs the operations of one server, with what its `Turns` has."""

    def __init__(
        self,
        pipeline: Pipeline,
        copies: Copies,
        all_sandboxes: AllSandboxes,
        room: Room,
        visitors: Visitors,
        upkeep: Upkeep,
    ) -> None:
        self._pipeline, self._copies, self._sandboxes = pipeline, copies, copies.sandboxes
        self._all, self._room, self._visitors, self._upkeep = all_sandboxes, room, visitors, upkeep
        self._steps, self._making = TurnSteps(pipeline), asyncio.Lock()

    async def run(
        self, turn: PendingTurn, late: Late | None, connection: Connection
    ) -> tuple[Exchange, Response]:
        """Run a turn until it counts. `late` is why its body is refused. Raise MockError."""
        if turn.route.operation and turn.route.operation.id == "get-ready":
            await self._upkeep.check()
        named = await self._be_present(turn) if await self._is_admitted(turn) else []
        if turn.raw.path.startswith(DEMO):
            await self._visitors.know_demo()
        operation, own = turn.route.operation, turn.route.values.get("sandbox")
        if operation is None or not (own or operation.id in MAKERS) or operation.method == "GET":
            exchange = self._steps.open(turn)
            await self._steps.decide(exchange, late, connection, turn)
            return exchange, self._steps.finish(exchange)
        for _ in range(MAX_TRIES):
            async with self._locked(named):
                if operation.id in CREATORS or (
                    operation.id == IMPORT and not self._sandboxes.find(own or "")
                ):
                    await self._room.make(named)
                try:
                    with self._sandboxes.noting() as touched:
                        async with self._visitors.changing(turn.raw, operation.id, named, touched):
                            exchange = self._steps.open(turn)
                            await self._steps.decide(exchange, late, connection, turn)
                except Moved:
                    continue
                # What is refused has changed nothing, and may not even be admitted.
                if exchange.problem is not None or await self._keep({*named, *touched}):
                    return exchange, self._steps.finish(exchange)
        raise contended()

    @asynccontextmanager
    async def _locked(self, names: list[str]) -> AsyncIterator[None]:
        """Hold the locks of sandboxes while the block runs, and bring them up to date first."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._making)
            for name in sorted(names):
                copy = self._copies.at(name)
                await stack.enter_async_context(copy.lock)
                await self._copies.fetch(copy, news=True)
            yield

    async def _keep(self, names: set[str]) -> bool:
        """Put into the log what an operation has done to these sandboxes. Return True if it counts."""
        counts = True
        for name in sorted(names):
            copy, sandbox = self._copies.at(name), self._sandboxes.find(name)
            copy.lost = False
            await self._copies.be_listed(copy, sandbox)
            if sandbox is None and name != STRAYS:
                counts &= await self._copies.end(copy)
            elif (kept := self._copies.append(copy, sandbox, None)) is not None:
                counts &= await kept.wait()
            if counts:
                await self._copies.lost.remove(name)
        return counts

    async def _is_admitted(self, turn: PendingTurn) -> bool:
        """Return True if the sender may use control at all. For others, nothing is read from the log."""
        token, operation = bearer_credential(turn.raw.headers).text or "", turn.route.operation
        if token.startswith(CONTROL_TOKEN_PREFIX):
            name = await self._copies.log.name_with(digest_of(token))
            await self._copies.refresh([name] if name else [])
        if "cookie" in turn.raw.headers:
            await self._visitors.know(turn.raw)
        if turn.raw.path in OPEN_PATHS or (operation and operation.id == OPEN_IN_DEMO):
            return True
        try:
            self._pipeline.control_access.visitor_of(turn.raw)
        except Problem:
            return False
        return True

    async def _be_present(self, turn: PendingTurn) -> list[str]:
        """Bring the copies up to date that an operation needs. Return the names of those it may change."""
        named, operation = [*named_sandboxes(turn)], turn.route.operation
        token = bearer_credential(turn.raw.headers).text or ""
        if found := self._sandboxes.secrets.sandbox_with_control_token(token):
            named += [found.name] if found.name not in named else []
        if operation is not None and operation.id == "get-metrics":
            await self._upkeep.look()
        await self._copies.refresh(named)
        id, method = (operation.id, operation.method) if operation is not None else ("", "GET")
        waits = not (method == "GET" or id == IMPORT or id in CREATORS)
        for copy in map(self._copies.at, named):
            async with copy.lock:
                await refuse_unknown(self._copies, copy, mends=id in MENDERS, waits=waits)
        if operation is None or operation.id not in FOR_ALL:
            return [*dict.fromkeys([*named, *new_sandbox(turn)])]
        await self._copies.refresh([STRAYS])
        if named:
            return named
        names = [STRAYS, *await self._all.refresh()]
        return [name for name in names if operation.id in CHANGE_ALL and not self._copies.at(name).lost]
