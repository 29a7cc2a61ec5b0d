"""Fault `reset`: the connection is reset without an answer."""

from typing import ClassVar

from mockserver.sandbox.faults.fault import Connection, Exchange, Fault, LetVendorAnswer


class Reset(Fault, frozen=True, tag="reset"):
    """The connection is reset (TCP RST) before a byte is sent; the call is not carried out."""

    summary: ClassVar[str] = (
        "The connection is reset (TCP RST) before a byte is sent; the call is not carried out."
    )

    async def apply(self, exchange: Exchange, answer: LetVendorAnswer) -> None:
        exchange.drop()

    async def send(self, body: bytes, connection: Connection) -> None:
        connection.close(reset=True)
