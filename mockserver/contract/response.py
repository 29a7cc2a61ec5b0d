"""Responses: status, headers and bytes, ready to be sent."""

from collections.abc import AsyncIterator

import msgspec

from mockserver.sandbox.faults.fault import Fault


class ContractBroken(Exception):
    """Raised if the mock would have to send a response that its own spec does not declare."""


class Response(msgspec.Struct, frozen=True, gc=False):
    """A response. If its body is not complete yet, `stream` yields the body piece by piece.

    The response is sent after `delay` seconds. `fault` may change how it is sent, for instance slowly. Status
    0 means that nothing is sent.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    stream: AsyncIterator[bytes] | None = None
    delay: float = 0.0
    fault: Fault | None = None
