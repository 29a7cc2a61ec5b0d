"""The ASGI front: which vendor, which sandbox, and is this request sane at all.

Whatever comes in, one answer goes out: the vendor's on a vendor's ground, plainly ours
elsewhere (`X-Mock-Error`). Nothing here knows a vendor by name.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import msgspec
from msgspec.structs import replace

from mockserver import stray
from mockserver.access import admit_to_control
from mockserver.account import Account, kind_of
from mockserver.arrival import MOST_BODY, MOST_DOCUMENT, headers_of, host_name, segments_of, whole_body
from mockserver.contract import Contract
from mockserver.delivery import Line, Receive, Send, send_response, send_stream, until_hung_up
from mockserver.journal import NO_VENDOR, Note
from mockserver.metrics import Metrics
from mockserver.operation import Operation
from mockserver.remarks import refusal
from mockserver.sandbox import Sandbox, Sandboxes, SandboxRefused
from mockserver.spec import Path, Spec
from mockserver.steering import NotOffered, steered
from mockserver.store import TooManyChanges
from mockserver.vendor import DEFAULT_SANDBOX, SANDBOX_NAME, Call, Credential, Problem, Request
from mockserver.visit import ContractBroken, Response, Visit

BODY_DEADLINE = 10.0
MOST_HOSTS = 1024  # kept in mind
DECLINED = "mockserver.declined"  # in the scope of what could not be answered at once
NOT_PLAIN = {"origin", "prefer"}  # headers that ask for more than an answer
SANDBOX_HEADER = "x-mock-sandbox"
CONTROL_GROUND = "_mock"
log = logging.getLogger("mockserver")


class OurRefusal(Exception):
    """Something that no vendor would say: the mock itself refuses, and tells what to do."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message

    def response(self) -> Response:
        body = msgspec.json.encode({"error": self.code, "message": self.message})
        headers = (("Content-Type", "application/json"), ("X-Mock-Error", self.code))
        return Response(self.status, headers, body)


class NoVendor(OurRefusal):
    """No vendor has the path that was asked for; `mend` says what to ask for instead."""

    def __init__(self, mend: str) -> None:
        super().__init__(404, "no_vendor", f"{stray.REMARK}: {mend}")
        self.mend = mend


@dataclass(slots=True)
class Trace:
    """How far a call has come."""

    operation: Operation | None = None
    visit: Visit | None = None
    problem: Problem | None = None
    body: bytes = b""


class Whole(msgspec.Struct, frozen=True, gc=False):
    """An answer in one piece: its status, and the bytes of its own header lines and body."""

    status: int
    rest: bytes


class Ground(msgspec.Struct, frozen=True, gc=False):
    """Whose ground a request is on: host variables, the path below any prefix, where the spec has it."""

    contract: Contract
    host: Mapping[str, str]
    raw_path: str
    segments: tuple[str, ...]
    found: tuple[Path, dict[str, str]] | None


