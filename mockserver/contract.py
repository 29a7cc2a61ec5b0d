"""A spec made executable: vendor and spec as one Connexion application.

Connexion loads and checks the spec, finds the operation, and holds the order of the checks:
security, parameters, body, handler. What each of them reads and says is ours, at its public
hooks. It sees a path whose variables are all `0`; request and answer travel beside, so nothing
that a client sends can trip it up.
"""

import asyncio
import logging
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from mockserver.faults import Fault, StaleReads
from mockserver.files import FileBroken
from mockserver.journal import Change
from mockserver.operation import Operation
from mockserver.sandbox import Sandbox
from mockserver.schema import first_difference, floats
from mockserver.spec import Spec
from mockserver.store import Shelf
from mockserver.vendor import Answer, Call, Problem, Vendor

with warnings.catch_warnings():
    # Connexion imports Starlette's test client, which has an opinion about httpx.
    warnings.simplefilter("ignore")
    from connexion import ConnexionMiddleware, FlaskApp
    from connexion.context import scope as connexion_scope
    from connexion.datastructures import MediaTypeDict
    from connexion.exceptions import InvalidSpecification
    from connexion.lifecycle import ConnexionResponse
    from connexion.middleware.swagger_ui import SwaggerUIMiddleware
    from connexion.resolver import Resolver

CARRIED = "mockserver.visit"
HANDS = 10  # how many handlers may run at once: as many as by default
DONE = ConnexionResponse(200, body="")
# Connexion logs what it refuses, in its own words; refusing is what a vendor does all day.
logging.getLogger("connexion").setLevel(logging.CRITICAL)
encode = msgspec.json.Encoder(decimal_format="number").encode


class ContractBroken(Exception):
    """The mock was about to send what its own spec does not foresee."""


@dataclass(frozen=True)
class Response:
    """What goes out: status, headers, bytes, and for a stream what comes after them.

    It goes after `delay` seconds, and as a fault has it. A call that a fault keeps from being
    answered has status 0.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    rest: AsyncIterator[bytes] | None = None
    delay: float = 0.0
    fault: Fault | None = None


@dataclass(frozen=True)
class Raw:
    """An answer that is not JSON: bytes, or pieces that come as they come."""

    content_type: str
    body: bytes = b""
    pieces: AsyncIterator[bytes] | None = None


@dataclass
class Visit:
    """One call on its way through Connexion."""

    call: Call
    sandbox: Sandbox
    operation: Operation
    path: Mapping[str, str]
    response: Response | None = None
    problem: Problem | None = None
    changes: tuple[Change, ...] = ()
    later: Callable[[], Awaitable[Any]] | None = None
    gone: Callable[[], Awaitable[None]] | None = None
    failure: Exception | None = None
    stale: StaleReads | None = None


class Contract:
    """One vendor, ready to answer."""

    def __init__(self, vendor: Vendor, spec: Spec, shelves: Mapping[str, Shelf]) -> None:
        self.vendor, self.spec, self.shelves = vendor, spec, shelves
        self.aliases: frozenset[str] = frozenset()
        if missing := spec.operations.keys() ^ vendor.operations.keys():
            raise FileBroken(f"{spec.file}: operations and handlers differ in {', '.join(sorted(missing))}")
        try:
            self._app = self._connexion()
        except InvalidSpecification as error:
            raise FileBroken(f"{spec.file}: {first_difference(error)}") from None
        except Exception as error:  # Connexion reads a spec with many an assumption
            raise FileBroken(f"{spec.file}: {type(error).__name__}: {error}") from None

    def host(self, name: str) -> dict[str, str] | None:
        """The server variables of a host name, the spec's or an alias; None if it is not the vendor's."""
        return self.spec.default_host if name in self.aliases else self.spec.host(name)

    async def answer(self, visit: Visit) -> Response:
        """The vendor's answer to a call of an operation."""
        await self._app(_scope(visit), _no_body, _nowhere)
        if visit.later is not None:
            visit.response = self._handled(await _unless_gone(visit), visit)
        if visit.response is None:
            raise visit.failure or ContractBroken(f"{visit.operation.id} gave no answer")
        return visit.response

    def refuse(self, problem: Problem, call: Call, allow: list[str] | None = None) -> Response:
        """The vendor's answer to what never reached an operation."""
        answer = self.vendor.render(problem, call)
        if allow:
            answer = replace(answer, headers=(*answer.headers, ("Allow", ", ".join(allow))))
        return self.response(answer, call, None)

    def response(self, answer: Answer, call: Call, operation: Operation | None) -> Response:
        """An answer as bytes. ContractBroken: the spec does not foresee it."""
        stamps = tuple(self.vendor.stamps(call).items())
        kind = () if answer.status == 204 else (("Content-Type", self.vendor.content_type),)
        headers = (*kind, *answer.headers, *stamps)
        names = {name.lower(): value for name, value in headers}
        if wrong := self.spec.difference(operation, answer.status, names, answer.body):
            raise ContractBroken(f"{self.vendor.name} {answer.status}: {wrong}")
        return Response(answer.status, headers, b"" if answer.status == 204 else encode(answer.body))

    def rest(self) -> None:
        """End the threads that handlers run in; the next call gets new ones. None may be under way."""
        front = self._app._middleware_app.asgi_app  # who drives Flask; Connexion has no other word for it
        tired, front.executor = front.executor, ThreadPoolExecutor(HANDS)
        tired.shutdown()

    def _connexion(self) -> FlaskApp:
        middlewares = [m for m in ConnexionMiddleware.default_middlewares if m is not SwaggerUIMiddleware]
        app = FlaskApp(f"mockserver.{self.vendor.name}", middlewares=middlewares)
        app.add_error_handler(Problem, self._refusal)
        app.add_error_handler(Exception, _failure)
        app.add_api(
            floats(self.spec.document),
            base_path="",
            resolver=Resolver(self._handler),
            security_map=dict.fromkeys(("basic", "bearer", "apiKey"), self._security()),
            validator_map={
                "parameter": ParameterReader,
                "body": MediaTypeDict({"*/*": BodyReader}),
            },
        )
        return app

    def _security(self) -> type:
        contract = self

        class Security:
            """Connexion's hook for a security scheme: the vendor's own check, whatever the scheme."""

            def get_fn(self, scheme: Any, scopes: Any) -> Callable[[Any], dict[str, Any]]:
                def check(request: Any) -> dict[str, Any]:
                    contract.vendor.authenticate(request.scope[CARRIED].call)
                    return {}

                return check

        return Security

    def _handler(self, operation_id: str) -> Callable[..., ConnexionResponse]:
        def run(**_: Any) -> ConnexionResponse:
            visit: Visit = _visit()
            handle = self.vendor.operations[operation_id]  # a vendor may be replaced by its like
            if visit.operation.body is None or not self.shelves:
                answer = handle(visit.call)  # nothing of a vendor's to change
                if callable(answer):
                    visit.later = answer
                else:
                    visit.response = self._handled(answer, visit)
            else:
                with visit.sandbox.transaction(visit.stale) as draft:
                    visit.response = self._handled(handle(replace(visit.call, draft=draft)), visit)
                visit.changes = tuple(
                    Change(*slot, before, draft.state.changed.get(slot))
                    for slot, before in draft.before.items()
                )
            return DONE

        return run

    def _handled(self, answer: Any, visit: Visit) -> Response:
        """What a handler gave, as a response: a body alone is a 200."""
        if isinstance(answer, Raw):
            headers = (("Content-Type", answer.content_type), ("Cache-Control", "no-store"))
            return Response(200, headers, answer.body, answer.pieces)
        answer = answer if isinstance(answer, Answer) else Answer(200, answer)
        return self.response(answer, visit.call, visit.operation)

    async def _refusal(self, request: Any, problem: Exception) -> ConnexionResponse:
        visit: Visit = request.scope[CARRIED]
        assert isinstance(problem, Problem)
        visit.problem = problem
        try:
            answer = self.vendor.render(problem, visit.call)
            visit.response = self.response(answer, visit.call, visit.operation)
        except Exception as failure:  # Connexion has no answer to an error handler that fails
            visit.failure = failure
        return DONE


