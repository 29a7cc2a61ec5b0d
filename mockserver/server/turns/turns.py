"""Turns: the calls of a server whose sandboxes are kept in a log (see `mockserver.sandbox.log.log`).

A call is answered once its turn is in the log. If another server was faster, the call is run again after that
server's turns. The steps of a call are those of the pipeline.
"""

import asyncio
import re
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from typing import Any

from mockserver.contract.exchange import Exchange
from mockserver.contract.response import Response
from mockserver.sandbox.journal.entry import KeptEntry
from mockserver.sandbox.log.log import StoreLost, StoreUnavailable
from mockserver.sandbox.log.values import NotKept
from mockserver.sandbox.secrets import digest_of
from mockserver.server.access.quotas.refusal import QuotaExceeded
from mockserver.server.copies.copies import Copies
from mockserver.server.copies.copy import MAX_TRIES, Awaited, Copy
from mockserver.server.copies.joining import despite_loss
from mockserver.server.http.asgi import Connection, Kept, KeptResponse
from mockserver.server.http.body import ClientGone
from mockserver.server.http.response_writer import send_response
from mockserver.server.pipeline.pages import LOCAL
from mockserver.server.pipeline.pending import PendingTurn
from mockserver.server.pipeline.pipeline import Pipeline
from mockserver.server.router import Route
from mockserver.server.turns.all_sandboxes import AllSandboxes
from mockserver.server.turns.background import Background
from mockserver.server.turns.control_turns import ControlTurns
from mockserver.server.turns.deliveries import KeptDeliveries
from mockserver.server.turns.room import Room
from mockserver.server.turns.steps import Late, TurnSteps
from mockserver.server.turns.store_errors import as_mock_error, contended, refuse_unknown
from mockserver.server.turns.upkeep import Upkeep
from mockserver.server.turns.visitors import Visitors
from mockserver.vendor_api.credential import DEFAULT_SANDBOX, Credential
from mockserver.vendor_api.failure import UNEXPECTED
from mockserver.vendor_api.raw_request import RawRequest

TRIES_AHEAD = 2  # of a turn: after these, the next turn waits until it is kept
ISSUED = re.compile("sbx_[a-z2-7]{26}")


class Begun(KeptResponse):
    """The response of a turn that has been run ahead of the log, and what is needed to run it again.

    Once the turn counts, the `pipeline` counts the call.
    """

    exchange: Exchange
    route: Route
    pipeline: Pipeline

    def settle(self, kept: Kept) -> None:
        if kept.counts:
            self.pipeline.count(self.exchange, self.response, time.perf_counter() - self.exchange.started)
        if self.send is not None:
            self.send(self)

    @property
    def turn(self) -> PendingTurn:
        """The turn that has to be run again if it does not count."""
        return PendingTurn(self.exchange.raw, self.route, self.exchange.started, opened=True)


