"""A visit: one call on its way to an operation's handler, and the response that it takes back."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import msgspec

from mockserver.faults import Fault, StaleReads
from mockserver.journal import Change
from mockserver.operation import Operation
from mockserver.sandbox import Sandbox
from mockserver.vendor import Call, Problem, Request

encode = msgspec.json.Encoder(decimal_format="number").encode


class ContractBroken(Exception):
    """The mock was about to send what its own spec does not foresee."""


class Response(msgspec.Struct, frozen=True, gc=False):
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


class Raw(msgspec.Struct, frozen=True):
    """An answer that is not JSON: bytes, or pieces that come as they come."""

    content_type: str
    body: bytes = b""
    pieces: AsyncIterator[bytes] | None = None


class Visit(msgspec.Struct):
    """One call of an operation, and what became of it."""

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
    lane: str = ""

    @property
    def request(self) -> Request:
        return self.call.request
