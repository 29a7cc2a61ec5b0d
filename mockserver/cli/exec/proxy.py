"""The proxy of a command: vendors' names lead to the mock, whatever the port; others pass, or are refused.

A name that is a vendor's, or of a vendor's domain, is never resolved and never connected to: all
that is known of a vendor here are two ports of this machine. What a tunnel to another host begins
with is looked at too, as a client may have found out a vendor's address by itself.
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

from mockserver.cli.exec.protocol_detection import MAX_FIRST_BYTES, TLS_HANDSHAKE, FirstBytes, greeting
from mockserver.cli.exec.tunnel import IDLE, PIECE, Endpoint, join_endpoints, run_together
from mockserver.contract.hosts import NAME, HostKind, Hosts
from mockserver.server.http.errors import MockError
from mockserver.server.http.serialization import CLOSE_HEADER, to_bytes
from mockserver.server.server import START_TIMEOUT
from mockserver.server.sockets import base_url, listen

LOOPBACK = "127.0.0.1"
MAX_CONNECTIONS, MAX_NAMES = 512, 1000
HEAD_TIMEOUT, CONNECT_TIMEOUT = 15.0, 10.0
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
# What concerns one connection only, and the name, which is taken from the URL.
NOT_PASSED_ON = (
    b"connection",
    b"proxy-connection",
    b"keep-alive",
    b"proxy-authorization",
    b"upgrade",
    b"host",
)


@dataclass(frozen=True)
class Target:
    """A host that a client names, and the port on it; `origin` is what a request asks for there."""

    host: str
    port: int
    tls: bool = False
    origin: str = ""

    @classmethod
    def to(cls, authority: str, usual: int | None = None, tls: bool = False, origin: str = "") -> "Target":
        """The way that `host:port` means. OurRefusal: it means none."""
        host, colon, port = authority.rpartition(":")
        if not colon or not re.fullmatch(r"[0-9]{1,5}", port):
            host, port = authority, str(usual or 0)
        if not NAME.fullmatch(host) or not 0 < int(port) < 65536:
            raise MockError(400, "bad_target", f"not a host and port: {authority[:100]}")
        return cls(host, int(port), tls, origin)

    @property
    def netloc(self) -> str:
        return self.host if self.port == (443 if self.tls else 80) else f"{self.host}:{self.port}"


class Proxy:
    """Where the connections of a command's clients lead. `plain` and `tls_settings` are the mock's ports.

    `passed` and `refused` count the other hosts that were asked for, by name.
    """

    def __init__(self, hosts: Hosts, plain: int, tls_settings: int, only_vendors: bool = False) -> None:
        self._hosts, self._plain, self._secure, self._only_vendors = hosts, plain, tls_settings, only_vendors
        self.passed: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self._open = 0

    async def meet(self, reader: StreamReader, writer: StreamWriter) -> None:
        """One connection, from its first byte to its end."""
        near = Endpoint(reader, writer)
        self._open += 1
        try:
            if self._open > MAX_CONNECTIONS:
                raise MockError(503, "busy", f"the proxy takes {MAX_CONNECTIONS} connections at most")
            await self._lead(near)
            writer.close()
        except MockError as refusal:
            # Most clients show nothing of a refusal but its first line.
            writer.write(to_bytes(refusal.response(), CLOSE_HEADER, re.sub(r"[^ -~]", "?", refusal.message)))
            writer.close()
        except (OSError, h11.ProtocolError):
            near.reset()
        finally:
            self._open -= 1

    async def _lead(self, near: Endpoint) -> None:
        """To where the first bytes say."""
        read_draft = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_FIRST_BYTES)
        request = None
        try:
            async with asyncio.timeout(HEAD_TIMEOUT):
                start = await near.reader.read(PIECE)
                if not start.startswith(TLS_HANDSHAKE):
                    request = await _head(near, read_draft, start)
        except TimeoutError:
            raise MockError(408, "request_timeout", "the request did not arrive in time") from None
        if start.startswith(TLS_HANDSHAKE):
            # TLS that begins without a word to a proxy can only be for the mock.
            far = await _connect(LOOPBACK, self._secure)
            await join_endpoints(near, far, self._meant_for("vendor", near, start))
        elif request and request.method == b"CONNECT":
            await self._tunnel(near, read_draft, Target.to(request.target.decode()))
        elif request:
            await self._forward(near, read_draft, request)

    async def _tunnel(self, near: Endpoint, read_draft: h11.Connection, way: Target) -> None:
        if not isinstance(read_draft.next_event(), h11.EndOfMessage):
            raise MockError(400, "bad_target", "CONNECT takes no body")
        start = read_draft.trailing_data[0]
        if not self._is_vendors(way):
            far = await self._reach(way)
            near.writer.write(ESTABLISHED)
            return await join_endpoints(near, far, self._meant_for("other", near, start))
        near.writer.write(ESTABLISHED)
        found, start = await _greeting(near, start)
        far = await _connect(LOOPBACK, self._secure if found.kind == "tls" else self._plain)
        await join_endpoints(near, far, _as_it_is(start))

    async def _meant_for(self, kind: HostKind, near: Endpoint, start: bytes) -> bytes:
        """What a client begins with. ConnectionAbortedError: it speaks to a host of another kind."""
        found, start = await _greeting(near, start)
        strangers = [host for host in found.hosts if self._hosts.kind(host) != kind]
        if strangers or found.kind == "broken":
            _count(self.refused, *strangers)
            raise ConnectionAbortedError
        return start

    async def _forward(self, near: Endpoint, read_draft: h11.Connection, request: h11.Request) -> None:
        """One request, under the name in its URL; the answer goes back as it comes, byte for byte."""
        way = self._asked(request)
        far = await (_connect(LOOPBACK, self._plain) if self._is_vendors(way) else self._reach(way))
        kept = [(bytes(name), bytes(value)) for name, value in request.headers.raw_items()
                if name.lower() not in NOT_PASSED_ON]  # fmt: skip
        headers = [(b"Host", way.netloc.encode()), *kept, (b"Connection", b"close")]
        head = h11.Request(method=request.method, target=way.origin, headers=headers)
        try:
            async with asyncio.timeout(IDLE) as patience:
                sending, answering = _send(near, read_draft, head, far), far.pour_into(near, patience)
                await run_together(sending, answering, until=asyncio.FIRST_COMPLETED)
        finally:
            far.writer.close()

    def _asked(self, request: h11.Request) -> Target:
        """The way of a request whose target is a whole URL; straight to a vendor, a path will do."""
        target = request.target.decode()
        if target.startswith("/"):
            named = next((value.decode("latin-1") for name, value in request.headers if name == b"host"), "")
            way = Target.to(named, 80, origin=target)
            if self._hosts.kind(way.host) == "vendor":
                return way
        url = re.fullmatch(r"(https?)://([^/?#]*)([^?#]*)(\?[^#]*)?(?:#.*)?", target, re.IGNORECASE)
        if not url:
            words = "this is a proxy: send CONNECT, or a whole http:// or https:// URL"
            raise MockError(400, "not_proxied", words)
        tls = url[1].lower() == "https"
        return Target.to(url[2], 443 if tls else 80, tls, (url[3] or "/") + (url[4] or ""))

    def _is_vendors(self, way: Target) -> bool:
        """Whether a way leads to the mock. OurRefusal: it leads nowhere."""
        kind = self._hosts.kind(way.host)
        if kind == "kin" or (kind == "other" and self._only_vendors):
            _count(self.refused, way.host)
            why = "is of a vendor, and not served" if kind == "kin" else "is no vendor's (--only-vendors)"
            raise MockError(403, "refused", f"{way.host} {why}")
        return kind == "vendor"

    async def _reach(self, way: Target) -> Endpoint:
        """A connection to a host that is no vendor's. OurRefusal: there is none to be had."""
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                side = await _connect(way.host.strip("[]"), way.port, way.tls)
        except (OSError, UnicodeError) as error:
            why = getattr(error, "strerror", None) or str(error) or "no answer in time"
            raise MockError(502, "unreachable", f"cannot reach {way.host} port {way.port}: {why}") from None
        _count(self.passed, way.host)
        return side


