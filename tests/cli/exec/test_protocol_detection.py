"""Protocol detection: the protocol and the host names in a client's first bytes."""

import ssl

import pytest

from mockserver.cli.exec.protocol_detection import MAX_FIRST_BYTES, FirstBytes, detect


def client_hello(name: str | None) -> bytes:
    """Return the first bytes from a TLS client that asks for a server name, or for no name if it is None."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    outgoing = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name).do_handshake()
    return outgoing.read()


@pytest.mark.parametrize("name", ["services.example", "SHOP.Example", None])
def test_client_hello_is_detected_only_when_complete(name: str | None) -> None:
    hello = client_hello(name)
    assert detect(hello) == FirstBytes("tls", (name,) if name else ())
    assert {detect(hello[:size]) for size in range(1, len(hello))} == {None}


def test_client_hello_split_into_many_records_is_detected() -> None:
    body = client_hello("services.example")[5:]
    pieces = [body[at : at + 16] for at in range(0, len(body), 16)]
    records = b"".join(b"\x16\x03\x01" + len(piece).to_bytes(2, "big") + piece for piece in pieces)
    assert detect(records) == FirstBytes("tls", ("services.example",))


@pytest.mark.parametrize(
    ("start", "detected"),
    [
        (b"GET / HTTP/1.1\r\nHost: A.example:80\r\n\r\n", FirstBytes("http", ("a.example",))),
        (b"\r\nGET / HTTP/1.1\nhost:a.example\n\n", FirstBytes("http", ("a.example",))),
        (
            b"GET http://b.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n",
            FirstBytes("http", ("b.example", "a.example")),
        ),
        (b"GET / HTTP/1.0\r\n\r\n", FirstBytes("http")),
        (b"GET / HTTP/1.1\r\nHost : a.example\r\n\r\n", FirstBytes("broken")),
        (b"GET / HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n", FirstBytes("broken")),
        (b"GET / HTTP/1.1\r\n Host: a.example\r\n\r\n", FirstBytes("broken")),
        (b"GET / HTTP/1.1\r\nHost: a.exam", None),
        (b"GET", None),
        (b"", None),
        (b"EHLO there\r\n", FirstBytes("other")),
        (b"SSH-2.0-any\r\n", FirstBytes("other")),
        (b"\x00\x00\x00\x08\x04\xd2\x16/", FirstBytes("other")),
        (b"\x16\x03\x01\x00\x04junk", FirstBytes("broken")),
        (b"GET /" + b"a" * MAX_FIRST_BYTES, FirstBytes("broken")),
    ],
)
def test_http_and_other_protocols_are_detected(start: bytes, detected: FirstBytes | None) -> None:
    assert detect(start) == detected
