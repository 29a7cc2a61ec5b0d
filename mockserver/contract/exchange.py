"""A visit: one call on its way to an operation's handler, and the response that it takes back."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from mockserver.contract.openapi.operation import Operation
from mockserver.contract.response import Response
from mockserver.sandbox.faults.kinds import StaleReads
from mockserver.sandbox.journal.entry import Change
from mockserver.sandbox.sandbox import Sandbox
from mockserver.vendor_api.call import Call
from mockserver.vendor_api.problem import Problem
from mockserver.vendor_api.request import Request


class Exchange(msgspec.Struct):
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
