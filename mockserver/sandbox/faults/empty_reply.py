"""Fault `empty_reply`: the connection is closed without an answer."""

from typing import ClassVar

from mockserver.sandbox.faults.fault import Connection, Exchange, Fault, LetVendorAnswer


class EmptyReply(Fault, frozen=True, tag="empty_reply"):
    """The connection is closed before a byte is sent; the call is not carried out."""

    summary: ClassVar[str] = "The connection is closed before a byte is sent; the call is not carried out."

    async def apply(self, exchange: Exchange, answer: LetVendorAnswer) -> None:
        exchange.drop()

    async def send(self, body: bytes, connection: Connection) -> None:
        connection.close()
