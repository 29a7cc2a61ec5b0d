"""Fault `no_answer`: no answer is sent."""

import asyncio
from contextlib import suppress
from typing import Annotated, ClassVar

from msgspec import Meta
from msgspec.structs import replace

from mockserver.sandbox.faults.fault import MAX_SECONDS, Connection, Exchange, Fault, LetVendorAnswer


class NoAnswer(Fault, frozen=True, tag="no_answer"):
    """Sends nothing, and closes the connection after `seconds`; the call is not carried out."""

    summary: ClassVar[str] = "No answer is sent; the connection is closed after `seconds`."
    seconds: Annotated[float, Meta(ge=0, le=MAX_SECONDS)] = MAX_SECONDS

    async def apply(self, exchange: Exchange, answer: LetVendorAnswer) -> None:
        exchange.drop()

    def held_for(self, most: float) -> "NoAnswer":
        return replace(self, seconds=min(self.seconds, most))

    async def send(self, body: bytes, connection: Connection) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self.seconds):
                await connection.wait_until_closed()
        connection.close()
