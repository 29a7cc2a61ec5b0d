"""The patches for httpx and httpx2: a transport sends its request through a pool of in-memory connections.

httpx2 is a fork with the same interface. Each has its own core library, httpcore or httpcore2.
"""

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any, Self

from mockserver.client.transport import DEFAULT_PORTS
from mockserver.embedding.interception.asyncio_connection import MemoryTransport
from mockserver.embedding.interception.patch import Patch, ServerFor
from mockserver.embedding.interception.server_thread import ServerThread
from mockserver.embedding.interception.sync_connection import MemorySocket

__tracebackhide__ = True  # pytest shows the caller's line, not these


def patches(library: ModuleType, server_for: ServerFor) -> Iterator[Patch]:
    """Yield the patches for httpx or httpx2."""
    core = import_module(library.__name__.replace("httpx", "httpcore"))
    blocking, asynchronous = library.HTTPTransport, library.AsyncHTTPTransport
    original, original_async = blocking.handle_request, asynchronous.handle_async_request

    def handle_request(transport: Any, request: Any) -> Any:
        if server_thread := server_for(*_address(request.url)):
            transport = _in_memory(blocking, core.ConnectionPool, MemoryBackend(server_thread, core))
        return original(transport, request)

    async def handle_async_request(transport: Any, request: Any) -> Any:
        if server_thread := server_for(*_address(request.url)):
            backend = AsyncMemoryBackend(server_thread, core)
            transport = _in_memory(asynchronous, core.AsyncConnectionPool, backend)
        return await original_async(transport, request)

    yield Patch(blocking, "handle_request", handle_request)
    yield Patch(asynchronous, "handle_async_request", handle_async_request)


def _address(url: Any) -> tuple[str, int]:
    return url.raw_host.decode("ascii"), url.port or DEFAULT_PORTS.get(url.scheme, 0)


def _in_memory(transport_class: Any, pool_class: Any, backend: Any) -> Any:
    """Return a transport that connects to the server thread."""
    # Skip __init__, which would load the CA certificates. It sets no attribute but `_pool`.
    transport = transport_class.__new__(transport_class)
    # The context is never used, because there is no TLS on an in-memory connection. Without a context,
    # the pool would load the CA certificates, which is slow.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    transport._pool = pool_class(ssl_context=context, max_keepalive_connections=0, network_backend=backend)
    return transport


class MemoryBackend:
    """A network backend of a core library, which connects every host to the server thread."""

    def __init__(self, server_thread: ServerThread, core: ModuleType) -> None:
        self._server_thread, self._core = server_thread, core

    def connect_tcp(self, host: str, port: int, *args: Any, **kwargs: Any) -> "MemoryStream":
        with _core_errors(self._core, "Connect"):
            return MemoryStream(self._server_thread, self._core)


class MemoryStream:
    """A blocking in-memory connection."""

    def __init__(self, server_thread: ServerThread, core: ModuleType) -> None:
        self._socket, self._core = MemorySocket(server_thread), core

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self._socket.settimeout(timeout)
        with _core_errors(self._core, "Read"):
            return self._socket.recv(max_bytes)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        with _core_errors(self._core, "Write"):
            self._socket.sendall(buffer)

    def close(self) -> None:
        self._socket.close()

    def start_tls(self, *args: Any, **kwargs: Any) -> Self:
        return self

    def get_extra_info(self, info: str) -> Any:
        return None


class AsyncMemoryBackend:
    """The asyncio version of `MemoryBackend`."""

    def __init__(self, server_thread: ServerThread, core: ModuleType) -> None:
        self._server_thread, self._core = server_thread, core

    async def connect_tcp(self, host: str, port: int, *args: Any, **kwargs: Any) -> "AsyncMemoryStream":
        with _core_errors(self._core, "Connect"):
            return AsyncMemoryStream(self._server_thread, self._core)


class AsyncMemoryStream:
    """The asyncio version of `MemoryStream`, on the running event loop."""

    def __init__(self, server_thread: ServerThread, core: ModuleType) -> None:
        self._core, self._reader = core, asyncio.StreamReader()
        self._transport = MemoryTransport(server_thread, asyncio.StreamReaderProtocol(self._reader))

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        with _core_errors(self._core, "Read"):
            async with asyncio.timeout(timeout):
                return await self._reader.read(max_bytes)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        with _core_errors(self._core, "Write"):
            self._transport.write(buffer)

    async def aclose(self) -> None:
        self._transport.close()

    async def start_tls(self, *args: Any, **kwargs: Any) -> Self:
        return self

    def get_extra_info(self, info: str) -> Any:
        return None


@contextmanager
def _core_errors(core: ModuleType, step: str) -> Iterator[None]:
    """Raise the core library's errors, such as ReadError and ReadTimeout for the step "Read"."""
    try:
        yield
    except TimeoutError as error:
        raise getattr(core, f"{step}Timeout")(str(error)) from error
    except OSError as error:
        raise getattr(core, f"{step}Error")(str(error)) from error
