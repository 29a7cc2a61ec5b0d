"""Protocol detection: what a client speaks, and to which host, by the first bytes that it sends."""

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
    """The protocol that a client speaks, and the host names that it mentions.

    `broken` is TLS or HTTP that we reject, but that another server might accept.
    """

    kind: Literal["tls", "http", "other", "broken"]
    hosts: tuple[str, ...] = ()


def detect(start: bytes) -> FirstBytes | None:
    """Return what the first bytes of a connection are, or None if it takes more bytes to know."""
    if len(start) > MAX_FIRST_BYTES:
        return FirstBytes("broken")
    if start.startswith(TLS_HANDSHAKE):
        return _detect_tls(start)
    line = start.lstrip(b"\r\n")
    if REQUEST_LINE.match(line):
        return _detect_http(line)
    # It may still become a request line, as long as it looks like the beginning of one.
    unfinished = re.fullmatch(rb"[A-Za-z-]*(?: [^\n]*)?", line)
    return None if unfinished else FirstBytes("other")


def _detect_tls(start: bytes) -> FirstBytes | None:
    """Let OpenSSL read the requested server name (SNI), so that we see what a server would see."""
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
    """Read the host names in the URL and in the Host header of a request."""
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
