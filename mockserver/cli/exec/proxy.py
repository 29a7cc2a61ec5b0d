"""The proxy for a command's clients.

It sends calls to the vendors' hosts to the mock, and forwards or refuses all other calls. No call reaches a
real vendor. The proxy never looks up a name on a vendor's domain. It never connects to such a host: it
connects to one of the mock's two ports on this machine instead. But a client may look up a vendor's name
itself, and ask for a tunnel to the IP address. So the proxy searches the first bytes in each tunnel to
another host for vendors' names.
"""

import asyncio
import re
import ssl
import threading
from asyncio import StreamReader, StreamWriter
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass

import h11

from mockserver.cli.exec.protocol_detection import MAX_FIRST_BYTES, TLS_HANDSHAKE, FirstBytes, detect
from mockserver.cli.exec.tunnel import CHUNK_BYTES, IDLE_TIMEOUT, Endpoint, join_endpoints, run_together
from mockserver.contract.hosts import NAME, HostKind, Hosts
from mockserver.server.http.errors import MockError
from mockserver.server.http.serialization import CLOSE_HEADER, to_bytes
from mockserver.server.server import START_TIMEOUT
from mockserver.server.sockets import base_url, listen

LOOPBACK = "127.0.0.1"
MAX_CONNECTIONS, MAX_COUNTED_NAMES = 512, 1000
HEAD_TIMEOUT, CONNECT_TIMEOUT = 15.0, 10.0  # seconds
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
# Most of these headers concern only the connection to the proxy. Host is made again, from the URL.
NOT_FORWARDED = (
    b"connection",
    b"proxy-connection",
    b"keep-alive",
    b"proxy-authorization",
    b"upgrade",
    b"host",
)


@dataclass(frozen=True)
class Target:
    """The host and port that a client wants to reach; `path` is the path and query of its request."""

    host: str
    port: int
    tls: bool = False
    path: str = ""

    @classmethod
    def parse(
        cls, authority: str, default_port: int | None = None, tls: bool = False, path: str = ""
    ) -> "Target":
        """Return the target for `host:port`, or for `host` if there is a default port.

        Raise MockError if the host or the port is invalid.
        """
        host, colon, port = authority.rpartition(":")
        if not colon or not re.fullmatch(r"[0-9]{1,5}", port):
            host, port = authority, str(default_port or 0)
        if not NAME.fullmatch(host) or not 0 < int(port) < 65536:
            raise MockError(400, "bad_target", f"not a host and port: {authority[:100]}")
        return cls(host, int(port), tls, path)

    @property
    def netloc(self) -> str:
        """Return the value of the Host header, without the port if it is the scheme's default."""
        return self.host if self.port == (443 if self.tls else 80) else f"{self.host}:{self.port}"


