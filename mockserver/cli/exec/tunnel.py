"""The relay: two connections joined, so that each end sees what the other one does."""

import asyncio
import os
import socket
import struct
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

IDLE = 600.0
PIECE = 64 * 1024


@dataclass(frozen=True)
class Endpoint:
    """One of two ends, as streams."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def pour_into(self, other: "Endpoint", patience: asyncio.Timeout) -> None:
        """Everything that comes, to the end, and then the end itself."""
        while piece := await self.reader.read(PIECE):
            patience.reschedule(asyncio.get_running_loop().time() + IDLE)
            other.writer.write(piece)
            await other.writer.drain()
        if other.writer.can_write_eof():
            other.writer.write_eof()

    def reset(self) -> None:
        """End as a broken connection ends; what was not sent yet is dropped."""
        if listened := self.writer.get_extra_info("socket"):
            with suppress(OSError), socket.socket(fileno=os.dup(listened.fileno())) as connection:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


async def join_endpoints(near: Endpoint, far: Endpoint, start: Coroutine[Any, Any, bytes]) -> None:
    """Let two ends talk until both are done; `start` is what the near one begins with.

    OSError: one of them broke off, or both were silent for too long.
    """

    async def there(patience: asyncio.Timeout) -> None:
        far.writer.write(await start)
        await near.pour_into(far, patience)

    try:
        async with asyncio.timeout(IDLE) as patience:
            await run_together(there(patience), far.pour_into(near, patience))
    finally:
        far.writer.close()


async def run_together(*flows: Coroutine[Any, Any, None], until: str = asyncio.FIRST_EXCEPTION) -> None:
    """Run flows side by side until all of them have ended, or one has failed, or as `until` says."""
    tasks = [asyncio.ensure_future(flow) for flow in flows]
    try:
        done, _ = await asyncio.wait(tasks, return_when=until)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
