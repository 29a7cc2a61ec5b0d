"""A line for clients on an asyncio event loop: a transport for any asyncio protocol."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from mockserver.interception.server_thread import ServerThread


class ProtocolReceiver:
    """What the server says, brought to a protocol on its own event loop."""

    def __init__(self, protocol: asyncio.Protocol, loop: asyncio.AbstractEventLoop) -> None:
        self._protocol, self._loop = protocol, loop
        self.over = False

    def data_received(self, data: bytes) -> None:
        self._call(self._protocol.data_received, data)

    def connection_lost(self, error: Exception | None) -> None:
        self._call(self.lose, error)

    def lose(self, error: Exception | None) -> None:
        """On the protocol's loop: tell it, once, that the line is over."""
        if not self.over:
            self.over = True
            self._protocol.connection_lost(error)

    def _call(self, function: Callable[..., None], *arguments: Any) -> None:
        with suppress(RuntimeError):  # its loop is closed: nobody listens any more
            self._loop.call_soon_threadsafe(function, *arguments)


class MemoryTransport(asyncio.Transport):
    """The client's end of a line, for a protocol on the running loop.

    It does not hold the server up: answers are small, and wait in memory.
    """

    def __init__(self, server_thread: ServerThread, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._receiver = ProtocolReceiver(protocol, self._loop)
        self._connection = server_thread.open(self._receiver)
        self._closing = False
        protocol.connection_made(self)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        with suppress(BrokenPipeError):  # the protocol will hear of it
            self._connection.send(bytes(data))

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self._connection.hang_up()
            self._loop.call_soon(self._receiver.lose, None)

    def abort(self) -> None:
        self.close()

    def is_closing(self) -> bool:
        return self._closing or self._receiver.over

    def get_write_buffer_size(self) -> int:
        return 0
