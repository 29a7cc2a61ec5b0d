"""The socket door: one uvicorn server on a socket of our own."""

import asyncio
import logging
import os
import signal
import socket
import ssl
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
from mockserver.stopping import Stoppable

HEADER_DEADLINE = 15.0
MOST_HEAD = 256 * 1024
MOST_URL = 65_000
STOP_DEADLINE, STOP_DEADLINE_OF_A_THREAD = 10, 1
START_DEADLINE = 30
GOODBYE = 1.0
SIGNALS = (signal.SIGINT, signal.SIGTERM)
Door = tuple[socket.socket, ssl.SSLContext]
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


def base_url(listening: socket.socket, tls: bool = False) -> str:
    host, port = listening.getsockname()[:2]
    return f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"


def written(refusal: OurRefusal, reason: str) -> bytes:
    """A refusal as it goes over the wire."""
    response = refusal.response()
    lines = [f"HTTP/1.1 {refusal.status} {reason}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in response.headers]
    lines += [f"Content-Length: {len(response.body)}", "", ""]
    return "\r\n".join(lines).encode() + response.body


@contextmanager
def serving(application: Any, beside: Door | None = None, **settings: Any) -> Iterator[str]:
    """The base URL under which an application is served, by a thread, while the block runs.

    It listens on loopback, on a free port; `settings` are those of `Server`.
    """
    ready = threading.Event()
    listening = listen("127.0.0.1", 0)
    running = Server(application, ready.set, **{"stop_deadline": STOP_DEADLINE_OF_A_THREAD, **settings})
    running.beside = beside
    thread = threading.Thread(target=running.run, args=([listening],), name="mockserver", daemon=True)
    thread.start()
    if not ready.wait(START_DEADLINE):
        raise CannotListen(f"the server did not start within {START_DEADLINE} seconds")
    try:
        yield base_url(listening, bool(settings.get("tls")))
    finally:
        running.should_exit = True
        thread.join(START_DEADLINE)


class Server(uvicorn.Server):
    """Serves until told to stop, and calls `ready` once it answers.

    Told to stop, by a signal or by `should_exit`, it takes no more requests, and has finished those
    that had come after `stop_deadline` seconds at most. At a second signal it ends by `abandon`.
    `beside` is a second door, with TLS, set before it runs: one loop serves both.
    """

    def __init__(
        self,
        application: Any,
        ready: Callable[[], None] = lambda: None,
        abandon: Callable[[int], None] = os._exit,
        tls: ssl.SSLContext | None = None,
        stop_deadline: int = STOP_DEADLINE,
        header_deadline: float = HEADER_DEADLINE,
    ) -> None:
        self._application = Stoppable(application)
        super().__init__(
            uvicorn.Config(
                self._application,
                http=partial(Protocol, header_deadline),  # type: ignore[arg-type]
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,  # who calls is who is on the line, whatever a header says
                timeout_graceful_shutdown=stop_deadline,
                ssl_context_factory=(lambda *_: tls) if tls else None,
            )
        )
        self._ready, self._abandon = ready, abandon
        self.beside: Door | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.beside:
            state = {"server_state": self.server_state, "app_state": self.lifespan.state}
            protocol = partial(self.config.http_protocol_class, config=self.config, **state)  # type: ignore[call-arg]
            listening, tls = self.beside
            server = await asyncio.get_running_loop().create_server(protocol, sock=listening, ssl=tls)
            self.servers.append(server)
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if under_way := len(self.server_state.tasks):
            log.warning(
                "stopping: %d under way, %s seconds at most; another signal ends it at once",
                under_way, self.config.timeout_graceful_shutdown,
            )  # fmt: skip
        self._application.stop()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals mean what they mean here while the block runs: to have been stopped is no failure."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: Any) -> None:
        if self.should_exit:
            self._abandon(128 + sig)
        self.should_exit = True


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol, with bounds: on the size of a request's head, and on waiting for it."""

    def __init__(self, header_deadline: float, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._seconds = header_deadline
        self._deadline: asyncio.TimerHandle | None = None
        self._head = self._chunk = 0
        self._leaving = False

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

    def shutdown(self) -> None:
        """The server stops: who has sent a whole request is answered first, nobody else."""
        if self.cycle is None or self.cycle.response_complete or self.cycle.more_body:
            self._part()
        else:
            self._leaving, self.cycle.keep_alive = True, False

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._leaving:
            self._part()

    def _part(self) -> None:
        self.transport.close()
        if self.scheme == "https":  # TLS waits for the other side to say goodbye, half a minute if need be
            self.loop.call_later(GOODBYE, self.transport.abort)

    def send_400_response(self, msg: str) -> None:
        """What cannot be read belongs to no vendor, so the answer is ours."""
        if len(getattr(self, "url", b"")) > MOST_URL:
            return self._refuse(OurRefusal(414, "too_long", f"a URL has at most {MOST_URL} bytes"))
        self._refuse(OurRefusal(400, "not_http", "this is not a valid HTTP request"))

    def _refuse(self, refusal: OurRefusal) -> None:
        self.transport.write(written(refusal, HTTPStatus(refusal.status).phrase))
        self.transport.close()
        log.info("%-11s %3d %s", "-", refusal.status, refusal.message)

    def _hang_up(self, cycle: RequestResponseCycle, reset: bool) -> None:
        """End a cycle without the rest of its answer; a reset is a TCP RST, and drops unsent bytes."""
        cycle.response_started = cycle.response_complete = True
        if not reset:
            return self._part()
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
