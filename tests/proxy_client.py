"""Raw connections to the proxy of `mockserver exec`: they send what no HTTP client would send."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import httpx
import pytest

from mockserver.cli.exec.exec_command import ExecSetup

VENDOR = "services.leadconnectorhq.com"
SIBLING = "backend.leadconnectorhq.com"  # on the vendor's own domain, but not a host of its API
LIST = "/products/inventory?altId=x&limit=1&altType=location"
HEADERS = {"Authorization": "Bearer demo", "Version": "v3"}
HEAD = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
TIMEOUT = 20  # seconds


def connect_to_proxy(exec_run: ExecSetup) -> socket.socket:
    """Open a connection to the proxy."""
    host, port = exec_run.environment["MOCKSERVER_PROXY"].removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=TIMEOUT)


def send_raw(exec_run: ExecSetup, data: bytes) -> bytes:
    """Send bytes over a new connection, and return all that comes back, as `receive_all` does."""
    with closing(connect_to_proxy(exec_run)) as connection:
        connection.sendall(data)
        return receive_all(connection)


def receive_all(connection: socket.socket) -> bytes:
    """Return all bytes until the connection ends, followed by `reset` if it ends by a TCP reset."""
    received = b""
    try:
        while piece := connection.recv(65536):
            received += piece
    except ConnectionResetError:
        received += b"reset"
    return received


def receive_head(connection: socket.socket) -> bytes:
    """Return the bytes up to the blank line that ends a response head, and not one more."""
    received = b""
    while not received.endswith(b"\r\n\r\n"):
        received += connection.recv(1) or pytest.fail(f"closed after {received!r}")
    return received


@contextmanager
def tunnel(exec_run: ExecSetup, authority: str) -> Iterator[socket.socket]:
    """Open a tunnel to an authority, such as `example.com:443`, by CONNECT."""
    with closing(connect_to_proxy(exec_run)) as connection:
        connection.sendall(f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode())
        assert receive_head(connection).startswith(b"HTTP/1.1 200 ")
        yield connection


def http_client(exec_run: ExecSetup, **settings: Any) -> httpx.Client:
    """Return an HTTP client that uses the proxy and trusts its certificate authority."""
    trusted = ssl.create_default_context(cafile=exec_run.environment["SSL_CERT_FILE"])
    url = exec_run.environment["MOCKSERVER_PROXY"]
    return httpx.Client(proxy=url, verify=trusted, timeout=TIMEOUT, **settings)


def encrypted(connection: socket.socket, ca_file: str, data: bytes) -> bytes:
    """Do a TLS handshake, and return data encrypted for that connection, which is not sent yet.

    TLS runs in memory, so that the test can see how the TCP connection ends; Python's SSL sockets hide it.
    """
    context, incoming, outgoing = ssl.create_default_context(cafile=ca_file), ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname=VENDOR)
    while True:
        try:
            tls.do_handshake()
            break
        except ssl.SSLWantReadError:
            connection.sendall(outgoing.read())
            incoming.write(connection.recv(65536))
    tls.write(data)
    return outgoing.read()
