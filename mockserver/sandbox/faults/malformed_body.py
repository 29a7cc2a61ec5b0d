"""Fault `malformed_body`: a complete answer that is not JSON."""

from typing import ClassVar

from mockserver.sandbox.faults.fault import Fault


class MalformedBody(Fault, frozen=True, tag="malformed_body"):
    """Sends the first half of the body and a NUL, which is never valid JSON, with a matching length."""

    summary: ClassVar[str] = "A complete answer whose body is not JSON."

    def spoil(self, body: bytes) -> bytes:
        return body[: len(body) // 2] + b"\x00"