class ParameterReader:
    """Connexion's hook for parameters."""

    def __init__(self, *args: Any, **kwargs: Any) -> None: ...

    def validate(self, scope: Any) -> None:
        visit: Visit = scope[CARRIED]
        values = visit.operation.read(visit.call.request, visit.path)
        visit.call = replace(visit.call, path=values["path"], query=values["query"], headers=values["header"])


class BodyReader:
    """Connexion's hook for the body."""

    def __init__(self, *args: Any, **kwargs: Any) -> None: ...

    async def wrap_receive(self, receive: Any, *, scope: Any) -> tuple[Any, Any]:
        visit: Visit = scope[CARRIED]
        visit.call = replace(visit.call, body=visit.operation.read_body(visit.call.request))
        return receive, scope


async def _unless_gone(visit: Visit) -> Any:
    """What comes later, unless the client goes first and nobody is left to wait for it."""
    assert visit.later is not None
    coming = asyncio.ensure_future(visit.later())
    going = asyncio.ensure_future(visit.gone()) if visit.gone else None
    await asyncio.wait({coming, going} if going else {coming}, return_when=asyncio.FIRST_COMPLETED)
    if going:
        going.cancel()
    if coming.done():
        return coming.result()
    coming.cancel()
    return Answer(204, None)


def _visit() -> Visit:
    visit: Visit = connexion_scope[CARRIED]
    return visit


def _scope(visit: Visit) -> dict[str, Any]:
    """An ASGI scope with nothing in it that came from the client."""
    path = "/".join("0" if part.startswith("{") else part for part in visit.operation.template.split("/"))
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": visit.operation.method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(b"host", b"mock"), (b"content-type", b"application/json")],
        "server": ("mock", 80),
        "client": ("127.0.0.1", 0),
        CARRIED: visit,
    }


async def _failure(request: Any, failure: Exception) -> ConnexionResponse:
    request.scope[CARRIED].failure = failure
    return DONE


async def _no_body() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _nowhere(message: Any) -> None:
    """Connexion's own answer is of no use: the visit holds the vendor's."""
