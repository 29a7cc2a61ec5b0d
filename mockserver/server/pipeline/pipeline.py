"""The pipeline: the steps of every call, from the raw request to the response.

    router → sandbox, rate limits → admin check, path, method, body → Prefer, faults → engine → journal

Every step runs at most once. `start` runs the steps. It is not async, because in most calls no step has to
wait. If a step has to wait, `start` returns a `Pending`. Then `__call__` (ASGI) continues with the same
exchange. `fail` is the only place that turns an exchange's exceptions into responses.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack, nullcontext
from datetime import datetime
from functools import partial
from typing import Any

from msgspec.structs import replace

from mockserver.contract.compiled_engine import CompiledEngine, Engine
from mockserver.contract.exchange import Exchange
from mockserver.contract.openapi.operation import Operation
from mockserver.contract.response import ContractBroken, Response
from mockserver.data.store.state import Draft, TooManyChanges
from mockserver.sandbox.dialects import DOCUMENTED
from mockserver.sandbox.faults.fault import Fault
from mockserver.sandbox.faults.rules import Rule
from mockserver.sandbox.journal.entry import NO_VENDOR
from mockserver.sandbox.registry import Sandboxes
from mockserver.server.access.control_access import ControlAccess
from mockserver.server.access.forwarding import as_client_sent, without_addresses
from mockserver.server.access.policy import AccessPolicy
from mockserver.server.access.quotas.guard import DemoGuard
from mockserver.server.access.quotas.refusal import QuotaExceeded, refusal_of
from mockserver.server.access.sandbox_choice import SandboxChoice
from mockserver.server.access_log import log_call
from mockserver.server.http.asgi import PENDING, Connection, KeptResponse, Receive, Send, lifespan
from mockserver.server.http.body import ClientGone, read_body
from mockserver.server.http.cors import is_preflight, with_cors
from mockserver.server.http.errors import mock_error_of
from mockserver.server.http.raw_request import raw_request_of
from mockserver.server.http.response_writer import send_response
from mockserver.server.http.waiting import unless_gone
from mockserver.server.metrics import Metrics
from mockserver.server.pipeline.pages import Pages, PendingPage, send_page
from mockserver.server.pipeline.pending import (
    Pending,
    PendingTurn,
    Step,
    TurnRunner,
    before_body,
    enter,
    take_place,
    wait_for_nothing,
    with_body,
)  # fmt: skip
from mockserver.server.pipeline.prefer import answer_as_preferred, is_admitted, preferences
from mockserver.server.pipeline.recorder import Recorder
from mockserver.server.recording.entries import entry_of
from mockserver.server.router import NoVendor, Route, Router
from mockserver.vendor_api.call import Call
from mockserver.vendor_api.failure import UNEXPECTED
from mockserver.vendor_api.problem import Problem
from mockserver.vendor_api.rate_limits import UNLIMITED
from mockserver.vendor_api.raw_request import RawRequest

BODY_TIMEOUT = 10.0
DEFAULT_ACCESS = AccessPolicy()


class Pipeline:
    """All vendors, the control API and the pages for people behind one ASGI application."""

    def __init__(
        self,
        router: Router,
        sandboxes: Sandboxes,
        metrics: Metrics,
        *,
        engine: Engine | None = None,
        access: AccessPolicy = DEFAULT_ACCESS,
        guard: DemoGuard | None = None,
    ) -> None:
        self.router, self._control, self._sandboxes = router, router.control, sandboxes
        self.metrics, self._access = metrics, access
        self.choice = SandboxChoice(sandboxes, access)
        self.control_access = ControlAccess(sandboxes, access, guard.shared if guard else None)
        self._control_sandbox = sandboxes.prepare("control", sandboxes.seed, sandboxes.products)
        self._compiled = CompiledEngine()
        self._engine = engine or self._compiled
        self.guard, self.body_timeout = guard, BODY_TIMEOUT
        self.recorder = Recorder(router, sandboxes, self.choice)
        self.pages: Pages | None = None
        self.turns: TurnRunner | None = None

    def start(self, raw: RawRequest) -> Response | Pending | PendingPage | PendingTurn | KeptResponse:
        """Run the steps for a request. Return its response, or what is pending if a step has to wait."""
        started = time.perf_counter()
        if self._access.trusted_proxies:
            raw = as_client_sent(raw, self._access.trusted_proxies)
        try:
            if self.guard is not None:
                self.guard.admit(raw)
                raw = without_addresses(raw)
            route = self.router.route(raw)
            if route.contract is self._control and self._is_page(raw):
                return PendingPage(raw)
            if self.turns is not None:
                return self.turns.start(raw, route, started)
            exchange = self.open(route, raw, started)
        except UNEXPECTED as error:
            if isinstance(error, NoVendor) and self._is_page(raw):
                return PendingPage(raw)
            return self.refusal(raw, error, started)
        try:
            if (step := self.check_request(exchange)) is not None:
                return Pending(exchange, step)
        except UNEXPECTED as error:
            self.fail(exchange, error)
        seconds = time.perf_counter() - started
        response = self.finish(exchange, exchange.time, seconds)
        self.count(exchange, response, seconds)
        return response

    def refusal(self, raw: RawRequest, error: BaseException, started: float) -> Response | KeptResponse:
        """Return the mock's own answer to a request that has no exchange, and record it."""
        response = refusal_of(error, raw, is_page=self._is_page(raw))
        entry = self.recorder.record_refusal(raw, error)
        seconds = time.perf_counter() - started
        self.metrics.count(NO_VENDOR, "", response.status, seconds)
        log_call(raw, response, NO_VENDOR, seconds, entry)
        response = with_cors(raw, response)
        if entry is None or self.turns is None:
            return response
        answer = KeptResponse(response, self.turns.keep(entry), None)
        answer.kept.on_settled = answer.settle
        return answer

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await lifespan(receive, send, self._remove_expired, self.turns or nullcontext())
        elif scope["type"] == "http":
            begun = scope.get(PENDING) or self.start(raw_request_of(scope))
            connection = Connection(scope, receive, send)
            if isinstance(begun, Response):
                await send_response(begun, connection)
            elif isinstance(begun, Pending):
                await self._finish(begun, connection)
            elif isinstance(begun, PendingPage):
                assert self.pages is not None
                place = self.guard.waiting(begun.raw.peer) if self.guard else nullcontext()
                await send_page(self.pages, begun.raw, connection, self.body_timeout, self.metrics, place)
            else:
                assert self.turns is not None
                await self.turns.answer(begun, connection)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})

    async def _finish(self, pending: Pending, connection: Connection) -> None:
        """Run the pending step, and send the response."""
        if self.guard is None:
            return await self._run(pending, connection)
        with ExitStack() as stack:
            pending.step = take_place(self.guard, pending.exchange, pending.step, stack)
            await self._run(pending, connection)

    async def _run(self, pending: Pending, connection: Connection) -> None:
        exchange = pending.exchange
        try:
            await self.go_on(exchange, pending.step, connection)
        except ClientGone:
            return
        except UNEXPECTED as error:
            self.fail(exchange, error)
        seconds = time.perf_counter() - exchange.started
        response = self.finish(exchange, exchange.sandbox.clock.now(), seconds)
        await send_response(response, connection)
        self.count(exchange, response, time.perf_counter() - exchange.started)

    async def go_on(self, exchange: Exchange, step: Step, connection: Connection) -> None:
        """Run the step that an exchange waits for, and wait for its handler's answer."""
        await step(connection)
        if exchange.later is not None:
            await self.answer_later(exchange, connection)

    def _remove_expired(self) -> None:
        (self.guard or self._sandboxes).remove_expired()
        if self.turns is not None:
            self._removing = asyncio.get_running_loop().create_task(self.turns.remove_expired())

    def _is_page(self, raw: RawRequest) -> bool:
        return self.pages is not None and self.pages.has(raw)

    def open(self, route: Route, raw: RawRequest, started: float, *, again: bool = False) -> Exchange:
        """Return the exchange for a request: find its sandbox, and count the call there.

        As in a real gateway, calls count against rate limits before any other check. So OPTIONS calls count,
        and so do calls that get a 404. A call without an accepted credential belongs to no application. So it
        is not counted, and never gets a 429. If the call is opened `again`, no quota of a demo counts it.

        Raise MockError or SandboxRefused if the call has no sandbox (see `SandboxChoice`).
        """
        contract, operation = route.contract, route.operation
        request = route.request(raw)
        if operation is None or operation.secured:
            credential = contract.vendor.credential(request)
        elif raw.body is None and operation.body:
            return before_body(route, raw, self._sandboxes, started)
        else:
            credential = contract.credential(request, operation)
        if contract is self._control:
            sandbox = self._control_sandbox
            request = replace(request, public_url=self._access.public_url, peer=raw.peer)
        else:
            sandbox, credential = self.choice.for_call(raw.headers, credential, contract.vendor.name)
            if sandbox.dialects is not DOCUMENTED:
                contract = (route := route.in_dialect(sandbox.dialects)).contract
            if self.guard is not None and not again:
                self.guard.count_call(sandbox)
        quota = UNLIMITED
        if sandbox.limits.enabled:
            quota = sandbox.count_against_limits(contract.vendor, request, credential)
        random_bytes, now = sandbox.begin_call()
        draft = Draft(sandbox.catalog, sandbox.state)
        call = Call(request, credential, random_bytes, draft, contract.base_records, quota=quota, now=now)
        return Exchange(raw, contract, sandbox, call, route.operation, route.path, route.values, now, started)

    def check_request(self, exchange: Exchange) -> Step | None:
        """Check rate limit, path, method and size, then let `_decide` answer.

        Return the step that has to wait, or None if the exchange has its response. Raise Problem.
        """
        operation = self.check_target(exchange)
        if operation is None:
            return None
        if operation.body:
            body = exchange.raw.body
            if body is None:
                return partial(self._receive_body, exchange)
            if len(body) > (operation.max_body if self.guard is None else self.guard.most_bytes(exchange)):
                raise self.too_large(exchange)
        return self._decide(exchange)

    def check_target(self, exchange: Exchange) -> Operation | None:
        """Check rate limit, path and method, and answer OPTIONS. Raise Problem.

        Return the operation, or None if the exchange has its response.
        """
        call, contract, raw = exchange.call, exchange.contract, exchange.raw
        if call.quota.refused:
            raise Problem("rate_limited")
        if contract is self._control:
            if self.control_access.is_preflight(raw):
                exchange.response = contract.without_body(call, 204)
                return None
            call.credential = self.control_access.admit(exchange)
        if exchange.operation is not None:
            return exchange.operation
        if exchange.path is None:
            if is_preflight(raw.method, raw.headers):
                exchange.response = contract.without_body(call, 204)
                return None
            raise Problem("no_such_path")
        if raw.method == "OPTIONS":
            exchange.response = contract.without_body(call, 204, ("Allow", ", ".join(exchange.path.methods)))
            return None
        raise Problem("method_not_allowed")

    async def _receive_body(self, exchange: Exchange, connection: Connection) -> None:
        await self.receive_body(exchange, connection)
        if exchange.response is not None:
            return
        if exchange.contract is self._control:  # meanwhile, the sandbox of a control token may have ended
            exchange.call.credential = self.control_access.admit(exchange)
        if step := self._decide(exchange):
            await step(connection)

    async def receive_body(self, exchange: Exchange, connection: Connection) -> None:
        """Read the body. If it is late or too large, set the vendor's response. Raise ClientGone."""
        assert exchange.operation is not None
        most = exchange.operation.max_body if self.guard is None else self.guard.most_bytes(exchange)
        try:
            body = await read_body(connection.receive, self.body_timeout, most)
        except Problem as problem:
            self.fail(exchange, self.too_large(exchange) if problem.kind == "too_large" else problem)
            assert exchange.response is not None
            exchange.response = replace(exchange.response, close=True)  # part of the body is still unread
        else:
            exchange.call.request = replace(exchange.call.request, body=body)
            if not exchange.operation.secured:
                enter(exchange, self.open(*with_body(exchange, body), exchange.started))

    def too_large(self, exchange: Exchange) -> Problem | QuotaExceeded:
        """Return the refusal of a body: the vendor's own, or that of a quota which is smaller."""
        assert exchange.operation is not None
        if self.guard is not None and self.guard.most_bytes(exchange) < exchange.operation.max_body:
            return self.guard.refusal_of_body(exchange)
        return Problem("too_large")

    def _decide(self, exchange: Exchange) -> Step | None:
        """Let `Prefer`, a fault or the engine answer. Return the step that has to wait, or None.

        If the credential is not accepted, always let the engine answer.
        """
        call, sandbox = exchange.call, exchange.sandbox
        if call.credential.status == "accepted" and exchange.contract is not self._control:
            prefer = exchange.raw.headers.get("prefer")
            if prefer and (wanted := preferences(prefer)) and is_admitted(exchange):
                answer_as_preferred(exchange, wanted)
                return None
            faults = sandbox.faults
            rule = sandbox.choose_rule(exchange) if faults.rules else None
            if faults.stale and not exchange.writes:
                call.draft = sandbox.draft_for_read()
            if rule and (rule.fault or rule.delay):
                return partial(self._answer_with_fault, exchange, rule)
        return self._answer(exchange)

    def _answer(self, exchange: Exchange) -> Step | None:
        """Let the engine answer. Return the step that has to wait, or None. Raise Problem."""
        engine = self._compiled if exchange.contract is self._control else self._engine
        step = engine.answer(exchange)
        if step is not None:
            return partial(_without_connection, step)
        if exchange.later is not None or (
            exchange.response is not None and exchange.response.stream is not None
        ):
            return wait_for_nothing
        return None

    async def answer_later(self, exchange: Exchange, connection: Connection) -> None:
        """Wait for a handler's answer, unless the client closes the connection first."""
        assert exchange.later is not None
        control = exchange.contract is self._control  # where handlers wait for calls, perhaps in vain
        gone = connection.wait_until_gone if control else connection.wait_until_closed
        exchange.respond(await unless_gone(exchange.later(), gone()))

    async def _answer_with_fault(self, exchange: Exchange, rule: Rule, connection: Connection) -> None:
        async def answer() -> None:
            try:
                if step := self._answer(exchange):
                    await self.go_on(exchange, step, connection)
            except Problem as problem:
                exchange.refuse(problem)

        await (rule.fault or Fault()).apply(exchange, answer)
        assert exchange.response is not None
        delay, fault = rule.seconds_of_delay(exchange.call.random_bytes), rule.fault
        if self.guard is not None:
            delay, fault = self.guard.shortened(delay, fault, exchange.sandbox)
        exchange.response = replace(exchange.response, delay=delay, fault=fault)

    def fail(self, exchange: Exchange, error: BaseException) -> None:
        """Set the response for an exception: the vendor's refusal, or the mock's own error."""
        if isinstance(error, Problem):
            try:
                exchange.refuse(error)
                return
            except UNEXPECTED as broken:
                error = broken
        if isinstance(error, TooManyChanges) and self.guard is not None:
            error = self.guard.refusal_of_changes(error)
        exchange.changes = ()
        exchange.response = mock_error_of(error).response()

    def finish(self, exchange: Exchange, now: datetime, seconds: float) -> Response:
        """Record the exchange in the journal, and return its response."""
        response = exchange.response
        if response is None:
            self.fail(exchange, ContractBroken(f"{exchange.operation_id} was not answered"))
            response = exchange.response
        assert response is not None
        if exchange.contract is self._control:
            return self.control_access.guarded(exchange.raw, response)
        credential, journal = exchange.call.credential, exchange.sandbox.journal
        if credential.status != "accepted" and not credential.expired:
            journal = self._sandboxes.journals.strays
        exchange.entry = entry_of(exchange, response, journal.name, now, seconds)
        if self.turns is None:
            self.recorder.record(exchange.entry, journal)
        return with_cors(exchange.raw, response) if "origin" in exchange.raw.headers else response

    def count(self, exchange: Exchange, response: Response, seconds: float) -> None:
        vendor, operation = exchange.contract.vendor.name, exchange.operation
        self.metrics.count(vendor, operation.id if operation else "", response.status, seconds)
        refused = exchange.entry if exchange.problem is not None else None
        log_call(exchange.raw, response, vendor, seconds, refused)

    def close(self) -> None:
        """Stop the threads of slow handlers; the next call starts new ones. No call may be in progress."""
        self._compiled.close()
        self._engine.close()
        if self.pages is not None:
            self.pages.close()


async def _without_connection(step: Callable[[], Awaitable[None]], connection: Connection) -> None:
    """Run a step of an engine, which does not use the connection."""
    await step()
