"""A receiver of webhooks: an HTTP server on a loopback port that keeps what it gets."""

import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Received:
    """One call: its path, its headers with names in lower case, and its body."""

    def __init__(self, path: str, headers: dict[str, str], body: bytes) -> None:
        self.path, self.headers, self.body = path, headers, body

    def json(self) -> Any:
        return json.loads(self.body)


class Receiver:
    """A running receiver. It answers with the next of `statuses`, and with 200 when there is none left.

    While `held` is cleared, it does not answer.
    """

    def __init__(self, port: int) -> None:
        self.port, self.url = port, f"http://127.0.0.1:{port}/webhook"
        self.calls: list[Received] = []
        self.arrived = threading.Semaphore(0)  # released for each call
        self.statuses: deque[int] = deque()
        self.headers: dict[str, str] = {}
        self.body = b"{}"
        self.held = threading.Event()
        self.held.set()


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Yield a receiver that runs while the block does."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.calls.append(Received(self.path, headers, body))
            receiver.arrived.release()
            receiver.held.wait(30)
            self.send_response(receiver.statuses.popleft() if receiver.statuses else 200)
            for name, value in {"Content-Length": str(len(receiver.body)), **receiver.headers}.items():
                self.send_header(name, value)
            with suppress(ConnectionError):  # the caller may be gone
                self.end_headers()
                self.wfile.write(receiver.body)

        def log_message(self, *arguments: Any) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver = Receiver(server.server_port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.held.set()
        server.shutdown()
        server.server_close()