class Turns:
    """The turns of one server."""

    def __init__(self, pipeline: Pipeline, copies: Copies) -> None:
        self._pipeline, self._copies, self._control_contract = pipeline, copies, pipeline.router.control
        self._sandboxes, self._steps = copies.sandboxes, TurnSteps(pipeline)
        self.found: int | None = None
        self.workers = 1
        all_sandboxes = AllSandboxes(copies)
        self._room = Room(copies, all_sandboxes.count_others)
        self._visitors = Visitors(copies, pipeline.control_access, pipeline.guard)
        self._background = Background(copies, self._visitors.tables, all_sandboxes.refresh_next)
        self._sandboxes.read_page = all_sandboxes.page
        self.deliveries, self._upkeep = KeptDeliveries(copies), Upkeep(copies)
        self._control = ControlTurns(
            pipeline, copies, all_sandboxes, self._room, self._visitors, self._upkeep
        )
        pipeline.recorder.record = lambda entry, journal: None  # `keep` puts it into the log

    @property
    def store(self) -> Mapping[str, Any]:
        """Where the sandboxes are kept, how many were found there at the start, and who serves them."""
        about = {"store": self._copies.log.describe(), "found": self.found or 0}
        return about if self.workers == 1 else {**about, "workers": self.workers}

    @property
    def generation(self) -> str:
        return self._copies.generation

    async def __aenter__(self) -> None:
        self._background.loop = asyncio.get_running_loop()
        joined = await self._copies.join()
        self.found = joined if self.found is None else self.found
        await self._visitors.tables.refresh()
        self.deliveries.begin()  # a demo has none, but by this each server soon notices a loss of all

    async def __aexit__(self, *_: object) -> None:
        await self.deliveries.close()
        await self._background.close()
        self._visitors.tables.close()
        await self._copies.log.close()

    async def remove_expired(self) -> None:
        """Remove what has expired from the store. If it cannot be reached, the next time will do."""
        await self._upkeep.remove_expired()
        with suppress(StoreUnavailable, StoreLost):
            await self._visitors.tidy()

    async def know(self, raw: RawRequest) -> None:
        """Learn from other servers what the sender of a request may use. Raise MockError."""
        await self._visitors.know_of_page(raw)

    def start(self, raw: RawRequest, route: Route, started: float) -> "Begun | PendingTurn":
        """Run the turn of a call to a vendor now, if nothing has to be waited for but the log.

        Otherwise return what is pending. Then `answer` runs it.
        """
        pipeline, copies, operation = self._pipeline, self._copies, route.operation
        waits_for_body = operation is not None and operation.body and raw.body is None
        if waits_for_body or route.contract is self._control_contract:
            return PendingTurn(raw, route, started)
        self._sandboxes.ahead = True
        try:
            exchange = pipeline.open(route, raw, started)
        except QuotaExceeded:
            raise
        except UNEXPECTED:  # `answer` meets the same again
            return PendingTurn(raw, route, started)
        finally:
            self._sandboxes.ahead = False
        sandbox, step = exchange.sandbox, None
        copy = copies.table.by_name[sandbox.name]
        try:
            step = pipeline.check_request(exchange)
        except UNEXPECTED as error:
            pipeline.fail(exchange, error)
        can_append = sandbox.outbox is None or copies.can_append(sandbox)
        if step is None and exchange.call.credential.status == "accepted" and can_append:
            response = pipeline.finish(exchange, exchange.time, time.perf_counter() - started)
            try:
                kept = copies.append(copy, sandbox, exchange.entry)
            except NotKept:  # `answer` refuses it
                return PendingTurn(raw, route, started, opened=True)
            assert kept is not None
            begun = Begun(response, kept, None, exchange, route, pipeline)
            kept.on_settled = begun.settle
            return begun
        copies.undo(copy, sandbox)
        return PendingTurn(raw, route, started, opened=True)

    def keep(self, entry: KeptEntry) -> Awaited:
        """Put the entry of a request that has no exchange into the log. The turn counts once it is there."""
        return self._background.keep(entry)

    async def answer(self, begun: PendingTurn | KeptResponse, connection: Connection) -> None:
        """Send the response of a turn: run it, unless it has been run and counts."""
        if isinstance(begun, Begun | PendingTurn):
            with ExitStack() as stack:
                await self._answer(begun, connection, stack)
        else:  # there is nothing to run
            await begun.kept.settled()
            await send_response(begun.response, connection)

    async def _answer(self, begun: Begun | PendingTurn, connection: Connection, stack: ExitStack) -> None:
        turn = begun.turn if isinstance(begun, Begun) else begun
        try:
            if isinstance(begun, Begun) and await _counts(begun):
                return await send_response(begun.response, connection)
            turn.place = stack
            exchange, response = await self._run(turn, connection)
        except ClientGone:
            return
        except UNEXPECTED as error:
            refusal = self._pipeline.refusal(turn.raw, as_mock_error(error), turn.started)
            if isinstance(refusal, KeptResponse):
                await refusal.kept.settled()
                refusal = refusal.response
            await send_response(refusal, connection)
            return
        await send_response(response, connection)
        self._pipeline.count(exchange, response, time.perf_counter() - turn.started)

    async def respond(self, turn: PendingTurn) -> tuple[Response, KeptEntry | None]:
        """Run the turn of a call of this process. Return its response, and its entry if it has one."""
        try:
            exchange, response = await self._run(turn, LOCAL)
        except (StoreUnavailable, StoreLost) as error:
            raise as_mock_error(error) from None
        if exchange.contract is not self._control_contract:
            self._pipeline.count(exchange, response, time.perf_counter() - turn.started)
        return response, exchange.entry

    async def _run(self, turn: PendingTurn, connection: Connection) -> tuple[Exchange, Response]:
        self._background.loop = self.deliveries.loop = asyncio.get_running_loop()
        late = await self._steps.receive_body(turn, connection)
        is_control = turn.route.contract is self._control_contract
        run = self._control.run if is_control else self._run_for_vendor
        return await despite_loss(self._copies, lambda: run(turn, late, connection))

    async def _run_for_vendor(
        self, turn: PendingTurn, late: Late | None, connection: Connection
    ) -> tuple[Exchange, Response]:
        for number in range(MAX_TRIES):
            copy = await self._copy_for(turn)
            async with copy.lock:
                await self._copies.fetch(copy, news=number > 0)
                await refuse_unknown(self._copies, copy)
                if copy.kept.head is None and copy.name != DEFAULT_SANDBOX:
                    await self._room.make()
                exchange, epoch = self._steps.open(turn), copy.epoch
                if exchange.sandbox.name != copy.name:  # a secret that was issued since opens another one
                    continue
                await self._steps.decide(exchange, late, connection, turn)
                response = self._steps.finish(exchange)
                call = exchange.entry if exchange.entry and exchange.entry.sandbox == copy.name else None
                await self._copies.be_listed(copy, exchange.sandbox)
                if copy.epoch != epoch:  # the turns before this one do not count, so neither does it
                    self._copies.undo(copy, exchange.sandbox)
                    continue
                try:
                    kept = self._copies.append(copy, exchange.sandbox, call)
                except NotKept as error:
                    late = error
                    continue
                counts = kept is None or (number >= TRIES_AHEAD and await kept.wait())
            if counts or (kept is not None and await kept.wait()):
                if exchange.entry is not None and call is None:
                    await self._background.append_call(exchange.entry)
                return exchange, response
        raise contended()

    async def _copy_for(self, turn: PendingTurn) -> Copy:
        """Return the copy of the sandbox that a call to a vendor belongs to. Raise MockError."""
        headers, choice, credential = turn.raw.headers, self._pipeline.choice, _credential(turn)
        for name in choice.names(headers, credential):
            await self._copies.be_present(name)
        if self._is_unknown(credential):
            opened = await self._copies.log.name_with(digest_of(credential.text or ""))
            await self._copies.refresh([opened] if opened else [])
        return self._copies.at(choice.name_for_call(headers, credential, turn.route.contract.vendor.name)[0])

    def _is_unknown(self, credential: Credential) -> bool:
        """Return True if a credential may have been issued by another server."""
        text = credential.text or ""
        return bool(ISSUED.fullmatch(text)) and self._sandboxes.secrets.sandbox_with_credential(text) is None


async def _counts(begun: Begun) -> bool:
    """Return True if the turn of a response counts.

    Raise StoreUnavailable if nobody knows: it may be in the log, and must not be there twice.
    """
    with suppress(StoreLost):
        return await begun.kept.wait()
    return False


def _credential(turn: PendingTurn) -> Credential:
    route = turn.route
    request = route.request(turn.raw)
    if route.operation is None:
        return route.contract.vendor.credential(request)
    return route.contract.credential(request, route.operation)
