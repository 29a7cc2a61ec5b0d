"""A client of the proxy. It can send raw bytes, such as requests that an HTTP library would not send."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import httpx
import pytest

from mockserver.cli.exec.exec_command import ExecSetup

VENDOR = "services.leadconnectorhq.com"
NOT_EMULATED = "backend.leadconnectorhq.com"  # another host on the vendor's domain
LIST = "/products/inventory?altId=x&limit=1&altType=location"
HEADERS = {"Authorization": "Bearer demo", "Version": "v3"}
HEAD = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
TIMEOUT = 20  # seconds


def connect(setup: ExecSetup) -> socket.socket:
    """Return a connection to the proxy."""
    host, port = setup.environment["MOCKSERVER_PROXY"].removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=TIMEOUT)


def send(setup: ExecSetup, data: bytes) -> bytes:
    """Send bytes to the proxy, and return everything that it sends back; see `receive_all`."""
    with closing(connect(setup)) as connection:
        connection.sendall(data)
        return receive_all(connection)


def receive_all(connection: socket.socket) -> bytes:
    """Return all bytes until the connection ends. If it is reset, append `reset`."""
    received = b""
    try:
        while chunk := connection.recv(65536):
            received += chunk
    except ConnectionResetError:
        received += b"reset"
    return received


def receive_head(connection: socket.socket) -> bytes:
    """Return the bytes up to the first blank line."""
    received = b""
    while not received.endswith(b"\r\n\r\n"):
        received += connection.recv(1) or pytest.fail(f"closed after {received!r}")
    return received


@contextmanager
def tunnel(setup: ExecSetup, authority: str) -> Iterator[socket.socket]:
    """Yield a connection through the proxy to `host:port`."""
    with closing(connect(setup)) as connection:
        connection.sendall(f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode())
        assert receive_head(connection).startswith(b"HTTP/1.1 200 ")
        yield connection


def client(setup: ExecSetup, **settings: Any) -> httpx.Client:
    """Return an HTTP client that uses the proxy and trusts its certificates."""
    trust = ssl.create_default_context(cafile=setup.environment["SSL_CERT_FILE"])
    url = setup.environment["MOCKSERVER_PROXY"]
    return httpx.Client(proxy=url, verify=trust, timeout=TIMEOUT, **settings)


def encrypt(connection: socket.socket, ca: str, data: bytes) -> bytes:
    """Do a TLS handshake with VENDOR on a connection, and return data encrypted for it.

    `SSLSocket` cannot be used here, because it does not show how a connection ended.
    """
    trust, incoming, outgoing = ssl.create_default_context(cafile=ca), ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = trust.wrap_bio(incoming, outgoing, server_hostname=VENDOR)
    while True:
        try:
            tls.do_handshake()
            break
        except ssl.SSLWantReadError:
            connection.sendall(outgoing.read())
            incoming.write(connection.recv(65536))
    tls.write(data)
    return outgoing.read()
