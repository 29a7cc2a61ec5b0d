"""The client end of an in-memory connection for asyncio: a transport for any asyncio protocol."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from mockserver.embedding.interception.server_thread import ServerThread


class ProtocolReceiver:
    """Passes data from the server to the client's protocol, on the client's event loop."""

    def __init__(self, protocol: asyncio.Protocol, loop: asyncio.AbstractEventLoop) -> None:
        self._protocol, self._loop = protocol, loop
        self.lost = False

    def data_received(self, data: bytes) -> None:
        self._call_soon(self._protocol.data_received, data)

    def connection_lost(self, error: Exception | None) -> None:
        self._call_soon(self.lose, error)

    def lose(self, error: Exception | None) -> None:
        """Tell the protocol, once, that the connection is lost. Call it on the client's event loop."""
        if not self.lost:
            self.lost = True
            self._protocol.connection_lost(error)

    def _call_soon(self, function: Callable[..., None], *arguments: Any) -> None:
        with suppress(RuntimeError):  # the client's loop is closed, so the client has gone
            self._loop.call_soon_threadsafe(function, *arguments)


class MemoryTransport(asyncio.Transport):
    """The client end of an in-memory connection, for a protocol on the running event loop.

    It never pauses the server: responses are small, and can wait in memory.
    """

    def __init__(self, server_thread: ServerThread, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._receiver = ProtocolReceiver(protocol, self._loop)
        self._connection = server_thread.open(self._receiver)
        self._closing = False
        protocol.connection_made(self)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        with suppress(BrokenPipeError):  # connection_lost tells the protocol
            self._connection.send(bytes(data))

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self._connection.hang_up()
            self._loop.call_soon(self._receiver.lose, None)

    def abort(self) -> None:
        self.close()

    def is_closing(self) -> bool:
        return self._closing or self._receiver.lost

    def get_write_buffer_size(self) -> int:
        return 0
