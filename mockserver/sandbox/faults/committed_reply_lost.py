"""Fault `committed_reply_lost`: a write is carried out, but its answer never arrives."""

from typing import ClassVar

from mockserver.sandbox.faults.fault import Connection, Fault


class CommittedReplyLost(Fault, frozen=True, tag="committed_reply_lost"):
    """A write is carried out, but the connection is closed before its answer is sent."""

    summary: ClassVar[str] = "A write is carried out, but the connection is closed before its answer is sent."

    def fits(self, writes: bool) -> bool:
        return writes

    async def send(self, body: bytes, connection: Connection) -> None:
        connection.close()
