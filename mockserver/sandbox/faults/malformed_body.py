"""Fault `malformed_body`: a complete answer that is not JSON."""

from typing import ClassVar

from mockserver.sandbox.faults.fault import Fault


class MalformedBody(Fault, frozen=True, tag="malformed_body"):
    """Sends the first half of the body and a NUL byte, with a matching Content-Length."""

    summary: ClassVar[str] = "The answer is complete, but its body is not valid JSON."

    def spoil(self, body: bytes) -> bytes:
        return body[: len(body) // 2] + b"\x00"
