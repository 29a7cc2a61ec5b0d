"""The socket door: one uvicorn server on a socket of our own."""

import asyncio
import logging
import os
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import formatdate
from functools import partial
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from mockserver.server.http.head_cache import HeadCache
from mockserver.server.http.protocol import AnswerNow, Protocol
from mockserver.server.shutdown import StoppableApp
from mockserver.server.sockets import CannotListen, _handles, base_url, listen

HEADER_TIMEOUT = 15.0
STOP_TIMEOUT, THREAD_STOP_TIMEOUT = 10, 1
START_TIMEOUT = 30
SIGNALS = (signal.SIGINT, signal.SIGTERM)
TlsListener = tuple[socket.socket, ssl.SSLContext]
log = logging.getLogger("mockserver")


@contextmanager
def serving(application: Any, tls_listener: TlsListener | None = None, **settings: Any) -> Iterator[str]:
    """The base URL under which an application is served, by a thread, while the block runs.

    It listens on loopback, on a free port; `settings` are those of `Server`.
    """
    ready = threading.Event()
    listening = listen("127.0.0.1", 0)
    running = Server(application, ready.set, **{"stop_timeout": THREAD_STOP_TIMEOUT, **settings})
    running.tls_listener = tls_listener
    thread = threading.Thread(target=running.run, args=([listening],), name="mockserver", daemon=True)
    thread.start()
    if not ready.wait(START_TIMEOUT):
        raise CannotListen(f"the server did not start within {START_TIMEOUT} seconds")
    try:
        yield base_url(listening, bool(settings.get("tls")))
    finally:
        running.should_exit = True
        thread.join(START_TIMEOUT)


class Server(uvicorn.Server):
    """Serves until told to stop, and calls `ready` once it answers.

    Told to stop, by a signal or by `should_exit`, it takes no more requests, and has finished those
    that had come after `stop_timeout` seconds at most. At a second signal it ends by `abandon`.
    `tls_listener` is a second door, with TLS, set before it runs: one loop serves both.
    """

    def __init__(
        self,
        application: Any,
        ready: Callable[[], None] = lambda: None,
        abandon: Callable[[int], None] = os._exit,
        tls: ssl.SSLContext | None = None,
        stop_timeout: int = STOP_TIMEOUT,
        header_timeout: float = HEADER_TIMEOUT,
    ) -> None:
        self._application = StoppableApp(application)
        super().__init__(
            uvicorn.Config(
                self._application,
                http=partial(Protocol, header_timeout, answer_now_of(application), HeadCache()),  # type: ignore[arg-type]
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,  # who calls is who is on the line, whatever a header says
                timeout_graceful_shutdown=stop_timeout,
                ssl_context_factory=(lambda *_: tls) if tls else None,
            )
        )
        self._ready, self._abandon = ready, abandon
        self.tls_listener: TlsListener | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup([handle for one in sockets or [] for handle in _handles(one)])
        if self.tls_listener:
            state = {"server_state": self.server_state, "app_state": self.lifespan.state}
            protocol = partial(self.config.http_protocol_class, config=self.config, **state)  # type: ignore[call-arg]
            listening, tls = self.tls_listener
            loop = asyncio.get_running_loop()
            for handle in _handles(listening):
                self.servers.append(await loop.create_server(protocol, sock=handle, ssl=tls))
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


def answer_now_of(application: Any) -> AnswerNow:
    """How an application answers at once; one that cannot never does."""
    answer_now: AnswerNow = getattr(application, "answer_now", lambda asked: None)
    return answer_now


class MemoryServer:
    """Our server without a socket: connections for transports that somebody else makes."""

    def __init__(self, application: Any) -> None:
        self._config, self._answer_now = Server(application).config, answer_now_of(application)
        self._config.load()
        self._state, self._heads = ServerState(), HeadCache()
        self.connections, self.tasks = self._state.connections, self._state.tasks

    def connection(self, loop: asyncio.AbstractEventLoop) -> Protocol:
        """A protocol for one new connection on the loop."""
        self._state.default_headers = [(b"date", formatdate(usegmt=True).encode())]
        return Protocol(HEADER_TIMEOUT, self._answer_now, self._heads, self._config, self._state, {}, loop)
