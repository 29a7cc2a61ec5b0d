"""Tunnels: two connections joined, so that each side sees everything that the other side does."""

import asyncio
import os
import socket
import struct
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

IDLE_TIMEOUT = 600.0  # seconds
CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True)
class Endpoint:
    """One connection, as a pair of streams."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def copy_to(self, other: "Endpoint", timeout: asyncio.Timeout) -> None:
        """Copy everything that comes in to another endpoint, and then the end of the stream.

        Each chunk postpones the timeout.
        """
        while chunk := await self.reader.read(CHUNK_BYTES):
            timeout.reschedule(asyncio.get_running_loop().time() + IDLE_TIMEOUT)
            other.writer.write(chunk)
            await other.writer.drain()
        if other.writer.can_write_eof():
            other.writer.write_eof()

    def reset(self) -> None:
        """Close with a TCP reset; what has not been sent yet is dropped."""
        if transport_socket := self.writer.get_extra_info("socket"):
            with suppress(OSError), socket.socket(fileno=os.dup(transport_socket.fileno())) as connection:
                # A linger time of zero makes close() send a reset and drop what is unsent.
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


async def join_endpoints(client: Endpoint, server: Endpoint, start: Coroutine[Any, Any, bytes]) -> None:
    """Copy in both directions until both sides have ended.

    `start` gives the first bytes that go to the server. Raise OSError if a side breaks off, or if
    nothing has come from either side for IDLE_TIMEOUT.
    """

    async def to_server(timeout: asyncio.Timeout) -> None:
        server.writer.write(await start)
        await client.copy_to(server, timeout)

    try:
        async with asyncio.timeout(IDLE_TIMEOUT) as timeout:
            await run_together(to_server(timeout), server.copy_to(client, timeout))
    finally:
        server.writer.close()


async def run_together(*coroutines: Coroutine[Any, Any, None], until: str = asyncio.FIRST_EXCEPTION) -> None:
    """Run coroutines side by side until all have ended or one has failed, then cancel the rest.

    `until` is as in `asyncio.wait`. Raise the exception of a coroutine that has failed.
    """
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        done, _ = await asyncio.wait(tasks, return_when=until)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
