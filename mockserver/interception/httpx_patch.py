"""The patches for httpx: a transport sends its request through a pool of in-memory connections."""

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import httpcore
import httpx

from mockserver.interception.asyncio_connection import MemoryTransport
from mockserver.interception.patch import Patch, ServerFor
from mockserver.interception.server_thread import ServerThread
from mockserver.interception.sync_connection import MemorySocket


def patches(server_for: ServerFor) -> Iterator[Patch]:
    """Yield the patches for httpx."""
    original = httpx.HTTPTransport.handle_request
    original_async = httpx.AsyncHTTPTransport.handle_async_request

    def handle_request(transport: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        server_thread = server_for(request.url.raw_host.decode("ascii"))
        return original(_memory_transport(transport, server_thread), request)

    async def handle_async_request(
        transport: httpx.AsyncHTTPTransport, request: httpx.Request
    ) -> httpx.Response:
        server_thread = server_for(request.url.raw_host.decode("ascii"))
        return await original_async(_async_memory_transport(transport, server_thread), request)

    yield Patch(httpx.HTTPTransport, "handle_request", handle_request)
    yield Patch(httpx.AsyncHTTPTransport, "handle_async_request", handle_async_request)


def _memory_transport(
    transport: httpx.HTTPTransport, server_thread: ServerThread | None
) -> httpx.HTTPTransport:
    """Return a transport that connects to the server thread, or `transport` if there is no thread."""
    if server_thread is None:
        return transport
    # Skip __init__, which would load the CA certificates. It sets no attribute but `_pool`.
    in_memory = httpx.HTTPTransport.__new__(httpx.HTTPTransport)
    in_memory._pool = httpcore.ConnectionPool(
        ssl_context=_unused_ssl_context(), max_keepalive_connections=0,
        network_backend=MemoryBackend(server_thread),
    )  # fmt: skip
    return in_memory


def _async_memory_transport(
    transport: httpx.AsyncHTTPTransport, server_thread: ServerThread | None
) -> httpx.AsyncHTTPTransport:
    """Do the same as `_memory_transport`, for asyncio."""
    if server_thread is None:
        return transport
    in_memory = httpx.AsyncHTTPTransport.__new__(httpx.AsyncHTTPTransport)
    in_memory._pool = httpcore.AsyncConnectionPool(
        ssl_context=_unused_ssl_context(), max_keepalive_connections=0,
        network_backend=AsyncMemoryBackend(server_thread),
    )  # fmt: skip
    return in_memory


def _unused_ssl_context() -> ssl.SSLContext:
    """Return a context that is never used, because there is no TLS on an in-memory connection.

    Without a context, httpcore would load the CA certificates, which is slow.
    """
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class MemoryBackend(httpcore.NetworkBackend):
    """A network backend that connects every host to the server thread."""

    def __init__(self, server_thread: ServerThread) -> None:
        self._server_thread = server_thread

    def connect_tcp(self, host: str, port: int, *args: Any, **kwargs: Any) -> "MemoryStream":
        with _httpcore_errors(httpcore.ConnectError, httpcore.ConnectTimeout):
            return MemoryStream(self._server_thread)


class MemoryStream(httpcore.NetworkStream):
    """A blocking in-memory connection."""

    def __init__(self, server_thread: ServerThread) -> None:
        self._socket = MemorySocket(server_thread)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self._socket.settimeout(timeout)
        with _httpcore_errors(httpcore.ReadError, httpcore.ReadTimeout):
            return self._socket.recv(max_bytes)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        with _httpcore_errors(httpcore.WriteError, httpcore.WriteTimeout):
            self._socket.sendall(buffer)

    def close(self) -> None:
        self._socket.close()

    def start_tls(self, *args: Any, **kwargs: Any) -> Self:
        return self

    def get_extra_info(self, info: str) -> Any:
        return None


class AsyncMemoryBackend(httpcore.AsyncNetworkBackend):
    """The asyncio version of `MemoryBackend`."""

    def __init__(self, server_thread: ServerThread) -> None:
        self._server_thread = server_thread

    async def connect_tcp(self, host: str, port: int, *args: Any, **kwargs: Any) -> "AsyncMemoryStream":
        with _httpcore_errors(httpcore.ConnectError, httpcore.ConnectTimeout):
            return AsyncMemoryStream(self._server_thread)


class AsyncMemoryStream(httpcore.AsyncNetworkStream):
    """The asyncio version of `MemoryStream`, on the running event loop."""

    def __init__(self, server_thread: ServerThread) -> None:
        self._reader = asyncio.StreamReader()
        self._transport = MemoryTransport(server_thread, asyncio.StreamReaderProtocol(self._reader))

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        with _httpcore_errors(httpcore.ReadError, httpcore.ReadTimeout):
            async with asyncio.timeout(timeout):
                return await self._reader.read(max_bytes)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        with _httpcore_errors(httpcore.WriteError, httpcore.WriteTimeout):
            self._transport.write(buffer)

    async def aclose(self) -> None:
        self._transport.close()

    async def start_tls(self, *args: Any, **kwargs: Any) -> Self:
        return self

    def get_extra_info(self, info: str) -> Any:
        return None


@contextmanager
def _httpcore_errors(failed: type[Exception], timed_out: type[Exception]) -> Iterator[None]:
    """Raise `failed` instead of an OSError, and `timed_out` instead of a TimeoutError."""
    try:
        yield
    except TimeoutError as error:
        raise timed_out(str(error)) from error
    except OSError as error:
        raise failed(str(error)) from error
