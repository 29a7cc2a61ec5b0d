"""The client end of an in-memory connection for blocking code: the socket methods of `http.client`."""

import io
from queue import Empty, SimpleQueue
from typing import Any

from mockserver.embedding.interception.server_thread import ServerThread


class ReceiveBuffer:
    """The bytes that have arrived and have not been read yet."""

    def __init__(self) -> None:
        # Bytes are data; an exception or None ends the connection.
        self._events: SimpleQueue[bytes | Exception | None] = SimpleQueue()
        self.data_received = self.connection_lost = self._events.put
        self._unread = b""
        self._ended = False

    def read(self, max_bytes: int, timeout: float | None) -> bytes:
        """Return 1 to `max_bytes` bytes, or b"" at the end of the connection.

        Raise TimeoutError after `timeout` seconds, and ConnectionResetError if the server aborted.
        """
        if not self._unread and not self._ended:
            try:
                event = self._events.get(timeout=timeout)
            except Empty:
                raise TimeoutError("timed out") from None
            if not isinstance(event, bytes):
                self._ended = True
                if event is not None:
                    raise event
            self._unread = event or b""
        data, self._unread = self._unread[:max_bytes], self._unread[max_bytes:]
        return data


class MemorySocket:
    """A blocking in-memory connection.

    The connection is closed when this object and its files are closed or garbage-collected, as with a
    real socket.
    """

    def __init__(self, server_thread: ServerThread) -> None:
        self._buffer = ReceiveBuffer()
        self._connection = server_thread.open(self._buffer)
        self._timeout: float | None = None
        self._open_files = 0
        self._closed = False

    def settimeout(self, timeout: float | None) -> None:
        self._timeout = timeout

    def gettimeout(self) -> float | None:
        return self._timeout

    def sendall(self, data: Any) -> None:
        self._connection.send(data)

    def recv(self, max_bytes: int) -> bytes:
        return self._buffer.read(max_bytes, self._timeout)

    def recv_into(self, buffer: Any) -> int:
        data = self.recv(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def makefile(self, mode: str = "rb", buffering: int = -1) -> io.BufferedReader:
        self._open_files += 1
        return io.BufferedReader(_File(self))

    def setsockopt(self, *option: Any) -> None:
        """Do nothing: an in-memory connection has no options."""

    def shutdown(self, how: int) -> None:
        self._connection.hang_up()

    def close(self) -> None:
        self._closed = True
        if not self._open_files:
            self._connection.hang_up()

    def file_closed(self) -> None:
        """Close the connection if this was the last open file of a closed socket."""
        self._open_files -= 1
        if self._closed:
            self.close()

    def __del__(self) -> None:
        if hasattr(self, "_connection"):  # missing if the connection was refused
            self._connection.hang_up()


class _File(io.RawIOBase):
    """The raw stream below the file that `makefile` returns."""

    def __init__(self, socket: MemorySocket) -> None:
        self._socket: MemorySocket | None = socket

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        assert self._socket is not None
        return self._socket.recv_into(buffer)

    def close(self) -> None:
        socket, self._socket = self._socket, None
        super().close()
        if socket is not None:
            socket.file_closed()
