"""The ASGI front: which vendor, which sandbox, and is this request sane at all.

Whatever comes in, one answer goes out: the vendor's on a vendor's ground, plainly ours
elsewhere (`X-Mock-Error`). Nothing here knows a vendor by name.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from msgspec.structs import replace

from mockserver.contract.contract import Contract
from mockserver.contract.exchange import Exchange
from mockserver.contract.explanation import refusal
from mockserver.contract.openapi.operation import Operation
from mockserver.contract.openapi.spec import Path
from mockserver.contract.response import ContractBroken, Response
from mockserver.sandbox.journal.entry import NO_VENDOR, Change, LazyEntry
from mockserver.sandbox.registry import Sandboxes
from mockserver.sandbox.sandbox import Sandbox
from mockserver.sandbox.world import SandboxRefused
from mockserver.server import recorder
from mockserver.server.access_log import log_request
from mockserver.server.admin_auth import admit_to_control
from mockserver.server.fault_injection import steered
from mockserver.server.http.asgi import DECLINED, Connection, Receive, Send, until_hung_up
from mockserver.server.http.body import MAX_BODY_BYTES, MAX_DOCUMENT_BYTES, whole_body
from mockserver.server.http.errors import MockError
from mockserver.server.http.raw_request import RawRequest, host_name, raw_request_of, segments_of
from mockserver.server.http.response_writer import send_response, send_stream
from mockserver.server.metrics import Metrics
from mockserver.server.prefer import NotOffered
from mockserver.server.recorder import EntrySource, weight_of
from mockserver.server.router import CONTROL_GROUND, NoVendor, Route, _common
from mockserver.store.state import TooManyChanges
from mockserver.vendor_api.call import Call
from mockserver.vendor_api.credential import DEFAULT_SANDBOX, SANDBOX_NAME, Credential
from mockserver.vendor_api.memo import memoized
from mockserver.vendor_api.problem import Problem
from mockserver.vendor_api.request import Headers, Request

BODY_TIMEOUT = 10.0
NOT_PLAIN = {"origin", "prefer"}  # headers that ask for more than an answer
NOBODY: Mapping[str, str] = {}  # whose answer no page of another origin may read
SANDBOX_HEADER = "x-mock-sandbox"
log = logging.getLogger("mockserver")


@dataclass(slots=True)
class Trace:
    """How far a request has come in a sandbox."""

    sandbox: Sandbox
    request: Request
    operation: Operation | None = None
    exchange: Exchange | None = None
    problem: Problem | None = None
    changes: tuple[Change, ...] = ()
    lane: str = ""


class Pipeline:
    """All vendors behind one ASGI application."""

    def __init__(
        self,
        contracts: Sequence[Contract],
        sandboxes: Sandboxes,
        control: Contract,
        metrics: Metrics,
        admin_token: str | None = None,
        body_timeout: float = BODY_TIMEOUT,
    ) -> None:
        self._control, self._metrics, self._admin_token = control, metrics, admin_token
        self._desk = sandboxes.prepare("control", sandboxes.seed, sandboxes.products)
        self._body_deadline = body_timeout
        self._contracts = {contract.vendor.name: contract for contract in contracts}
        self._sandboxes = sandboxes
        self._host = memoized(self._host_of)
        self._paths: dict[int, list[tuple[Contract, Path]]] = {}
        for contract in contracts:
            for path in contract.spec.paths:
                self._paths.setdefault(len(path.pattern), []).append((contract, path))

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            asked, connection = raw_request_of(scope), Connection(scope, receive, send)
            if DECLINED not in scope and (response := self.answer_now(asked)):
                return await send_response(response, NOBODY, connection)
            started = time.perf_counter()
            response, who = await self._answer(asked, connection)
            foreign = asked.headers if who != self._control.vendor.name else NOBODY
            sending = send_response(response, foreign, connection)
            await (sending if response.rest is None else send_stream(sending, connection))
            self._count(who, asked, response, time.perf_counter() - started)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})

    def answer_now(self, asked: RawRequest) -> Response | None:
        """The answer to a request that is plainly valid and plainly to be answered.

        None: as if it had not been asked; the application has to be.
        """
        started = time.perf_counter()
        try:
            ground = self._ground(asked)
            exchange = self._plain_visit(ground, asked)
            if exchange is None or not ground.contract.takes(exchange) or exchange.response is None:
                return None
        except Exception:  # whatever it is, the application finds it again, and knows how to say it
            return None
        response, seconds = exchange.response, time.perf_counter() - started
        try:
            self._journal(ground.contract, exchange, response, exchange.sandbox.count(), seconds)
            self._count(ground.contract.vendor.name, asked, response, seconds)
        except Exception as error:  # the call has been carried out, so its answer is the one to give
            log.error("the mock failed to write down a call: %s: %s", type(error).__name__, error)
        return response

    def _plain_visit(self, ground: Route, asked: RawRequest) -> Exchange | None:
        """A visit by somebody who is let in, to an operation, where nothing is to be done but to answer."""
        contract, headers = ground.contract, asked.headers
        if ground.found is None or contract is self._control or not NOT_PLAIN.isdisjoint(headers):
            return None
        path, values = ground.found
        operation = path.operations.get(asked.method)
        if operation is None or len(asked.body) > MAX_BODY_BYTES:
            return None
        request = ground.request(asked, asked.body if operation.body else b"")
        credential = contract.vendor.credential(request)
        if credential.status != "accepted":
            return None
        sandbox = self._sandbox(headers, credential)
        if sandbox.limits.enabled or sandbox.faults.rules or sandbox.faults.lag:
            return None
        call = Call(request, credential, sandbox.next_random_bytes(), sandbox.draft(), contract.base_records)
        return Exchange(call, sandbox, operation, values)

    def _count(self, who: str, asked: RawRequest, response: Response, seconds: float) -> None:
        self._metrics.count(who, response.status, seconds)
        if log.isEnabledFor(logging.INFO):
            log_request(asked, response, who, seconds)

    async def _answer(self, asked: RawRequest, connection: Connection) -> tuple[Response, str]:
        """The answer, and the name of the vendor that gave it."""
        who = NO_VENDOR
        try:
            ground = self._ground(asked)
            who = ground.contract.vendor.name
            return await self._visit(ground, asked, connection), who
        except NoVendor as error:
            return self._stray(error, asked), who
        except MockError as error:
            return error.response(), who
        except SandboxRefused as error:
            return MockError(503, "too_many_sandboxes", str(error)).response(), who
        except TooManyChanges as error:
            return MockError(507, "sandbox_full", str(error)).response(), who
        except Exception as error:
            reason = str(error) if isinstance(error, ContractBroken) else f"{type(error).__name__}: {error}"
            log.error("the mock failed: %s", reason)
            log.debug("the mock failed here", exc_info=error)
            return MockError(500, "mock_failed", f"this is a mistake of the mock: {reason}").response(), who

    def _ground(self, asked: RawRequest) -> Route:
        """Whose ground this is.

        The Host header decides, else the native path, else a prefix, else the vendor whose
        paths begin like this one.
        """
        segments = segments_of(asked.path)
        if host := self._host(asked.headers.get("host", "")):
            contract, variables = host
            return Route(contract, variables, asked.path, contract.spec.find(segments))
        if segments[0] == CONTROL_GROUND:
            return Route(self._control, {}, asked.path, self._control.spec.find(segments))
        for contract, path in self._paths.get(len(segments), ()):
            if (values := path.match(segments)) is not None:
                return Route(contract, contract.spec.default_host, asked.path, (path, values))
        if named := self._contracts.get(segments[0]):
            below, segments = "/" + "/".join(asked.path.split("/")[2:]), segments[1:] or ("",)
            return Route(named, named.spec.default_host, below, named.spec.find(segments))
        if near := self._nearest(segments):
            return Route(near, near.spec.default_host, asked.path, None)
        names = ", ".join(f"/{name}" for name in self._contracts)
        raise NoVendor(f"use a vendor's own path or Host header, or begin the path with one of {names}")

    def _host_of(self, host: str) -> tuple[Contract, dict[str, str]] | None:
        """The vendor that a Host header names, with the variables of its server; None: it names none."""
        name = host_name(host)
        for contract in self._contracts.values():
            if (variables := contract.host(name)) is not None:
                return contract, variables
        return None

    def _nearest(self, segments: tuple[str, ...]) -> Contract | None:
        """The vendor with the most leading segments in common; None if there are none or several."""
        shared = {c.vendor.name: _common(c.spec, segments) for c in self._contracts.values()}
        most = max(shared.values(), default=0)
        best = [name for name, count in shared.items() if count == most]
        return self._contracts[best[0]] if most and len(best) == 1 else None

    async def _visit(self, ground: Route, asked: RawRequest, connection: Connection) -> Response:
        """The vendor's answer, from its first look at the path to its last word."""
        contract = ground.contract
        request = ground.request(asked)
        credential = contract.vendor.credential(request)
        sandbox = self._desk
        if contract is not self._control:
            sandbox = self._sandbox(asked.headers, credential)
        # As at a real gateway the count comes before any check: a 404 or an OPTIONS costs one too.
        # Who is not let in belongs to no app, so it costs nobody anything and is never a 429.
        quota = sandbox.count_against_limits(contract.vendor, request, credential)
        call = Call(
            request, credential, sandbox.random_bytes(), sandbox.draft(), contract.base_records, quota=quota
        )
        trace, started = Trace(sandbox, request), time.perf_counter()
        response = await self._respond(ground, call, connection, trace)
        if contract is not self._control:
            seconds = time.perf_counter() - started
            if trace.exchange:
                trace.exchange.problem = trace.problem or trace.exchange.problem
            self._journal(contract, trace.exchange or trace, response, sandbox.clock.now(), seconds)
        return response

    async def _respond(self, ground: Route, call: Call, connection: Connection, trace: Trace) -> Response:
        """Path, method, body, and then the contract; what is found out on the way is left in the trace."""
        request, contract = call.request, ground.contract
        try:
            if call.quota.refused:
                raise Problem("rate_limited")
            if contract is self._control:
                admit_to_control(request, connection.scope.get("client"), self._admin_token)
            if ground.found is None:
                if is_preflight(request):
                    return Response(204, tuple(contract.vendor.common_headers(call).items()), b"")
                raise Problem("no_such_path")
            path, values = ground.found
            if request.method == "OPTIONS":
                return _options(path, contract, call)
            operation = path.operations.get("GET" if request.method == "HEAD" else request.method)
            if operation is None:
                trace.problem = Problem("method_not_allowed")
                return contract.refuse(trace.problem, call, path.methods)
            trace.operation = operation
            if operation.body:
                most = MAX_DOCUMENT_BYTES if contract is self._control else MAX_BODY_BYTES
                body = await whole_body(connection.receive, self._body_deadline, most)
                trace.request = replace(request, body=body)
                call = replace(call, request=trace.request)
            gone = partial(until_hung_up, connection.receive)
            trace.exchange = Exchange(call, trace.sandbox, operation, values, gone=gone)
            return await steered(contract, trace.exchange)
        except NotOffered as error:
            return MockError(422, "not_offered", str(error)).response()
        except Problem as problem:
            trace.problem = problem
            return contract.refuse(problem, call)

    def _journal(
        self, contract: Contract, trace: Trace | Exchange, response: Response, now: datetime, seconds: float
    ) -> None:
        """Write down what came and what went."""
        sandbox, request, problem, changes = trace.sandbox, trace.request, trace.problem, trace.changes
        welcome = contract.vendor.auth_headers
        account = EntrySource(
            serial=self._sandboxes.feed.published + 1,
            sandbox=sandbox.name,
            time=now,
            contract=contract,
            operation=trace.operation,
            request=request,
            response=response,
            refusal=refusal(problem, trace.operation, welcome(sandbox.credential)) if problem else None,
            changes=changes,
            lane=trace.lane or "gateway",
            seconds=seconds,
        )
        self._write_down(LazyEntry(weight_of(request, response, changes), account.entry), sandbox)

    def _stray(self, refusal: NoVendor, asked: RawRequest) -> Response:
        """The refusal of a call that no vendor owns, written down where its client will look."""
        request, response = recorder.request_of(asked), refusal.response()
        named, serial = asked.headers.get(SANDBOX_HEADER), self._sandboxes.feed.published + 1
        sandbox = recorder.sandbox_of(named, request, self._contracts.values(), self._sandboxes)
        note = recorder.note(serial, sandbox, request, response, refusal.mend)
        self._write_down(note, sandbox)
        return response

    def _write_down(self, note: LazyEntry, sandbox: Sandbox) -> None:
        sandbox.journal.add(note)
        self._sandboxes.feed.ring(note)

    def _sandbox(self, headers: Headers, credential: Credential) -> Sandbox:
        """The sandbox that is asked for; who is not let in is refused in the default one."""
        name = headers.get(SANDBOX_HEADER)
        if name and not SANDBOX_NAME.fullmatch(name):
            raise MockError(
                400, "bad_sandbox_name",
                "a sandbox name has 1 to 64 letters, digits, dots, dashes and underscores",
            )  # fmt: skip
        name = name or credential.sandbox
        accepted = credential.status == "accepted"
        return self._sandboxes.get_or_create(name if name and accepted else DEFAULT_SANDBOX)


def is_preflight(request: Request) -> bool:
    """A browser asks first, and shows no answer, not even a 404, unless it is allowed to ask."""
    return request.method == "OPTIONS" and "access-control-request-method" in request.headers


def _options(path: Path, contract: Contract, call: Call) -> Response:
    common_headers = tuple(contract.vendor.common_headers(call).items())
    return Response(204, (("Allow", ", ".join(path.methods)), *common_headers), b"")


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        else:
            await send({"type": "lifespan.shutdown.complete"})
            return
