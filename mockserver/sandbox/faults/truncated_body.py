"""Fault `truncated_body`: the connection is closed in the middle of the body."""

from typing import Annotated, ClassVar

from msgspec import Meta

from mockserver.sandbox.faults.fault import Connection, Fault


class TruncatedBody(Fault, frozen=True, tag="truncated_body"):
    """Sends the full Content-Length but only `part` of the body, then closes the connection.

    At least one byte is missing, even if `part` is 1.
    """

    summary: ClassVar[str] = (
        "The connection is closed after `part` of the body is sent (default 0.5, never the whole body)."
    )
    part: Annotated[float, Meta(ge=0, le=1)] = 0.5

    async def send(self, body: bytes, connection: Connection) -> None:
        length = max(min(int(len(body) * self.part), len(body) - 1), 0)
        await connection.send_head()
        await connection.send_body(body[:length], more=True)
        connection.close()
