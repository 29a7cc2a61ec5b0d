"""httpx: a transport hands its request to a pool of its own kind whose network is a line."""

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import httpcore
import httpx

from mockserver.interception.asyncio_connection import MemoryTransport
from mockserver.interception.patch import Patch, Route
from mockserver.interception.server_thread import ServerThread
from mockserver.interception.sync_connection import MemorySocket


def patches(route: Route) -> Iterator[Patch]:
    plain = httpx.HTTPTransport.handle_request
    awaited = httpx.AsyncHTTPTransport.handle_async_request

    def handle_request(transport: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        server_thread = route(request.url.raw_host.decode("ascii"))
        return plain(_wired(transport, server_thread), request)

    async def handle_async_request(
        transport: httpx.AsyncHTTPTransport, request: httpx.Request
    ) -> httpx.Response:
        server_thread = route(request.url.raw_host.decode("ascii"))
        return await awaited(_wired_async(transport, server_thread), request)

    yield Patch(httpx.HTTPTransport, "handle_request", handle_request)
    yield Patch(httpx.AsyncHTTPTransport, "handle_async_request", handle_async_request)


def _wired(transport: httpx.HTTPTransport, server_thread: ServerThread | None) -> httpx.HTTPTransport:
    if server_thread is None:
        return transport
    wired = httpx.HTTPTransport.__new__(httpx.HTTPTransport)  # its pool is all that it has
    wired._pool = httpcore.ConnectionPool(
        ssl_context=_no_tls(), max_keepalive_connections=0, network_backend=Network(server_thread)
    )
    return wired


def _wired_async(
    transport: httpx.AsyncHTTPTransport, server_thread: ServerThread | None
) -> httpx.AsyncHTTPTransport:
    if server_thread is None:
        return transport
    wired = httpx.AsyncHTTPTransport.__new__(httpx.AsyncHTTPTransport)
    wired._pool = httpcore.AsyncConnectionPool(
        ssl_context=_no_tls(), max_keepalive_connections=0, network_backend=AsyncNetwork(server_thread)
    )
    return wired


def _no_tls() -> ssl.SSLContext:
    """Asked for by name only: nobody listens in on a line. The usual one takes long to make."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class Network(httpcore.NetworkBackend):
    """A network in which every host is at the other end of the bridge."""

    def __init__(self, server_thread: ServerThread) -> None:
        self._server_thread = server_thread

    def connect_tcp(self, host: str, port: int, *args: Any, **settings: Any) -> "Stream":
        with _errors(httpcore.ConnectError, httpcore.ConnectTimeout):
            return Stream(self._server_thread)


class Stream(httpcore.NetworkStream):
    """A blocking line."""

    def __init__(self, server_thread: ServerThread) -> None:
        self._socket = MemorySocket(server_thread)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self._socket.settimeout(timeout)
        with _errors(httpcore.ReadError, httpcore.ReadTimeout):
            return self._socket.recv(max_bytes)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        with _errors(httpcore.WriteError, httpcore.WriteTimeout):
            self._socket.sendall(buffer)

    def close(self) -> None:
        self._socket.close()

    def start_tls(self, *args: Any, **settings: Any) -> Self:
        return self

    def get_extra_info(self, info: str) -> Any:
        return None


class AsyncNetwork(httpcore.AsyncNetworkBackend):
    """The same, for an event loop."""

    def __init__(self, server_thread: ServerThread) -> None:
        self._server_thread = server_thread

    async def connect_tcp(self, host: str, port: int, *args: Any, **settings: Any) -> "AsyncStream":
        with _errors(httpcore.ConnectError, httpcore.ConnectTimeout):
            return AsyncStream(self._server_thread)


class AsyncStream(httpcore.AsyncNetworkStream):
    """A line of the running event loop."""

    def __init__(self, server_thread: ServerThread) -> None:
        self._reader = asyncio.StreamReader()
        self._transport = MemoryTransport(server_thread, asyncio.StreamReaderProtocol(self._reader))

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        with _errors(httpcore.ReadError, httpcore.ReadTimeout):
            async with asyncio.timeout(timeout):
                return await self._reader.read(max_bytes)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        with _errors(httpcore.WriteError, httpcore.WriteTimeout):
            self._transport.write(buffer)

    async def aclose(self) -> None:
        self._transport.close()

    async def start_tls(self, *args: Any, **settings: Any) -> Self:
        return self

    def get_extra_info(self, info: str) -> Any:
        return None


@contextmanager
def _errors(broken: type[Exception], late: type[Exception]) -> Iterator[None]:
    """What a line raises, in the words of httpcore."""
    try:
        yield
    except TimeoutError as error:
        raise late(str(error)) from error
    except OSError as error:
        raise broken(str(error)) from error
