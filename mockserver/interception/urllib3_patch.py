"""urllib3, and requests with it: a pool's connection is replaced, for one call, by a line.

The pool keeps its own connections for later, so a client that outlives the interception goes on
with those, and one that came before it does not use them meanwhile.
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from mockserver.interception.patch import Patch, Route
from mockserver.interception.server_thread import ServerThread
from mockserver.interception.sync_connection import MemorySocket


def patches(route: Route) -> Iterator[Patch]:
    plain, tunnel = HTTPConnectionPool._make_request, HTTPSConnectionPool._prepare_proxy

    def make_request(
        pool: HTTPConnectionPool, conn: Any, method: str, url: str, *args: Any, **settings: Any
    ) -> Any:
        """Send one request; to a proxy with its whole URL, whose host is the one that is meant."""
        whole = urlsplit(url) if url.startswith(("http://", "https://")) else None
        server_thread = route((whole.hostname if whole else pool.host) or "")
        if server_thread is not None:
            host, port = (whole.hostname, whole.port) if whole else (pool.host, pool.port)
            conn = _wired(pool, server_thread, host or "", port)
            url = whole._replace(scheme="", netloc="").geturl() or "/" if whole else url
        return plain(pool, conn, method, url, *args, **settings)

    def prepare_proxy(pool: HTTPSConnectionPool, conn: Any) -> None:
        if route(pool.host) is None:
            tunnel(pool, conn)

    yield Patch(HTTPConnectionPool, "_make_request", make_request)
    yield Patch(HTTPSConnectionPool, "_prepare_proxy", prepare_proxy)


def _wired(pool: HTTPConnectionPool, server_thread: ServerThread, host: str, port: int | None) -> Any:
    """A connection of the pool's kind that is connected already, and trusted."""
    connection: Any = pool.ConnectionCls(host, port, **pool.conn_kw)
    connection.sock = MemorySocket(server_thread)
    connection.is_verified = True
    return connection
