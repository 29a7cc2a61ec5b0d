"""Fault `truncated_body`: the connection is closed in the middle of the body."""

from typing import Annotated, ClassVar

from msgspec import Meta

from mockserver.sandbox.faults.fault import Connection, Fault


class TruncatedBody(Fault, frozen=True, tag="truncated_body"):
    """Sends the full Content-Length but only `part` of the body, never all, and closes the connection."""

    summary: ClassVar[str] = "Only `part` of the body (default 0.5, never all), then a closed connection."
    part: Annotated[float, Meta(ge=0, le=1)] = 0.5

    async def send(self, body: bytes, connection: Connection) -> None:
        length = max(min(int(len(body) * self.part), len(body) - 1), 0)
        await connection.send_head()
        await connection.send_body(body[:length], more=True)
        connection.close()
