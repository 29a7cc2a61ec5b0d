"""Exchanges that have to wait for something, and the steps with which they go on.

At an endpoint that issues tokens, the body names the sandbox. If the body is still to come, such a call
begins in no sandbox: nothing is counted. It enters its sandbox as soon as the body has been read. So the
answers do not depend on how the bytes arrive.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from functools import partial
from typing import Any, Protocol

import msgspec
from msgspec.structs import replace

from mockserver.contract.exchange import Exchange
from mockserver.contract.response import Response
from mockserver.data.store.state import Draft
from mockserver.sandbox.journal.entry import KeptEntry
from mockserver.sandbox.registry import Sandboxes
from mockserver.server.access.quotas.guard import DemoGuard
from mockserver.server.access.quotas.refusal import QuotaExceeded, refuse
from mockserver.server.http.asgi import Connection, Kept, KeptResponse
from mockserver.server.router import Route
from mockserver.vendor_api.call import Call
from mockserver.vendor_api.credential import DEFAULT_SANDBOX, Credential
from mockserver.vendor_api.problem import Problem
from mockserver.vendor_api.raw_request import RawRequest

Step = Callable[[Connection], Awaitable[None]]


class Pending(msgspec.Struct):
    """An unfinished exchange, and the async step that it has to wait for."""

    exchange: Exchange
    step: Step


class PendingTurn(msgspec.Struct):
    """A request that becomes an exchange in a turn of a log (see `turns`).

    `opened` is True once the call has been opened: the quotas of a demo count it once. `place` is its place
    among the calls that wait for something.
    """

    raw: RawRequest
    route: Route
    started: float
    opened: bool = False
    place: ExitStack | None = None


class TurnRunner(Protocol):
    """Runs the turns of a server whose sandboxes are kept in a log. While it runs, the log is open.

    `workers` is the number of processes that serve, and `found` that of the sandboxes which the store had
    before: None until that is known.
    """

    workers: int
    found: int | None

    @property
    def store(self) -> Mapping[str, Any]:
        """Where the sandboxes are kept, and how many were found there at the start."""

    @property
    def generation(self) -> str:
        """The text that stands for what the store has kept: another one after it has lost that."""

    async def __aenter__(self) -> None: ...
    async def __aexit__(self, *_: object) -> None: ...
    async def remove_expired(self) -> None:
        """Remove what has expired from the store."""

    async def know(self, raw: RawRequest) -> None:
        """Learn from other servers what the sender of a request may use. Raise MockError."""

    def keep(self, entry: KeptEntry) -> Kept:
        """Put the entry of a request that has no exchange into the log. The turn counts once it is there."""

    def start(self, raw: RawRequest, route: Route, started: float) -> KeptResponse | PendingTurn:
        """Run the turn of a call now, or return it if it has to wait."""

    async def answer(self, begun: PendingTurn | KeptResponse, connection: Connection) -> None:
        """Send the response of a turn: run it, unless it has been run and counts."""

    async def respond(self, turn: PendingTurn) -> tuple[Response, KeptEntry | None]:
        """Run the turn of a call of this process. Return its response, and its entry if it has one."""


def take_place(guard: DemoGuard | None, exchange: Exchange, step: Step, stack: ExitStack) -> Step:
    """Return the step that a call waits for, or its refusal if too many calls of a demo wait.

    The call has its place until `stack` closes.
    """
    if guard is not None:
        try:
            stack.enter_context(guard.place_for(exchange))
        except QuotaExceeded as error:
            return partial(refuse, exchange, error)
    return step


async def wait_for_nothing(connection: Connection) -> None:
    """Do nothing. A streamed response is ready, but only a task can send it, so it needs a step."""


def before_body(route: Route, raw: RawRequest, sandboxes: Sandboxes, started: float) -> Exchange:
    """Return the exchange of a call whose body has not been read. A refusal of it changes no sandbox."""
    sandbox, contract = sandboxes.get(DEFAULT_SANDBOX), route.contract
    draft = Draft(sandbox.catalog, sandbox.state)
    now = sandbox.clock.now()
    call = Call(route.request(raw), Credential(None), _no_chance, draft, contract.base_records, now=now)
    return Exchange(raw, contract, sandbox, call, route.operation, route.path, route.values, now, started)


def with_body(exchange: Exchange, body: bytes) -> tuple[Route, RawRequest]:
    """Return the route of a call and its request, with the body that has been read."""
    request = exchange.request
    path = request.target.partition("?")[0]
    route = Route(
        exchange.contract, request.host_variables, path, exchange.path, exchange.path_values,
        exchange.operation,
    )  # fmt: skip
    return route, replace(exchange.raw, body=body)


def enter(exchange: Exchange, opened: Exchange) -> None:
    """Let a call go on in the sandbox in which it has now been opened. Raise Problem."""
    for field in ("raw", "contract", "operation", "path", "sandbox", "call", "time"):
        setattr(exchange, field, getattr(opened, field))
    if exchange.call.quota.refused:
        raise Problem("rate_limited")


def _no_chance(purpose: str) -> bytes:
    return bytes(32)
