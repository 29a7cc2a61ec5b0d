"""The ASGI front: which vendor, which sandbox, and is this request sane at all.

Whatever comes in, one answer goes out: the vendor's on a vendor's ground, plainly ours
elsewhere (`X-Mock-Error`). Nothing here knows a vendor by name.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import msgspec

from mockserver.access import admit_to_control
from mockserver.arrival import MOST_BODY, MOST_DOCUMENT, headers_of, host_name, segments_of, whole_body
from mockserver.contract import Contract, ContractBroken, Response, Visit
from mockserver.delivery import Line, Receive, Send, send_response, send_stream, spoiled, until_hung_up
from mockserver.faults import Fault
from mockserver.journal import Entry, readable, redacted, redacted_target
from mockserver.metrics import Metrics
from mockserver.operation import Operation
from mockserver.remarks import refusal, remarks
from mockserver.sandbox import Sandbox, Sandboxes, SandboxRefused
from mockserver.spec import Path, Spec
from mockserver.steering import NotOffered, steered
from mockserver.store import TooManyChanges
from mockserver.vendor import DEFAULT_SANDBOX, SANDBOX_NAME, Call, Credential, Problem, Request

BODY_DEADLINE = 10.0
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


@dataclass
class Trace:
    """How far a call has come."""

    operation: Operation | None = None
    visit: Visit | None = None
    problem: Problem | None = None
    body: bytes = b""


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
            _log(scope, response, who, seconds)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})

    async def _answer(
        self, scope: Mapping[str, Any], headers: dict[str, str], receive: Receive
    ) -> tuple[Response, str]:
        """The answer, and the name of the vendor that gave it."""
        who = "-"
        try:
            contract, host, raw_path = self._ground(scope, headers)
            who = contract.vendor.name
            return await self._visit(contract, host, raw_path, scope, headers, receive), who
        except OurRefusal as refusal:
            return refusal.response(), who
        except SandboxRefused as error:
            return OurRefusal(503, "too_many_sandboxes", str(error)).response(), who
        except TooManyChanges as error:
            return OurRefusal(507, "sandbox_full", str(error)).response(), who
        except Exception as error:
            reason = str(error) if isinstance(error, ContractBroken) else f"{type(error).__name__}: {error}"
            log.error("the mock failed: %s", reason)
            log.debug("the mock failed here", exc_info=error)
            return OurRefusal(500, "mock_failed", f"this is a mistake of the mock: {reason}").response(), who

    def _ground(
        self, scope: Mapping[str, Any], headers: Mapping[str, str]
    ) -> tuple[Contract, dict[str, str], str]:
        """Whose ground this is, with the variables of the host and the path below any prefix.

        The Host header decides, else the native path, else a prefix, else the vendor whose
        paths begin like this one.
        """
        raw_path = scope["raw_path"].decode("latin-1").partition("?")[0]
        name = host_name(headers.get("host", ""))
        for contract in self._contracts.values():
            if (host := contract.spec.host(name)) is not None:
                return contract, host, raw_path
        segments = segments_of(raw_path)
        if segments[0] == CONTROL_GROUND:
            return self._control, {}, raw_path
        for contract in self._contracts.values():
            if contract.spec.find(segments):
                return contract, contract.spec.default_host, raw_path
        if named := self._contracts.get(segments[0]):
            return named, named.spec.default_host, "/" + "/".join(raw_path.split("/")[2:])
        if near := self._nearest(segments):
            return near, near.spec.default_host, raw_path
        names = ", ".join(f"/{name}" for name in self._contracts)
        raise OurRefusal(
            404, "no_vendor", "no vendor has this path: use a vendor's own path or Host header, "
            f"or begin the path with one of {names}",
        )  # fmt: skip

    def _nearest(self, segments: tuple[str, ...]) -> Contract | None:
        """The vendor with the most leading segments in common; None if there are none or several."""
        shared = {c.vendor.name: _common(c.spec, segments) for c in self._contracts.values()}
        most = max(shared.values(), default=0)
        best = [name for name, count in shared.items() if count == most]
        return self._contracts[best[0]] if most and len(best) == 1 else None

    async def _visit(
        self, contract: Contract, host: dict[str, str], raw_path: str,
        scope: Mapping[str, Any], headers: dict[str, str], receive: Receive,
    ) -> Response:  # fmt: skip
        """The vendor's answer, from its first look at the path to its last word."""
        query = scope["query_string"].decode("latin-1")
        target = f"{raw_path}?{query}" if query else raw_path
        request = Request(
            scope["method"], target, segments_of(raw_path), query, headers, host,
            scheme=scope.get("scheme", "http"),
        )  # fmt: skip
        credential = contract.vendor.credential(request)
        sandbox = self._desk
        if contract is not self._control:
            sandbox = self._sandbox(headers.get(SANDBOX_HEADER) or credential.sandbox, credential)
        # As at a real gateway the count comes before any check: a 404 or an OPTIONS costs one too.
        # Who is not let in belongs to no app, so it costs nobody anything and is never a 429.
        quota = sandbox.spend(contract.vendor, request, credential)
        call = Call(request, credential, sandbox.stamp(), sandbox.draft(), contract.shelves, quota=quota)
        trace, started = Trace(), time.perf_counter()
        response = await self._respond(contract, call, sandbox, scope, receive, trace)
        if contract is not self._control:
            self._journal(contract, trace, response, sandbox, time.perf_counter() - started, call)
        return response

    async def _respond(
        self, contract: Contract, call: Call, sandbox: Sandbox,
        scope: Mapping[str, Any], receive: Receive, trace: Trace,
    ) -> Response:  # fmt: skip
        """Path, method, body, and then the contract; what is found out on the way is left in the trace."""
        request = call.request
        try:
            if call.quota.refused:
                raise Problem("rate_limited")
            if contract is self._control:
                admit_to_control(request, scope.get("client"), self._admin_token)
            if is_preflight(request) and not contract.spec.find(request.path):
                return Response(204, tuple(contract.vendor.stamps(call).items()), b"")
            path, values = _path(contract.spec, request)
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
            trace.visit = Visit(call, sandbox, operation, values, gone=lambda: until_hung_up(receive))
            return await steered(contract, trace.visit)
        except NotOffered as error:
            return OurRefusal(422, "not_offered", str(error)).response()
        except Problem as problem:
            trace.problem = problem
            return contract.refuse(problem, call)

    def _journal(
        self, contract: Contract, trace: Trace, response: Response, sandbox: Sandbox,
        seconds: float, call: Call,
    ) -> None:  # fmt: skip
        """Write down what came and what went."""
        request, operation, visit = call.request, trace.operation, trace.visit
        problem = trace.problem or (visit.problem if visit else None)
        reply = contract.spec.reply(operation, response.status)
        welcome = contract.vendor.grant(sandbox.credential)
        entry = Entry(
            serial=self._sandboxes.bell.rung + 1,
            sandbox=sandbox.name,
            time=sandbox.clock.now(),
            vendor=contract.vendor.name,
            operation=operation.id if operation else "",
            method=request.method,
            target=redacted_target(request.target),
            request_headers=redacted(request.headers.items()),
            request_body=readable(trace.body),
            status=response.status,
            response_headers=redacted(response.headers),
            response_body=readable(spoiled(response)),
            milliseconds=round((seconds + response.delay) * 1000, 3),
            fault=kind_of(response.fault) or ("delay" if response.delay else None),
            evidence=reply.evidence if reply else "",
            changes=visit.changes if visit else (),
            remarks=() if request.method == "OPTIONS" else tuple(islice(remarks(request, operation), 50)),
            refusal=refusal(problem, operation, welcome) if problem else None,
        )
        sandbox.journal.add(entry)
        self._sandboxes.bell.ring(entry)

    def _sandbox(self, name: str | None, credential: Credential) -> Sandbox:
        """The sandbox that is asked for; who is not let in is refused in the default one."""
        if name is not None and not SANDBOX_NAME.fullmatch(name):
            raise OurRefusal(
                400, "bad_sandbox_name",
                "a sandbox name has 1 to 64 letters, digits, dots, dashes and underscores",
            )  # fmt: skip
        accepted = credential.standing == "accepted"
        return self._sandboxes.named(name if name and accepted else DEFAULT_SANDBOX)


def is_preflight(request: Request) -> bool:
    """A browser asks first, and shows no answer, not even a 404, unless it is allowed to ask."""
    return request.method == "OPTIONS" and "access-control-request-method" in request.headers


def _path(spec: Spec, request: Request) -> tuple[Path, dict[str, str]]:
    found = spec.find(request.path)
    if found is None:
        raise Problem("no_such_path")
    return found


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


def kind_of(fault: Fault | None) -> str | None:
    """The name by which a fault is asked for."""
    return None if fault is None else str(msgspec.to_builtins(fault)["type"])


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        else:
            await send({"type": "lifespan.shutdown.complete"})
            return
