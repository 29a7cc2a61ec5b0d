"""Lines: raw sockets to the proxy of a stage, to say what no client would, and to hear how it ends."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import httpx
import pytest

from mockserver.cli.exec.exec_command import ExecSetup

VENDOR = "services.leadconnectorhq.com"
KIN = "backend.leadconnectorhq.com"
LIST = "/products/inventory?altId=x&limit=1&altType=location"
HEADERS = {"Authorization": "Bearer demo", "Version": "v3"}
HEAD = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
TIMEOUT = 20


def dial(stage: ExecSetup) -> socket.socket:
    host, port = stage.environment["MOCKSERVER_PROXY"].removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=TIMEOUT)


def say(stage: ExecSetup, sent: bytes) -> bytes:
    """All that comes back; a reset is `reset`."""
    with closing(dial(stage)) as line:
        line.sendall(sent)
        return heard(line)


def heard(line: socket.socket) -> bytes:
    got = b""
    try:
        while piece := line.recv(65536):
            got += piece
    except ConnectionResetError:
        got += b"reset"
    return got


def until_blank(line: socket.socket) -> bytes:
    got = b""
    while not got.endswith(b"\r\n\r\n"):
        got += line.recv(1) or pytest.fail(f"closed after {got!r}")
    return got


@contextmanager
def tunnel(stage: ExecSetup, authority: str) -> Iterator[socket.socket]:
    with closing(dial(stage)) as line:
        line.sendall(f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode())
        assert until_blank(line).startswith(b"HTTP/1.1 200 ")
        yield line


def client(stage: ExecSetup, **settings: Any) -> httpx.Client:
    trusted = ssl.create_default_context(cafile=stage.environment["SSL_CERT_FILE"])
    url = stage.environment["MOCKSERVER_PROXY"]
    return httpx.Client(proxy=url, verify=trusted, timeout=TIMEOUT, **settings)


def shaken(line: socket.socket, authority: str, words: bytes) -> bytes:
    """Words under TLS, after shaking hands. OpenSSL hides from Python how a connection ended."""
    trusted, coming, going = ssl.create_default_context(cafile=authority), ssl.MemoryBIO(), ssl.MemoryBIO()
    talk = trusted.wrap_bio(coming, going, server_hostname=VENDOR)
    while True:
        try:
            talk.do_handshake()
            break
        except ssl.SSLWantReadError:
            line.sendall(going.read())
            coming.write(line.recv(65536))
    talk.write(words)
    return going.read()
