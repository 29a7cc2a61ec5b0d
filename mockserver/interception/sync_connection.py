"""A line for blocking clients: as much of a socket as `http.client` and its like make use of."""

import io
from queue import Empty, SimpleQueue
from typing import Any

from mockserver.interception.server_thread import ServerThread


class ReceiveBuffer:
    """What has been heard and not yet been read."""

    def __init__(self) -> None:
        self._heard: SimpleQueue[bytes | Exception | None] = SimpleQueue()
        self.data_received = self.connection_lost = self._heard.put
        self._rest = b""
        self._over = False

    def read(self, most: int, timeout: float | None) -> bytes:
        """Up to so many bytes; none at the end. TimeoutError, ConnectionResetError."""
        if not self._rest and not self._over:
            try:
                heard = self._heard.get(timeout=timeout)
            except Empty:
                raise TimeoutError("timed out") from None
            if not isinstance(heard, bytes):
                self._over = True
                if heard is not None:
                    raise heard
            self._rest = heard or b""
        taken, self._rest = self._rest[:most], self._rest[most:]
        return taken


class MemorySocket:
    """A blocking connection. Like a socket it hangs up when it and its files are closed or forgotten."""

    def __init__(self, server_thread: ServerThread) -> None:
        self._buffer = ReceiveBuffer()
        self._connection = server_thread.open(self._buffer)
        self._timeout: float | None = None
        self._files = 0
        self._closed = False

    def settimeout(self, timeout: float | None) -> None:
        self._timeout = timeout

    def gettimeout(self) -> float | None:
        return self._timeout

    def sendall(self, data: Any) -> None:
        self._connection.send(data)

    def recv(self, most: int) -> bytes:
        return self._buffer.read(most, self._timeout)

    def recv_into(self, buffer: Any) -> int:
        data = self.recv(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def makefile(self, mode: str = "rb", buffering: int = -1) -> io.BufferedReader:
        self._files += 1
        return io.BufferedReader(_File(self))

    def setsockopt(self, *option: Any) -> None:
        """Nothing to set on a line in memory."""

    def shutdown(self, how: int) -> None:
        self._connection.hang_up()

    def close(self) -> None:
        self._closed = True
        if not self._files:
            self._connection.hang_up()

    def file_closed(self) -> None:
        self._files -= 1
        if self._closed:
            self.close()

    def __del__(self) -> None:
        if hasattr(self, "_connection"):  # not if the bridge was closed already
            self._connection.hang_up()


class _File(io.RawIOBase):
    """What `makefile` reads from."""

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
