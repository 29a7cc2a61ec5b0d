"""Greetings: the first bytes that a client sends, and whom they say they are meant for."""

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
    """How a client begins, and the host names in it. What is `broken` might be read by others somehow."""

    kind: Literal["tls", "http", "other", "broken"]
    hosts: tuple[str, ...] = ()


def greeting(start: bytes) -> FirstBytes | None:
    """The greeting that some bytes are, or None: more are needed to know."""
    if len(start) > MAX_FIRST_BYTES:
        return FirstBytes("broken")
    if start.startswith(TLS_HANDSHAKE):
        return _tls(start)
    line = start.lstrip(b"\r\n")
    if REQUEST_LINE.match(line):
        return _http(line)
    # Other protocols begin in lines too, or in bytes that are no letters.
    unfinished = re.fullmatch(rb"[A-Za-z-]*(?: [^\n]*)?", line)
    return None if unfinished else FirstBytes("other")


def _tls(start: bytes) -> FirstBytes | None:
    """OpenSSL itself reads the name that it is asked for, as a server would."""
    asked: list[str | None] = []

    def look(connection: object, name: str | None, context: object) -> int:
        asked.append(name)
        return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.sni_callback = look
    coming = ssl.MemoryBIO()
    coming.write(start)
    try:
        context.wrap_bio(coming, ssl.MemoryBIO(), server_side=True).do_handshake()
    except ssl.SSLWantReadError:
        return None
    except ssl.SSLError:
        pass
    return FirstBytes("tls", tuple(name for name in asked if name)) if asked else FirstBytes("broken")


def _http(start: bytes) -> FirstBytes | None:
    read_draft = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_FIRST_BYTES)
    read_draft.receive_data(start)
    try:
        event = read_draft.next_event()
        if event is h11.NEED_DATA:
            return None
        assert isinstance(event, h11.Request)
        headers = [value.decode("latin-1") for name, value in event.headers if name == b"host"]
        named = urlsplit(event.target.decode("ascii")).hostname
        hosts = [urlsplit(f"//{value}").hostname for value in headers]
        return FirstBytes("http", tuple(host for host in (named, *hosts) if host))
    except (h11.RemoteProtocolError, ValueError):
        return FirstBytes("broken")
