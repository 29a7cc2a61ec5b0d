"""The HTTP server: uvicorn in this thread, in another thread, or in memory without sockets."""

import asyncio
import logging
import os
import signal
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from email.utils import formatdate
from functools import partial
from itertools import count
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from mockserver.server.http.connections.connection_watch import ConnectionWatch
from mockserver.server.http.connections.descriptors import is_readable
from mockserver.server.http.connections.turns import Turns
from mockserver.server.http.fast_path import FastPath
from mockserver.server.http.protocol import Protocol
from mockserver.server.http.timeouts import Timeouts
from mockserver.server.shutdown import CannotStart, StoppableApp
from mockserver.server.sockets import CannotListen, base_url, duplicates_of, listen, refuse_new

new_event_loop: Callable[[], asyncio.AbstractEventLoop] | None
try:
    from uvloop import new_event_loop
except ImportError:  # it does not exist for Windows
    new_event_loop = None

DEFAULT_TIMEOUTS, THREAD_TIMEOUTS = Timeouts(), Timeouts(stop=1, quiet=0.0)
# Seconds for connections to be ready that the system has begun, and for all that wait to be accepted.
HANDSHAKE, ACCEPT_TIMEOUT = 0.1, 1.0
START_TIMEOUT = 30
TICK = 0.1  # seconds between two rounds of the main loop
TICKS_IN_A_SECOND = 10
DRAIN_STEP = 0.005  # seconds after which a server that stops looks again for open connections
SIGNALS = (signal.SIGINT, signal.SIGTERM)
TlsListener = tuple[socket.socket, ssl.SSLContext]
log = logging.getLogger("mockserver")


@contextmanager
def serving(application: Any, tls_listener: TlsListener | None = None, **settings: Any) -> Iterator[str]:
    """Serve an application in a thread while the block runs. Yield its base URL.

    The server listens on a free port of 127.0.0.1. `settings` are keyword arguments for `Server`. Raise
    CannotListen if it does not start.
    """
    ready = threading.Event()
    listening = listen("127.0.0.1", 0)
    server = Server(application, ready.set, **{"timeouts": THREAD_TIMEOUTS, **settings})
    server.tls_listener = tls_listener
    thread = threading.Thread(target=server.run, args=([listening],), name="mockserver", daemon=True)
    thread.start()
    if not ready.wait(START_TIMEOUT):
        raise CannotListen(f"the server did not start within {START_TIMEOUT} seconds")
    try:
        yield base_url(listening, bool(settings.get("tls")))
    finally:
        server.should_exit = True
        thread.join(START_TIMEOUT)