class Gateway:
    """All vendors behind one ASGI application."""

    def __init__(
        self,
        contracts: Sequence[Contract],
        sandboxes: Sandboxes,
        control: Contract,
        metrics: Metrics,
        admin_token: str | None = None,
        body_deadline: float = BODY_DEADLINE,
    ) -> None:
        self._control, self._metrics, self._admin_token = control, metrics, admin_token
        self._desk = sandboxes.draw_up("control", sandboxes.seed, sandboxes.products)
        self._body_deadline = body_deadline
        self._contracts = {contract.vendor.name: contract for contract in contracts}
        self._sandboxes = sandboxes
        self._host = lru_cache(MOST_HOSTS)(self._host_of)

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            started = time.perf_counter()
            headers = headers_of(scope)
            response, who = await self._answer(scope, headers, receive)
            foreign = headers if who != self._control.vendor.name else {}
            line = Line(scope, receive, send)
            sending = send_response(response, foreign, line)
            await (sending if response.rest is None else send_stream(sending, line))
            seconds = time.perf_counter() - started
            self._metrics.count(who, response.status, seconds)
            if log.isEnabledFor(logging.INFO):
                _log(scope, response, who, seconds)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})

    def at_once(self, scope: dict[str, Any], body: bytes) -> Whole | None:
        """The answer to a request that is all there, if it is plainly valid and plainly to be answered.

        None: as if it had not been asked; the application has to be.
        """
        started, headers = time.perf_counter(), headers_of(scope)
        try:
            ground = self._ground(scope, headers)
            visit = self._plain_visit(ground, scope, headers, body)
            if visit is None:
                return None
            if not ground.contract.takes(visit) or visit.response is None:
                scope[DECLINED] = True
                return None
        except Exception:  # whatever it is, the application finds it again, and knows how to say it
            return None
        visit.sandbox.count()
        trace = Trace(visit.operation, visit, body=body)
        response, sandbox, seconds = visit.response, visit.sandbox, time.perf_counter() - started
        self._journal(ground.contract, trace, response, sandbox, seconds, visit.call.request)
        who = ground.contract.vendor.name
        self._metrics.count(who, response.status, seconds)
        if log.isEnabledFor(logging.INFO):
            _log(scope, response, who, seconds)
        length = b"content-length: %d\r\n\r\n" % len(response.body)
        return Whole(response.status, b"".join((header_lines(response.headers), length, response.body)))

    def _plain_visit(
        self, ground: Ground, scope: Mapping[str, Any], headers: dict[str, str], body: bytes
    ) -> Visit | None:
        """A visit by somebody who is let in, to an operation, where nothing is to be done but to answer."""
        contract, method = ground.contract, scope["method"]
        if ground.found is None or contract is self._control or NOT_PLAIN & headers.keys():
            return None
        operation = ground.found[0].operations.get(method)
        if operation is None or len(body) > MOST_BODY:
            return None
        request = _request(ground, scope, headers, body if operation.body else b"")
        credential = contract.vendor.credential(request)
        if credential.standing != "accepted":
            return None
        sandbox = self._sandbox(headers.get(SANDBOX_HEADER) or credential.sandbox, credential)
        if sandbox.limits.enabled or sandbox.faults.rules or sandbox.faults.lag:
            return None
        call = Call(request, credential, sandbox.next_stamp(), sandbox.draft(), contract.shelves)
        return Visit(call, sandbox, operation, ground.found[1])

    async def _answer(
        self, scope: Mapping[str, Any], headers: dict[str, str], receive: Receive
    ) -> tuple[Response, str]:
        """The answer, and the name of the vendor that gave it."""
        who = NO_VENDOR
        try:
            ground = self._ground(scope, headers)
            who = ground.contract.vendor.name
            return await self._visit(ground, scope, headers, receive), who
        except NoVendor as error:
            return self._stray(error, scope, headers), who
        except OurRefusal as error:
            return error.response(), who
        except SandboxRefused as error:
            return OurRefusal(503, "too_many_sandboxes", str(error)).response(), who
        except TooManyChanges as error:
            return OurRefusal(507, "sandbox_full", str(error)).response(), who
        except Exception as error:
            reason = str(error) if isinstance(error, ContractBroken) else f"{type(error).__name__}: {error}"
            log.error("the mock failed: %s", reason)
            log.debug("the mock failed here", exc_info=error)
            return OurRefusal(500, "mock_failed", f"this is a mistake of the mock: {reason}").response(), who

    def _ground(self, scope: Mapping[str, Any], headers: Mapping[str, str]) -> Ground:
        """Whose ground this is.

        The Host header decides, else the native path, else a prefix, else the vendor whose
        paths begin like this one.
        """
        raw_path = scope["raw_path"].decode("latin-1").partition("?")[0]
        segments = segments_of(raw_path)
        if host := self._host(headers.get("host", "")):
            contract, variables = host
            return Ground(contract, variables, raw_path, segments, contract.spec.find(segments))
        if segments[0] == CONTROL_GROUND:
            return Ground(self._control, {}, raw_path, segments, self._control.spec.find(segments))
        for contract in self._contracts.values():
            if found := contract.spec.find(segments):
                return Ground(contract, contract.spec.default_host, raw_path, segments, found)
        if named := self._contracts.get(segments[0]):
            raw_path, segments = "/" + "/".join(raw_path.split("/")[2:]), segments[1:] or ("",)
            return Ground(named, named.spec.default_host, raw_path, segments, named.spec.find(segments))
        if near := self._nearest(segments):
            return Ground(near, near.spec.default_host, raw_path, segments, None)
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

    async def _visit(
        self, ground: Ground, scope: Mapping[str, Any], headers: dict[str, str], receive: Receive
    ) -> Response:
        """The vendor's answer, from its first look at the path to its last word."""
        contract = ground.contract
        request = _request(ground, scope, headers)
        credential = contract.vendor.credential(request)
        sandbox = self._desk
        if contract is not self._control:
            sandbox = self._sandbox(headers.get(SANDBOX_HEADER) or credential.sandbox, credential)
        # As at a real gateway the count comes before any check: a 404 or an OPTIONS costs one too.
        # Who is not let in belongs to no app, so it costs nobody anything and is never a 429.
        quota = sandbox.spend(contract.vendor, request, credential)
        call = Call(request, credential, sandbox.stamp(), sandbox.draft(), contract.shelves, quota=quota)
        trace, started = Trace(), time.perf_counter()
        response = await self._respond(ground, call, sandbox, scope, receive, trace)
        if contract is not self._control:
            self._journal(contract, trace, response, sandbox, time.perf_counter() - started, request)
        return response

    async def _respond(
        self, ground: Ground, call: Call, sandbox: Sandbox,
        scope: Mapping[str, Any], receive: Receive, trace: Trace,
    ) -> Response:  # fmt: skip
        """Path, method, body, and then the contract; what is found out on the way is left in the trace."""
        request, contract = call.request, ground.contract
        try:
            if call.quota.refused:
                raise Problem("rate_limited")
            if contract is self._control:
                admit_to_control(request, scope.get("client"), self._admin_token)
            if ground.found is None:
                if is_preflight(request):
                    return Response(204, tuple(contract.vendor.stamps(call).items()), b"")
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
                most = MOST_DOCUMENT if contract is self._control else MOST_BODY
                trace.body = await whole_body(receive, self._body_deadline, most)
                call = replace(call, request=replace(request, body=trace.body))
            trace.visit = Visit(call, sandbox, operation, values, gone=partial(until_hung_up, receive))
            trace.visit.declined = DECLINED in scope
            return await steered(contract, trace.visit)
        except NotOffered as error:
            return OurRefusal(422, "not_offered", str(error)).response()
        except Problem as problem:
            trace.problem = problem
            return contract.refuse(problem, call)

    def _journal(
        self, contract: Contract, trace: Trace, response: Response, sandbox: Sandbox,
        seconds: float, request: Request,
    ) -> None:  # fmt: skip
        """Write down what came and what went."""
        visit, welcome = trace.visit, contract.vendor.grant
        problem = trace.problem or (visit.problem if visit else None)
        account = Account(
            serial=self._sandboxes.bell.rung + 1,
            sandbox=sandbox.name,
            time=sandbox.clock.now(),
            contract=contract,
            operation=trace.operation,
            request=replace(request, body=trace.body) if trace.body else request,
            response=response,
            refusal=refusal(problem, trace.operation, welcome(sandbox.credential)) if problem else None,
            changes=visit.changes if visit else (),
            lane=(visit.lane if visit else "") or "gateway",
            seconds=seconds,
        )
        self._write_down(account.note(), sandbox)

    def _stray(self, refusal: NoVendor, scope: Mapping[str, Any], headers: Mapping[str, str]) -> Response:
        """The refusal of a call that no vendor owns, written down where its client will look."""
        request, response = stray.request_of(scope, headers), refusal.response()
        named, serial = headers.get(SANDBOX_HEADER), self._sandboxes.bell.rung + 1
        sandbox = stray.sandbox_of(named, request, self._contracts.values(), self._sandboxes)
        note = stray.note(serial, sandbox, request, response, refusal.mend)
        self._write_down(note, sandbox)
        return response

    def _write_down(self, note: Note, sandbox: Sandbox) -> None:
        sandbox.journal.add(note)
        self._sandboxes.bell.ring(note)

    def _sandbox(self, name: str | None, credential: Credential) -> Sandbox:
        """The sandbox that is asked for; who is not let in is refused in the default one."""
        if name is not None and not SANDBOX_NAME.fullmatch(name):
            raise OurRefusal(
                400, "bad_sandbox_name",
                "a sandbox name has 1 to 64 letters, digits, dots, dashes and underscores",
            )  # fmt: skip
        accepted = credential.standing == "accepted"
        return self._sandboxes.named(name if name and accepted else DEFAULT_SANDBOX)


