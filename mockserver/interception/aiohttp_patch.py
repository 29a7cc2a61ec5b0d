"""aiohttp: a connector gives out a line instead of a connection, and does not keep it."""

import asyncio
from collections.abc import Iterator
from typing import Any

from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import BaseConnector, Connection

from mockserver.interception.asyncio_connection import MemoryTransport
from mockserver.interception.patch import Patch, Route


def patches(route: Route) -> Iterator[Patch]:
    plain = BaseConnector.connect

    async def connect(connector: BaseConnector, req: Any, *args: Any, **settings: Any) -> Connection:
        server_thread = route(req.url.raw_host or "")
        if server_thread is None:
            return await plain(connector, req, *args, **settings)
        req.update_proxy(None, None, None)
        loop = asyncio.get_running_loop()
        protocol = ResponseHandler(loop)
        MemoryTransport(server_thread, protocol)
        protocol.force_close()
        return Connection(connector, req.connection_key, protocol, loop)

    yield Patch(BaseConnector, "connect", connect)
