"""Responses: status, headers and bytes."""

from collections.abc import AsyncIterator

import msgspec

from mockserver.sandbox.faults.kinds import Fault

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


class RawAnswer(msgspec.Struct, frozen=True):
    """An answer that is not JSON: bytes, or pieces that come as they come."""

    content_type: str
    body: bytes = b""
    pieces: AsyncIterator[bytes] | None = None
