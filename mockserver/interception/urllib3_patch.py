"""The patches of urllib3, which requests uses too: one request goes over a connection in memory.

The pool keeps its own connections. So they are not used during the interception, and a client that
lives longer than the interception can use them again.
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from mockserver.interception.patch import Patch, ServerFor
from mockserver.interception.server_thread import ServerThread
from mockserver.interception.sync_connection import MemorySocket


def patches(server_for: ServerFor) -> Iterator[Patch]:
    """Yield the patches of urllib3."""
    original_request = HTTPConnectionPool._make_request
    original_prepare_proxy = HTTPSConnectionPool._prepare_proxy

    def make_request(
        pool: HTTPConnectionPool, conn: Any, method: str, url: str, *args: Any, **kwargs: Any
    ) -> Any:
        # A request to an HTTP proxy carries an absolute URL. Its host is the one to look up, not the proxy.
        absolute = urlsplit(url) if url.startswith(("http://", "https://")) else None
        server_thread = server_for((absolute.hostname if absolute else pool.host) or "")
        if server_thread is not None:
            host, port = (absolute.hostname, absolute.port) if absolute else (pool.host, pool.port)
            conn = _memory_connection(pool, server_thread, host or "", port)
            url = absolute._replace(scheme="", netloc="").geturl() or "/" if absolute else url
        return original_request(pool, conn, method, url, *args, **kwargs)

    def prepare_proxy(pool: HTTPSConnectionPool, conn: Any) -> None:
        if server_for(pool.host) is None:
            original_prepare_proxy(pool, conn)

    yield Patch(HTTPConnectionPool, "_make_request", make_request)
    yield Patch(HTTPSConnectionPool, "_prepare_proxy", prepare_proxy)


def _memory_connection(
    pool: HTTPConnectionPool, server_thread: ServerThread, host: str, port: int | None
) -> Any:
    """Return a connection of the pool's class, already connected to the server thread.

    It is marked as verified, because urllib3 would warn that its certificate was not checked.
    """
    connection: Any = pool.ConnectionCls(host, port, **pool.conn_kw)
    connection.sock = MemorySocket(server_thread)
    connection.is_verified = True
    return connection
