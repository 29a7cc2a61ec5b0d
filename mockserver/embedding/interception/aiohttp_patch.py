"""The patch for aiohttp: a connector returns an in-memory connection, and does not pool it."""

import asyncio
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import BaseConnector, Connection

from mockserver.embedding.interception.asyncio_connection import MemoryTransport
from mockserver.embedding.interception.patch import Patch, ServerFor

__tracebackhide__ = True  # pytest shows the caller's line, not these


def patches(library: ModuleType, server_for: ServerFor) -> Iterator[Patch]:
    """Yield the patches for aiohttp."""
    original = BaseConnector.connect

    async def connect(connector: BaseConnector, req: Any, *args: Any, **kwargs: Any) -> Connection:
        server_thread = server_for(req.url.raw_host or "", req.url.port or 0)
        if server_thread is None:
            return await original(connector, req, *args, **kwargs)
        req.update_proxy(None, None, None)  # otherwise the request line has an absolute URL
        loop = asyncio.get_running_loop()
        protocol = ResponseHandler(loop)
        MemoryTransport(server_thread, protocol)
        protocol.force_close()
        return Connection(connector, req.connection_key, protocol, loop)

    yield Patch(BaseConnector, "connect", connect)
