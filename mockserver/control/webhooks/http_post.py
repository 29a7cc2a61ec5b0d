"""One POST request to a webhook: bounded in time and size, without redirects, cookies and proxies.

h11 speaks HTTP. A client library would follow the settings of its environment, such as a proxy, and would
look up the name again after it was checked.
"""

import asyncio
import os
import ssl
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from mockserver.control.webhooks.addresses import AllowedHosts, NotAllowed, Target

TIMEOUT = 10.0  # seconds for everything, from the lookup of the name to the answer
MAX_HEAD = 16 * 1024
MAX_BODY = 4 * 1024  # bytes of an answer's body that are read; the rest does not matter
PIECE = 4096


class Undelivered(Exception):
    """Raised if there is no answer. The message says why, in a few words."""


class Reply:
    """The answer of a webhook's receiver: status, headers, and the beginning of its body."""

    def __init__(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        self.status = status
        self.headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers)
        self.body = b""


async def post(target: Target, headers: Mapping[str, str], body: bytes, allowed: AllowedHosts) -> Reply:
    """Send a POST request and return the answer. Raise Undelivered if there is none in time."""
    try:
        async with asyncio.timeout(TIMEOUT):
            reader, writer = await _connect(target, await allowed.resolve(target))
            try:
                return await _exchange(reader, writer, target, headers, body)
            finally:
                writer.transport.abort()
    except TimeoutError:
        raise Undelivered(f"no answer within {TIMEOUT:g} seconds") from None
    except NotAllowed as error:
        raise Undelivered(str(error)) from None
    except (OSError, UnicodeError) as error:
        raise Undelivered(_words(error)) from None


def _words(error: Exception) -> str:
    """Return what went wrong, such as `Connection refused`."""
    if isinstance(error, OSError) and (error.errno or 0) > 0 and not isinstance(error, ssl.SSLError):
        return os.strerror(error.errno or 0)
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


async def _connect(target: Target, addresses: list[str]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to the first address that accepts. Raise OSError if none does."""
    tls: dict[str, Any] = {}
    if target.scheme == "https":
        tls = {"ssl": _tls(), "server_hostname": target.host}
    for address in addresses[:-1]:
        try:
            return await asyncio.open_connection(address, target.port, **tls)
        except OSError:
            continue
    return await asyncio.open_connection(addresses[-1], target.port, **tls)


@lru_cache(1)
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


async def _exchange(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    target: Target,
    headers: Mapping[str, str],
    body: bytes,
) -> Reply:
    import h11  # most servers never need it

    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD)
    own = {"Host": target.authority, "Content-Length": str(len(body)), "Connection": "close"}
    try:
        sent = h11.Request(method="POST", target=target.path, headers=[*{**headers, **own}.items()])
        writer.write(connection.send(sent) + connection.send(h11.Data(body)))
        writer.write(connection.send(h11.EndOfMessage()))
        await writer.drain()
        reply: Reply | None = None
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(await reader.read(PIECE))
            elif isinstance(event, h11.Response):
                reply = Reply(event.status_code, event.headers)
            elif isinstance(event, h11.Data) and reply:
                reply.body += bytes(event.data)
            if reply and (isinstance(event, h11.EndOfMessage) or len(reply.body) >= MAX_BODY):
                reply.body = reply.body[:MAX_BODY]
                return reply
    except h11.RemoteProtocolError as error:
        raise Undelivered(f"the answer is not HTTP: {error}") from None
