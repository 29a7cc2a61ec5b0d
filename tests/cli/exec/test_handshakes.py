"""TLS handshakes that fail are counted by host, with the reason in words."""

import ssl
from pathlib import Path

import pytest

from mockserver.cli.exec.handshakes import NOT_TRUSTED, count_failures
from mockserver.server.tls.authority import Authority

HOST = "narvar.example"


def handshake(server: ssl.SSLContext, client: ssl.SSLContext, host: str | None) -> None:
    """Let a client and a server shake hands in memory, until both are done or one of them fails."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [
        client.wrap_bio(to_client, to_server, server_hostname=host),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(5):
        for side in sides:
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError:
                continue  # the other side gets the alert


@pytest.mark.finding("D3")
def test_failed_handshakes_are_counted_with_host_and_reason(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    server = authority.context([HOST])
    failures = count_failures(server)
    trusting = ssl.create_default_context(cafile=authority.file)
    handshake(server, trusting, HOST)
    assert not failures
    for _ in range(2):
        handshake(server, ssl.create_default_context(), HOST.upper())
    other = ssl.create_default_context()
    other.check_hostname = False
    handshake(server, other, None)
    assert failures[HOST, NOT_TRUSTED] == 2
    assert failures["a host that the client does not name", NOT_TRUSTED] == 1
