"""The mock server in a thread with its own event loop, reached over in-memory connections.

An in-memory connection carries bytes, as a TCP connection does. So the same code runs as with a real
socket: the server parses the requests, and the client's library parses the responses.
"""

import asyncio
import errno
import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

from mockserver.server import server
from mockserver.server.http import protocol

MAX_READ_BYTES = 64 * 1024  # as much as the server would read from a socket at once
_SOCKET_CLASS_LOCK = threading.Lock()
LOOPBACK_PEER = {"peername": ("127.0.0.1", 0)}  # a client in this process counts as local


class Receiver(Protocol):
    """The client's end of a connection. Its methods are called in the server's thread."""

    def data_received(self, data: bytes, /) -> None: ...

    def connection_lost(self, error: Exception | None, /) -> None: ...


class MemoryConnection(asyncio.Transport):
    """One in-memory connection.

    The server uses it as its transport. The client uses `send` and `hang_up`, from any thread.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, server_protocol: protocol.Protocol, receiver: Receiver
    ) -> None:
        super().__init__(LOOPBACK_PEER)
        self._loop, self._server_protocol, self._receiver = loop, server_protocol, receiver
        self._closing = False

    def send(self, data: bytes) -> None:
        """Send bytes to the server. Raise BrokenPipeError if the server has closed the connection."""
        if self._closing:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
        self._call_soon(self._deliver, bytes(data))

    def hang_up(self) -> None:
        """Close the connection from the client's side."""
        self._call_soon(self.close)

    def _call_soon(self, function: Callable[..., None], *arguments: Any) -> None:
        with suppress(RuntimeError):  # the loop is closed, and every connection with it
            self._loop.call_soon_threadsafe(function, *arguments)

    def _deliver(self, data: bytes) -> None:
        for start in range(0, len(data), MAX_READ_BYTES):
            if not self._closing:
                self._server_protocol.data_received(data[start : start + MAX_READ_BYTES])

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
        """Do nothing: the server limits the size of requests, so memory stays bounded anyway."""

    def resume_reading(self) -> None: ...

    def _end(self, error: Exception | None) -> None:
        if not self._closing:
            self._closing = True
            self._receiver.connection_lost(error)
            self._loop.call_soon(self._server_protocol.connection_lost, None)


class ServerThread:
    """Serves an ASGI application to clients in this process until it is closed.

    Call `hang_up` first, then `close`.
    """

    def __init__(self, application: Any) -> None:
        self._server = server.MemoryServer(_QuietApp(application))
        self._loop = _new_event_loop()
        self._lock, self._refusing = threading.Lock(), False
        self._process = os.getpid()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="mockserver interception", daemon=True
        )
        self._thread.start()

    def open(self, receiver: Receiver) -> MemoryConnection:
        """Open a connection to the server, from any thread.

        Raise ConnectionRefusedError after `hang_up`. Raise RuntimeError in a forked process, because
        a fork does not copy the server thread.
        """
        if os.getpid() != self._process:
            raise RuntimeError(
                "this process is a fork, and the intercept() of its parent does not work in a fork; "
                "nothing was sent: enter intercept() again in this process"
            )
        server_protocol = self._server.connection(self._loop)
        connection = MemoryConnection(self._loop, server_protocol, receiver)
        with self._lock:
            if self._refusing:
                raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
            self._loop.call_soon_threadsafe(server_protocol.connection_made, connection)
        return connection

    def hang_up(self) -> None:
        """Refuse new connections, close the open ones, and cancel every request in progress."""
        with self._lock:
            self._refusing = True
        asyncio.run_coroutine_threadsafe(self._hang_up(), self._loop).result()

    async def _hang_up(self) -> None:
        for server_protocol in tuple(self._server.connections):
            server_protocol.transport.close()
        # Let each connection_lost run before the requests are cancelled. Then a cancelled request has no
        # client, and sends no answer.
        await asyncio.sleep(0)
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._loop.shutdown_asyncgens()

    def close(self) -> None:
        """Stop the event loop, and wait for its thread to end."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def _new_event_loop() -> asyncio.AbstractEventLoop:
    """Return an event loop, even if a tool has replaced `socket.socket` to forbid sockets.

    pytest-socket does so. But a loop needs a pair of connected sockets of its own, which reaches nobody.
    """
    with _SOCKET_CLASS_LOCK:
        replaced = socket.socket
        real: Any = next(kind for kind in replaced.__mro__ if kind.__module__ == "socket")
        socket.socket = real  # type: ignore[misc]
        try:
            return asyncio.new_event_loop()
        finally:
            socket.socket = replaced  # type: ignore[misc]


class _QuietApp:
    """Wraps an application so that uvicorn does not log an error for a request cancelled by `hang_up`."""

    def __init__(self, application: Any) -> None:
        self._application, self.start = application, getattr(application, "start", None)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        with suppress(asyncio.CancelledError):
            await self._application(scope, receive, send)