def _request(ground: Ground, scope: Mapping[str, Any], headers: dict[str, str], body: bytes = b"") -> Request:
    query = scope["query_string"].decode("latin-1")
    target = f"{ground.raw_path}?{query}" if query else ground.raw_path
    scheme = scope.get("scheme", "http")
    return Request(scope["method"], target, ground.segments, query, headers, ground.host, body, scheme)


@lru_cache(256)
def header_lines(headers: tuple[tuple[str, str], ...]) -> bytes:
    return b"".join(b"%s: %s\r\n" % (n.lower().encode(), v.encode("latin-1")) for n, v in headers)


def is_preflight(request: Request) -> bool:
    """A browser asks first, and shows no answer, not even a 404, unless it is allowed to ask."""
    return request.method == "OPTIONS" and "access-control-request-method" in request.headers


def _options(path: Path, contract: Contract, call: Call) -> Response:
    stamps = tuple(contract.vendor.stamps(call).items())
    return Response(204, (("Allow", ", ".join(path.methods)), *stamps), b"")


def _common(spec: Spec, segments: tuple[str, ...]) -> int:
    return max(path.common(segments) for path in spec.paths)


def _log(scope: Mapping[str, Any], response: Response, who: str, seconds: float) -> None:
    """One line for a request; the target is as sent, so it holds no control characters."""
    target = scope["raw_path"].decode("latin-1")
    if scope["query_string"]:
        target += "?" + scope["query_string"].decode("latin-1")
    method, milliseconds = scope["method"], round(seconds * 1000, 1)
    fault = kind_of(response.fault)
    fields = {"vendor": who, "status": response.status, "method": method, "target": target,
              "milliseconds": milliseconds, "fault": fault}  # fmt: skip
    words = "%-11s %3d %-6s %s  %.1f ms%s"
    tail = f"  fault: {fault}" if fault else ""
    log.info(words, who, response.status, method, target, milliseconds, tail, extra={"fields": fields})


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        else:
            await send({"type": "lifespan.shutdown.complete"})
            return
