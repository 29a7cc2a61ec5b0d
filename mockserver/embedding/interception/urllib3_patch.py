"""The patches for urllib3: each HTTP request goes over an in-memory connection.

The library requests is built on urllib3, so these patches cover it too. The pool's own connections are
left alone, so that a client can use them again after the interception.
"""

from collections.abc import Iterator
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from urllib3._version import __version__ as version
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from mockserver.client.transport import DEFAULT_PORTS
from mockserver.embedding.interception.patch import CannotPatch, Patch, ServerFor
from mockserver.embedding.interception.server_thread import ServerThread
from mockserver.embedding.interception.sync_connection import MemorySocket

__tracebackhide__ = True  # pytest shows the caller's line, not these
FORK = 900  # the smallest last number of a version of urllib3-future; those of urllib3 stay far below


def patches(library: ModuleType, server_for: ServerFor) -> Iterator[Patch]:
    """Yield the patches for urllib3. Raise CannotPatch if urllib3-future is installed in its place."""
    last_number = version.rpartition(".")[2]
    if last_number.isdecimal() and int(last_number) >= FORK:
        raise CannotPatch(
            f"urllib3-future {version}, which niquests installs in place of urllib3, cannot be intercepted; "
            "install it beside urllib3: URLLIB3_NO_OVERRIDE=1 pip install --force-reinstall "
            "--no-binary urllib3-future urllib3 urllib3-future"
        )
    original_request = HTTPConnectionPool._make_request
    original_prepare_proxy = HTTPSConnectionPool._prepare_proxy

    def make_request(
        pool: HTTPConnectionPool, conn: Any, method: str, url: str, *args: Any, **kwargs: Any
    ) -> Any:
        # A request to an HTTP proxy carries an absolute URL. Look up that URL's host, not the proxy.
        absolute = urlsplit(url) if url.startswith(("http://", "https://")) else None
        host, port = (absolute.hostname or "", absolute.port) if absolute else (pool.host, pool.port)
        scheme = absolute.scheme if absolute else pool.scheme
        server_thread = server_for(host, port or DEFAULT_PORTS.get(scheme, 0))
        if server_thread is not None:
            conn = _memory_connection(pool, server_thread, host, port)
            url = absolute._replace(scheme="", netloc="").geturl() or "/" if absolute else url
        return original_request(pool, conn, method, url, *args, **kwargs)

    def prepare_proxy(pool: HTTPSConnectionPool, conn: Any) -> None:
        if server_for(pool.host, pool.port or DEFAULT_PORTS["https"]) is None:
            original_prepare_proxy(pool, conn)

    yield Patch(HTTPConnectionPool, "_make_request", make_request)
    yield Patch(HTTPSConnectionPool, "_prepare_proxy", prepare_proxy)


def _memory_connection(
    pool: HTTPConnectionPool, server_thread: ServerThread, host: str, port: int | None
) -> Any:
    """Return a connection of the pool's class, already connected to the server thread.

    It is marked as verified, because urllib3 would otherwise warn about an unchecked certificate.
    """
    connection: Any = pool.ConnectionCls(host, port, **pool.conn_kw)
    connection.sock = MemorySocket(server_thread)
    connection.is_verified = True
    return connection
