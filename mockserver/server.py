"""The socket door: one uvicorn server on a socket of our own."""

import asyncio
import logging
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import formatdate
from functools import partial
from http import HTTPStatus
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from mockserver.delivery import HANG_UP
from mockserver.gateway import OurRefusal

HEADER_DEADLINE = 15.0
MOST_HEAD = 256 * 1024
MOST_URL = 65_000
STOP_DEADLINE = 1
START_DEADLINE = 30
log = logging.getLogger("mockserver")


class CannotListen(Exception):
    """The address cannot be listened on."""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. CannotListen says why not."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=1024)
    except socket.gaierror as error:
        raise CannotListen(f"cannot listen on {host} port {port}: {error.strerror}") from None
    except (OSError, UnicodeError) as error:
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
        raise CannotListen(f"cannot listen on {host} port {port}: {reason}") from None


def base_url(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextmanager
def serving(application: Any, **settings: Any) -> Iterator[str]:
    """The base URL under which an application is served, by a thread, while the block runs.

    It listens on loopback, on a free port; `settings` are those of `Server`.
    """
    ready = threading.Event()
    listening = listen("127.0.0.1", 0)
    running = Server(application, ready.set, **settings)
    thread = threading.Thread(target=running.run, args=([listening],), name="mockserver", daemon=True)
    thread.start()
    if not ready.wait(START_DEADLINE):
        raise CannotListen(f"the server did not start within {START_DEADLINE} seconds")
    try:
        yield base_url(listening)
    finally:
        running.should_exit = True
        thread.join(START_DEADLINE)


class Server(uvicorn.Server):
    """Serves until told to stop, and calls `ready` once it answers."""

    def __init__(
        self,
        application: Any,
        ready: Callable[[], None] = lambda: None,
        header_deadline: float = HEADER_DEADLINE,
    ) -> None:
        super().__init__(
            uvicorn.Config(
                application,
                http=partial(Protocol, header_deadline),  # type: ignore[arg-type]
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,  # who calls is who is on the line, whatever a header says
                timeout_graceful_shutdown=STOP_DEADLINE,
            )
        )
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol, with bounds: on the size of a request's head, and on waiting for it."""

    def __init__(self, header_deadline: float, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._seconds = header_deadline
        self._deadline: asyncio.TimerHandle | None = None
        self._head = self._chunk = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait_for_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._chunk = len(data)
        if self._deadline is not None:
            self._head += len(data)
            if self._head > MOST_HEAD:
                words = f"the head of a request has at most {MOST_HEAD} bytes"
                return self._refuse(OurRefusal(431, "too_long", words))
        super().data_received(data)
        if self._deadline is None and (self.cycle is None or self.cycle.response_complete):
            self._wait_for_headers()  # bytes that begin no request end the patience of keep-alive

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head = self._chunk
        self._stop_waiting()
        self._wait_for_headers()

    def on_headers_complete(self) -> None:
        self._head = 0
        self._stop_waiting()
        super().on_headers_complete()
        if self.cycle is not None:
            self.scope["extensions"] = {HANG_UP: {"call": partial(self._hang_up, self.cycle)}}

    def send_400_response(self, msg: str) -> None:
        """What cannot be read belongs to no vendor, so the answer is ours."""
        if len(getattr(self, "url", b"")) > MOST_URL:
            return self._refuse(OurRefusal(414, "too_long", f"a URL has at most {MOST_URL} bytes"))
        self._refuse(OurRefusal(400, "not_http", "this is not a valid HTTP request"))

    def _refuse(self, refusal: OurRefusal) -> None:
        response, phrase = refusal.response(), HTTPStatus(refusal.status).phrase
        lines = [f"HTTP/1.1 {refusal.status} {phrase}", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in response.headers]
        lines += [f"Content-Length: {len(response.body)}", "", ""]
        self.transport.write("\r\n".join(lines).encode() + response.body)
        self.transport.close()
        log.info("%-11s %3d %s", "-", refusal.status, refusal.message)

    def _hang_up(self, cycle: RequestResponseCycle, reset: bool) -> None:
        """End a cycle without the rest of its answer; a reset is a TCP RST, and drops unsent bytes."""
        cycle.response_started = cycle.response_complete = True
        if not reset:
            return self.transport.close()
        if listened := self.transport.get_extra_info("socket"):
            with socket.socket(fileno=os.dup(listened.fileno())) as connection:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def _wait_for_headers(self) -> None:
        self._deadline = self.loop.call_later(self._seconds, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class MemoryServer:
    """Our server without a socket: connections for transports that somebody else makes."""

    def __init__(self, application: Any) -> None:
        self._config = Server(application).config
        self._config.load()
        self._state = ServerState()
        self.connections, self.tasks = self._state.connections, self._state.tasks

    def connection(self, loop: asyncio.AbstractEventLoop) -> Protocol:
        """A protocol for one new connection on the loop."""
        self._state.default_headers = [(b"date", formatdate(usegmt=True).encode())]
        return Protocol(HEADER_DEADLINE, self._config, self._state, {}, loop)
