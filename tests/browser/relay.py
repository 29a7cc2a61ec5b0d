"""A relay between a browser and a server, which can cut the event streams that go through it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit


class Relay:
    """Passes bytes on between the connections of a browser and those to a server."""

    def __init__(self, listener: socket.socket, server: tuple[str, int]) -> None:
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self._listener, self._server = listener, server
        self._streams: list[socket.socket] = []

    def run(self) -> None:
        with suppress(OSError):  # the listener is closed
            while True:
                near = self._listener.accept()[0]
                far = socket.create_connection(self._server)
                for ends in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=ends, daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if data.startswith(b"GET /_mock/events"):
                    self._streams.append(source)
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        """Cut the open event streams."""
        while self._streams:
            with suppress(OSError):
                self._streams.pop().shutdown(socket.SHUT_RDWR)


@contextmanager
def relay(url: str) -> Iterator[Relay]:
    """Relay connections to a server while the block runs."""
    parts = urlsplit(url)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        found = Relay(listener, (str(parts.hostname), int(parts.port or 80)))
        threading.Thread(target=found.run, daemon=True).start()
        yield found
        listener.shutdown(socket.SHUT_RDWR)
