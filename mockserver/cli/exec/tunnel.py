"""Tunnels: join two connections. Each side gets all bytes from the other side, then its end."""

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
        """Copy all incoming bytes to another endpoint, then end its stream.

        Each chunk postpones the timeout.
        """
        while chunk := await self.reader.read(CHUNK_BYTES):
            timeout.reschedule(asyncio.get_running_loop().time() + IDLE_TIMEOUT)
            other.writer.write(chunk)
            await other.writer.drain()
        if other.writer.can_write_eof():
            other.writer.write_eof()

    def reset(self) -> None:
        """Close the connection with a TCP reset; unsent bytes are dropped."""
        if transport_socket := self.writer.get_extra_info("socket"):
            with suppress(OSError), socket.socket(fileno=os.dup(transport_socket.fileno())) as connection:
                # A linger time of zero makes close() send a reset and drop unsent bytes.
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


async def join_endpoints(client: Endpoint, server: Endpoint, start: Coroutine[Any, Any, bytes]) -> None:
    """Copy in both directions until both sides have ended.

    `start` returns the first bytes for the server. Raise OSError if a connection breaks, or if neither
    side sends anything for IDLE_TIMEOUT.
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

    `until` is the `return_when` of `asyncio.wait`. Raise the exception of a coroutine that has failed.
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