class Server(uvicorn.Server):
    """A server that runs until it is stopped, and calls `on_ready` once it accepts connections.

    `run` raises CannotStart if the store of its sandboxes cannot be used.
    A signal or `should_exit` stops the server. It then accepts no more connections. It answers the requests
    that arrive until a connection was idle for `timeouts.quiet` seconds, and closes it after the answer; all
    within `timeouts.stop` seconds. On a second signal, it calls `abandon` with the exit code.

    If `tls_listener` is set before the server runs, the server also serves TLS on that socket. `signals` are
    those that stop it; none in a thread.
    """

    def __init__(
        self,
        application: Any,
        on_ready: Callable[[], None] = lambda: None,
        abandon: Callable[[int], None] = os._exit,
        *,
        tls: ssl.SSLContext | None = None,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
        fast_path: bool = True,
    ) -> None:
        self._application = StoppableApp(application)
        self._watch = ConnectionWatch(timeouts.answer)
        self._wake_up: Callable[[], object] = lambda: None
        protocol = partial(Protocol, timeouts, FastPath(application, fast_path), self._watch, Turns())
        super().__init__(
            uvicorn.Config(
                self._application,
                http=protocol,  # type: ignore[arg-type]
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,  # access control must see the real peer, not the one in X-Forwarded-For
                timeout_graceful_shutdown=timeouts.stop,
            )
        )
        self._tls, self._patient = tls, timeouts.quiet > 0
        self._on_ready, self._abandon = on_ready, abandon
        self._watch.connections = self.server_state.connections  # type: ignore[assignment]
        self.tls_listener: TlsListener | None = None
        self.signals: tuple[signal.Signals, ...] = SIGNALS

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        # Before 0.36, uvicorn makes all event loops of the process uvloop's, those of the user's code too.
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(self.serve(sockets))

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self.config.ssl = self._tls  # older versions of uvicorn have no option for a context
        with suppress(SystemExit):  # older versions return if the application cannot start
            await super().startup([handle for one in sockets or [] for handle in duplicates_of(one)])
        if self._application.failure:
            raise CannotStart(str(self._application.failure))
        if self.tls_listener:
            state = {"server_state": self.server_state, "app_state": self.lifespan.state}
            protocol = partial(self.config.http_protocol_class, config=self.config, **state)  # type: ignore[call-arg]
            listening, tls = self.tls_listener
            loop = asyncio.get_running_loop()
            for handle in duplicates_of(listening):
                self.servers.append(await loop.create_server(protocol, sock=handle, ssl=tls))
        self._on_ready()

    @property
    def should_exit(self) -> bool:
        """Return True if the server is to stop. Any thread and any signal handler may set it."""
        return self._should_exit

    @should_exit.setter
    def should_exit(self, value: bool) -> None:
        self._should_exit = value
        with suppress(RuntimeError):  # the event loop has ended
            self._wake_up()

    async def main_loop(self) -> None:
        """Call `on_tick` ten times a second, and once more when the server is to stop.

        uvicorn's own loop notices that only at its next tick.
        """
        woken, loop, ticks = asyncio.Event(), asyncio.get_running_loop(), count()
        self._wake_up = partial(loop.call_soon_threadsafe, woken.set)
        while not await self.on_tick(next(ticks)):
            with suppress(TimeoutError):
                async with asyncio.timeout(TICK):
                    await woken.wait()

    async def on_tick(self, counter: int) -> bool:
        if counter % TICKS_IN_A_SECOND == 0:
            self._watch.check()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if under_way := len(self.server_state.tasks):
            log.warning(
                "stopping; calls in progress: %d; waiting at most %s seconds; signal again to stop at once",
                under_way, self.config.timeout_graceful_shutdown,
            )  # fmt: skip
        self._application.stop()
        self._watch.stopping = True
        for connection in tuple(self.server_state.connections):
            connection.shutdown()
        if self._patient:
            await _accept_all(sockets or [])
            await super().shutdown(sockets)
        else:
            await self._shut_down_at_once(sockets or [])

    async def _shut_down_at_once(self, sockets: Iterable[socket.socket]) -> None:
        """Shut down as uvicorn does, which would first wait for a tenth of a second."""
        for close in [one.close for one in self.servers] + [one.close for one in sockets]:
            close()
        try:
            async with asyncio.timeout(self.config.timeout_graceful_shutdown):
                while self.server_state.connections or self.server_state.tasks:
                    await asyncio.sleep(DRAIN_STEP)
        except TimeoutError:
            for task in self.server_state.tasks:
                task.cancel()
        await self.lifespan.shutdown()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle signals while the block runs. Unlike uvicorn, do not raise them again afterwards."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in self.signals}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: Any) -> None:
        if self.should_exit:
            self._abandon(128 + sig)
        self.should_exit = True


async def _accept_all(sockets: Iterable[socket.socket]) -> None:
    """Accept the connections that wait, and let the system begin no more."""
    open_sockets = [one for one in sockets if one.fileno() >= 0]
    if any([refuse_new(one) for one in open_sockets]):
        await asyncio.sleep(HANDSHAKE)
    deadline = time.monotonic() + ACCEPT_TIMEOUT
    while any(is_readable(one.fileno()) for one in open_sockets) and time.monotonic() < deadline:
        await asyncio.sleep(0)


class MemoryServer:
    """A server without sockets. The caller connects its protocols to transports in memory."""

    def __init__(self, application: Any) -> None:
        self._config, self._fast_path = Server(application).config, FastPath(application)
        self._watch, self._turns = ConnectionWatch(DEFAULT_TIMEOUTS.answer), Turns()
        self._config.load()
        self._state = ServerState()
        self.connections, self.tasks = self._state.connections, self._state.tasks

    def connection(self, loop: asyncio.AbstractEventLoop) -> Protocol:
        """Return the protocol for a new connection on an event loop."""
        self._state.default_headers = [(b"date", formatdate(usegmt=True).encode())]
        own = DEFAULT_TIMEOUTS, self._fast_path, self._watch, self._turns
        return Protocol(*own, self._config, self._state, {}, loop)
