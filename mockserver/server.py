"""The socket door: one uvicorn server on a socket of our own."""

import asyncio
import logging
import os
import socket
from collections.abc import Callable
from functools import partial
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from mockserver.gateway import OurRefusal

HEADER_DEADLINE = 15.0
STOP_DEADLINE = 1
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
                timeout_graceful_shutdown=STOP_DEADLINE,
            )
        )
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol, which also hangs up on clients that do not finish their headers."""

    def __init__(self, header_deadline: float, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._seconds = header_deadline
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait_for_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        self._headers_came()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._wait_for_headers()

    def on_headers_complete(self) -> None:
        self._headers_came()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP belongs to no vendor, so the answer is ours."""
        response = OurRefusal(400, "not_http", "this is not a valid HTTP request").response()
        lines = [b"HTTP/1.1 400 Bad Request", b"Connection: close"]
        lines += [f"{name}: {value}".encode() for name, value in response.headers]
        lines += [f"Content-Length: {len(response.body)}".encode(), b"", response.body]
        self.transport.write(b"\r\n".join(lines))
        self.transport.close()

    def _wait_for_headers(self) -> None:
        self._headers_came()
        self._deadline = self.loop.call_later(self._seconds, self.transport.close)

    def _headers_came(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
