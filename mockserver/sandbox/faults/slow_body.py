"""Fault `slow_body`: the head is sent at once, the body slowly."""

import asyncio
from typing import Annotated, ClassVar

from msgspec import Meta
from msgspec.structs import replace

from mockserver.sandbox.faults.fault import MAX_SECONDS, Connection, Fault


class SlowBody(Fault, frozen=True, tag="slow_body"):
    """Sends the head at once, then the body in `chunks` equal pieces over `seconds`."""

    summary: ClassVar[str] = (
        "The head is sent at once, then the body in `chunks` pieces (default 10) over `seconds`."
    )
    seconds: Annotated[float, Meta(ge=0, le=MAX_SECONDS)]
    chunks: Annotated[int, Meta(ge=1, le=1000)] = 10

    def held_for(self, most: float) -> "SlowBody":
        return replace(self, seconds=min(self.seconds, most))

    async def send(self, body: bytes, connection: Connection) -> None:
        await connection.send_head()
        size = max(-(-len(body) // self.chunks), 1)
        pieces = [body[start : start + size] for start in range(0, len(body), size)] or [b""]
        for number, piece in enumerate(pieces, 1):
            await asyncio.sleep(self.seconds / len(pieces))
            await connection.send_body(piece, more=number < len(pieces))