class Proxy:
    """Handles the connections of a command's clients.

    `http_port` and `https_port` are the mock's ports on loopback. `forwarded` and `refused` count
    connections to other hosts by host name, `unreachable` by name and reason.
    """

    def __init__(self, hosts: Hosts, http_port: int, https_port: int, only_vendors: bool = False) -> None:
        self._hosts, self._only_vendors = hosts, only_vendors
        self._http_port, self._https_port = http_port, https_port
        self.forwarded: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.unreachable: Counter[str] = Counter()
        self._open_connections = 0

    async def handle_connection(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Handle one connection until it ends. Answer with an HTTP error if the connection is refused."""
        client = Endpoint(reader, writer)
        self._open_connections += 1
        try:
            if self._open_connections > MAX_CONNECTIONS:
                message = f"the proxy handles at most {MAX_CONNECTIONS} connections at a time"
                raise MockError(503, "busy", message)
            await self._route(client)
            writer.close()
        except MockError as error:
            # The message is the reason phrase too, because most clients show only the status line.
            writer.write(
                to_bytes(error.response(), CLOSE_HEADER, reason=re.sub(r"[^ -~]", "?", error.message))
            )
            writer.close()
        except (OSError, h11.ProtocolError):
            client.reset()
        except asyncio.CancelledError:
            # The command has ended. We do not raise the error again, because asyncio of Python 3.11 would log
            # a traceback.
            client.reset()
        finally:
            self._open_connections -= 1

    async def _route(self, client: Endpoint) -> None:
        """Read the first bytes, and handle the connection as TLS, as a tunnel or as a request."""
        parser = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_FIRST_BYTES)
        request = None
        try:
            async with asyncio.timeout(HEAD_TIMEOUT):
                start = await client.reader.read(CHUNK_BYTES)
                if not start.startswith(TLS_HANDSHAKE):
                    request = await _read_head(client, parser, start)
        except TimeoutError:
            raise MockError(408, "request_timeout", "the request did not arrive in time") from None
        if start.startswith(TLS_HANDSHAKE):
            # TLS without a CONNECT comes from preload.cjs, so it is meant for the mock.
            mock = await _connect(LOOPBACK, self._https_port)
            await join_endpoints(client, mock, self._checked_start("vendor", client, start))
        elif request and request.method == b"CONNECT":
            await self._tunnel(client, parser, Target.parse(request.target.decode()))
        elif request:
            await self._forward(client, parser, request)

    async def _tunnel(self, client: Endpoint, parser: h11.Connection, target: Target) -> None:
        """Answer CONNECT, and join the client to the mock or to another host."""
        if not isinstance(parser.next_event(), h11.EndOfMessage):
            raise MockError(400, "bad_target", "a CONNECT request must not have a body")
        start = parser.trailing_data[0]
        if not self._is_for_mock(target):
            server = await self._connect_to_other(target)
            client.writer.write(ESTABLISHED)
            return await join_endpoints(client, server, self._checked_start("other", client, start))
        client.writer.write(ESTABLISHED)
        found, start = await _read_first_bytes(client, start)
        mock = await _connect(LOOPBACK, self._https_port if found.kind == "tls" else self._http_port)
        await join_endpoints(client, mock, _unchecked(start))

    async def _checked_start(self, kind: HostKind, client: Endpoint, start: bytes) -> bytes:
        """Return the first bytes from a client. `kind` is the kind of host that the client may name.

        Raise ConnectionAbortedError if the bytes name a host of another kind, or cannot be parsed.
        """
        found, start = await _read_first_bytes(client, start)
        wrong_hosts = [host for host in found.hosts if self._hosts.kind(host) != kind]
        if wrong_hosts or found.kind == "broken":
            _count(self.refused, *wrong_hosts)
            raise ConnectionAbortedError
        return start

    async def _forward(self, client: Endpoint, parser: h11.Connection, request: h11.Request) -> None:
        """Forward one request to the host of its URL, and copy the response back unchanged."""
        target = self._target_of(request)
        server = await (
            _connect(LOOPBACK, self._http_port)
            if self._is_for_mock(target)
            else self._connect_to_other(target)
        )
        forwarded = [(bytes(name), bytes(value)) for name, value in request.headers.raw_items()
                     if name.lower() not in NOT_FORWARDED]  # fmt: skip
        headers = [(b"Host", target.netloc.encode()), *forwarded, (b"Connection", b"close")]
        head = h11.Request(method=request.method, target=target.path, headers=headers)
        try:
            async with asyncio.timeout(IDLE_TIMEOUT) as timeout:
                sending = _send_request(client, parser, head, server)
                receiving = server.copy_to(client, timeout)
                await run_together(sending, receiving, until=asyncio.FIRST_COMPLETED)
        finally:
            server.writer.close()

    def _target_of(self, request: h11.Request) -> Target:
        """Return the target of a request.

        It is read from the request's URL. If the URL is only a path, the host is read from the Host header,
        and must be a vendor's host. Raise MockError if it is not, or if a part of the target is invalid.
        """
        url = request.target.decode()
        if url.startswith("/"):
            host = next((value.decode("latin-1") for name, value in request.headers if name == b"host"), "")
            target = Target.parse(host, 80, path=url)
            if self._hosts.kind(target.host) == "vendor":
                return target
        parts = re.fullmatch(r"(https?)://([^/?#]*)([^?#]*)(\?[^#]*)?(?:#.*)?", url, re.IGNORECASE)
        if not parts:
            message = "this is a proxy: send CONNECT, or a request with a full http:// or https:// URL"
            raise MockError(400, "not_proxied", message)
        tls = parts[1].lower() == "https"
        return Target.parse(parts[2], 443 if tls else 80, tls, (parts[3] or "/") + (parts[4] or ""))

    def _is_for_mock(self, target: Target) -> bool:
        """Return True if the mock must answer for a target. Raise MockError if the target is refused."""
        kind = self._hosts.kind(target.host)
        if kind == "vendor":
            return True
        if kind == "vendor_domain":
            reason = (
                "is on a vendor's domain but not emulated here: refused, so that no call reaches a vendor"
            )
        elif self._only_vendors:
            reason = "is not an emulated vendor's host: refused because of --only-vendors"
        else:
            return False
        _count(self.refused, target.host.lower())
        raise MockError(403, "refused", f"{target.host} {reason}")

    async def _connect_to_other(self, target: Target) -> Endpoint:
        """Connect to a host that is not a vendor's. Raise MockError if it cannot be reached."""
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                server = await _connect(target.host.strip("[]"), target.port, target.tls)
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or str(error) or "no answer in time"
            message = f"cannot reach {target.host} port {target.port}: {reason}"
            _count(self.unreachable, f"{target.host} ({reason})")
            raise MockError(502, "unreachable", message) from None
        _count(self.forwarded, target.host.lower())
        return server


async def _connect(host: str, port: int, tls: bool = False) -> Endpoint:
    context = ssl.create_default_context() if tls else None
    return Endpoint(*await asyncio.open_connection(host, port, ssl=context))


async def _read_head(client: Endpoint, parser: h11.Connection, start: bytes) -> h11.Request | None:
    """Return the head of a request, or None if the client ends the connection without sending one.

    Raise MockError if the bytes are not HTTP, or if the head is too long.
    """
    try:
        parser.receive_data(start)
        while (event := parser.next_event()) is h11.NEED_DATA:
            parser.receive_data(await client.reader.read(CHUNK_BYTES))
    except h11.RemoteProtocolError as error:
        code = "too_long" if error.error_status_hint == 431 else "not_http"
        raise MockError(error.error_status_hint, code, str(error)) from None
    return event if isinstance(event, h11.Request) else None


async def _read_first_bytes(client: Endpoint, start: bytes) -> tuple[FirstBytes, bytes]:
    """Read until the client's protocol is known; return it with all bytes that were read."""
    async with asyncio.timeout(IDLE_TIMEOUT):
        while (found := detect(start)) is None:
            if not (chunk := await client.reader.read(CHUNK_BYTES)):
                return FirstBytes("other"), start
            start += chunk
        return found, start


async def _unchecked(start: bytes) -> bytes:
    return start


async def _send_request(
    client: Endpoint, parser: h11.Connection, head: h11.Request, server: Endpoint
) -> None:
    """Send a request with its body, and drop all bytes that the client sends after it.

    Raise ConnectionAbortedError once the client has closed the connection.
    """
    serializer = h11.Connection(h11.CLIENT)
    server.writer.write(serializer.send(head) or b"")
    while not isinstance(event := parser.next_event(), h11.EndOfMessage):
        if isinstance(event, h11.Data):
            server.writer.write(serializer.send(event) or b"")
            await server.writer.drain()
        else:
            parser.receive_data(await client.reader.read(CHUNK_BYTES))
    server.writer.write(serializer.send(event) or b"")
    while await client.reader.read(CHUNK_BYTES):
        pass
    raise ConnectionAbortedError


def _count(names: Counter[str], *hosts: str) -> None:
    """Add one to the count of each host, but count at most MAX_COUNTED_NAMES different names."""
    for host in hosts:
        if host in names or len(names) < MAX_COUNTED_NAMES:
            names[host] += 1


@contextmanager
def running_proxy(proxy: Proxy) -> Iterator[str]:
    """Run a proxy on loopback, in a thread, while the block runs; yield its URL."""
    listener = listen(LOOPBACK, 0)
    ready: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def run() -> None:
        stop = asyncio.Event()
        server = await asyncio.start_server(proxy.handle_connection, sock=listener)
        ready.set_result((asyncio.get_running_loop(), stop))
        await stop.wait()
        server.close()

    thread = threading.Thread(target=lambda: asyncio.run(run()), name="mockserver proxy", daemon=True)
    thread.start()
    loop, stop = ready.result(START_TIMEOUT)
    try:
        yield base_url(listener)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(START_TIMEOUT)
