"""Protocol detection: finds the protocol and the host names in the first bytes from a client."""

import re
import ssl
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

import h11

TLS_HANDSHAKE = b"\x16"
MAX_FIRST_BYTES = 64 * 1024
REQUEST_LINE = re.compile(rb"[a-z-]+ [^\n]* HTTP/\d", re.IGNORECASE)


@dataclass(frozen=True)
class FirstBytes:
    """The protocol of a connection, and the host names that its first bytes mention.

    The kind `broken` means that the bytes look like TLS or HTTP, but we cannot parse them. Another server
    might accept them.
    """

    kind: Literal["tls", "http", "other", "broken"]
    hosts: tuple[str, ...] = ()


def detect(start: bytes) -> FirstBytes | None:
    """Return the protocol and host names in a connection's first bytes, or None if more bytes are needed."""
    if len(start) > MAX_FIRST_BYTES:
        return FirstBytes("broken")
    if start.startswith(TLS_HANDSHAKE):
        return _detect_tls(start)
    line = start.lstrip(b"\r\n")
    if REQUEST_LINE.match(line):
        return _detect_http(line)
    # If this looks like the beginning of a request line, wait for the rest of the line.
    unfinished = re.fullmatch(rb"[A-Za-z-]*(?: [^\n]*)?", line)
    return None if unfinished else FirstBytes("other")


def _detect_tls(start: bytes) -> FirstBytes | None:
    """Find the server name (SNI) with OpenSSL, so that we see the name that a real server would see."""
    names: list[str | None] = []

    def record_name(connection: object, name: str | None, context: object) -> int:
        names.append(name)
        return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.sni_callback = record_name
    incoming = ssl.MemoryBIO()
    incoming.write(start)
    try:
        context.wrap_bio(incoming, ssl.MemoryBIO(), server_side=True).do_handshake()
    except ssl.SSLWantReadError:
        return None
    except ssl.SSLError:
        pass
    return FirstBytes("tls", tuple(name for name in names if name)) if names else FirstBytes("broken")


def _detect_http(start: bytes) -> FirstBytes | None:
    """Find the host names in the URL and in the Host header of a request."""
    parser = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_FIRST_BYTES)
    parser.receive_data(start)
    try:
        event = parser.next_event()
        if event is h11.NEED_DATA:
            return None
        assert isinstance(event, h11.Request)
        headers = [value.decode("latin-1") for name, value in event.headers if name == b"host"]
        in_url = urlsplit(event.target.decode("ascii")).hostname
        in_headers = [urlsplit(f"//{value}").hostname for value in headers]
        return FirstBytes("http", tuple(host for host in (in_url, *in_headers) if host))
    except (h11.RemoteProtocolError, ValueError):
        return FirstBytes("broken")