async def _connect(host: str, port: int, tls: bool = False) -> Endpoint:
    context = ssl.create_default_context() if tls else None
    return Endpoint(*await asyncio.open_connection(host, port, ssl=context))


async def _head(near: Endpoint, read_draft: h11.Connection, start: bytes) -> h11.Request | None:
    """The head of a request, or None if none comes. OurRefusal: it is no HTTP, or too long."""
    try:
        read_draft.receive_data(start)
        while (event := read_draft.next_event()) is h11.NEED_DATA:
            read_draft.receive_data(await near.reader.read(PIECE))
    except h11.RemoteProtocolError as error:
        code = "too_long" if error.error_status_hint == 431 else "not_http"
        raise MockError(error.error_status_hint, code, str(error)) from None
    return event if isinstance(event, h11.Request) else None


async def _greeting(near: Endpoint, start: bytes) -> tuple[FirstBytes, bytes]:
    """What a client begins with, and the bytes of it."""
    async with asyncio.timeout(IDLE):
        while (found := greeting(start)) is None:
            if not (piece := await near.reader.read(PIECE)):
                return FirstBytes("other"), start
            start += piece
        return found, start


async def _as_it_is(start: bytes) -> bytes:
    return start


async def _send(near: Endpoint, read_draft: h11.Connection, head: h11.Request, far: Endpoint) -> None:
    """One request to its end; what comes after it is dropped. ConnectionAbortedError: the client is gone."""
    writing = h11.Connection(h11.CLIENT)
    far.writer.write(writing.send(head) or b"")
    while not isinstance(event := read_draft.next_event(), h11.EndOfMessage):
        if isinstance(event, h11.Data):
            far.writer.write(writing.send(event) or b"")
            await far.writer.drain()
        else:
            read_draft.receive_data(await near.reader.read(PIECE))
    far.writer.write(writing.send(event) or b"")
    while await near.reader.read(PIECE):
        pass
    raise ConnectionAbortedError


def _count(names: Counter[str], *hosts: str) -> None:
    for host in hosts:
        if host in names or len(names) < MAX_NAMES:
            names[host.lower()] += 1


@contextmanager
def proxying(proxy: Proxy) -> Iterator[str]:
    """The URL of a proxy that runs in a thread, on loopback, while the block runs."""
    listening = listen(LOOPBACK, 0)
    ready: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def run() -> None:
        stop = asyncio.Event()
        server = await asyncio.start_server(proxy.meet, sock=listening)
        ready.set_result((asyncio.get_running_loop(), stop))
        await stop.wait()
        server.close()

    thread = threading.Thread(target=lambda: asyncio.run(run()), name="mockserver proxy", daemon=True)
    thread.start()
    loop, stop = ready.result(START_TIMEOUT)
    try:
        yield base_url(listening)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(START_TIMEOUT)
