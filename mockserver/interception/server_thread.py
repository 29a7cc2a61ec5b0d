"""The bridge: our server on an event loop of its own, in a thread, reached over lines in memory.

A line carries bytes as a connection does, so a client says and hears what it would over the wire:
the same server reads its request, and the client itself reads the answer.
"""

import asyncio
import errno
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

from mockserver.server import server
from mockserver.server.http import protocol

PIECE = 64 * 1024  # as much as a read from a socket gives at once
PEER = {"peername": ("127.0.0.1", 0)}  # whoever is in this process is on this machine


class Receiver(Protocol):
    """A client's end of a line: what an asyncio protocol hears. It is called from the bridge's thread."""

    def data_received(self, data: bytes, /) -> None: ...

    def connection_lost(self, error: Exception | None, /) -> None: ...


class MemoryConnection(asyncio.Transport):
    """One connection in memory: a transport for the server, and for a client `send` and `hang_up`."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, connection: protocol.Protocol, receiver: Receiver
    ) -> None:
        super().__init__(PEER)
        self._loop, self._connection, self._receiver = loop, connection, receiver
        self._closing = False

    def send(self, data: bytes) -> None:
        """From the client, in any thread. BrokenPipeError: the server has hung up."""
        if self._closing:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
        self._call(self._arrive, bytes(data))

    def hang_up(self) -> None:
        """From the client, in any thread."""
        self._call(self.close)

    def _call(self, function: Callable[..., None], *arguments: Any) -> None:
        with suppress(RuntimeError):  # the bridge is closed, and with it every line
            self._loop.call_soon_threadsafe(function, *arguments)

    def _arrive(self, data: bytes) -> None:
        for start in range(0, len(data), PIECE):
            if not self._closing:
                self._connection.data_received(data[start : start + PIECE])

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._closing:
            self._receiver.data_received(bytes(data))

    def close(self) -> None:
        self._end(None)

    def abort(self) -> None:
        self._end(ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET)))

    def is_closing(self) -> bool:
        return self._closing

    def pause_reading(self) -> None:
        """A client in memory is not held up: the server bounds what it takes, and then hangs up."""

    def resume_reading(self) -> None: ...

    def _end(self, error: Exception | None) -> None:
        if not self._closing:
            self._closing = True
            self._receiver.connection_lost(error)
            self._loop.call_soon(self._connection.connection_lost, None)


class ServerThread:
    """An application behind our server, for the clients of this process. It runs until closed."""

    def __init__(self, application: Any) -> None:
        self._server = server.MemoryServer(_Quiet(application))
        self._loop = asyncio.new_event_loop()
        self._lock, self._over = threading.Lock(), False
        self._process = os.getpid()
        self._thread = threading.Thread(target=self._loop.run_forever, name="mockserver bridge", daemon=True)
        self._thread.start()

    def open(self, receiver: Receiver) -> MemoryConnection:
        """A new line to the server, from any thread. ConnectionRefusedError: the bridge is closed.

        RuntimeError: this is a fork of the process that has the thread.
        """
        if os.getpid() != self._process:
            raise RuntimeError("an interception answers only in the process that entered it, not in a fork")
        connection = self._server.connection(self._loop)
        line = MemoryConnection(self._loop, connection, receiver)
        with self._lock:
            if self._over:
                raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
            self._loop.call_soon_threadsafe(connection.connection_made, line)
        return line

    def hang_up(self) -> None:
        """Open no more lines, end every line there is, and whatever is under way on it."""
        with self._lock:
            self._over = True
        asyncio.run_coroutine_threadsafe(self._hang_up(), self._loop).result()

    async def _hang_up(self) -> None:
        for connection in tuple(self._server.connections):
            connection.transport.close()
        await asyncio.sleep(0)  # so that each hears it, and what it runs has nobody to answer
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._loop.shutdown_asyncgens()

    def close(self) -> None:
        """Stop the loop and its thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class _Quiet:
    """An application; that it is cancelled when the bridge hangs up is no failure to log."""

    def __init__(self, application: Any) -> None:
        self._application, self.answer_now = application, server.answer_now_of(application)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        with suppress(asyncio.CancelledError):
            await self._application(scope, receive, send)
