"""Greetings: whom the first bytes of a client are meant for."""

import ssl

import pytest

from mockserver.cli.exec.protocol_detection import MAX_FIRST_BYTES, FirstBytes, greeting


def client_hello(name: str | None) -> bytes:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    outgoing = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name).do_handshake()
    return outgoing.read()


@pytest.mark.parametrize("name", ["services.example", "SHOP.Example", None])
def test_tls_says_the_name_that_it_asks_for_once_it_is_whole(name: str | None) -> None:
    hello = client_hello(name)
    assert greeting(hello) == FirstBytes("tls", (name,) if name else ())
    assert {greeting(hello[:size]) for size in range(1, len(hello))} == {None}


def test_tls_in_many_small_records_says_its_name_too() -> None:
    hello = client_hello("services.example")
    body = hello[5:]
    records = b"".join(
        b"\x16\x03\x01\x00\x10" + body[at : at + 16] for at in range(0, len(body) // 16 * 16, 16)
    )
    rest = body[len(body) // 16 * 16 :]
    records += b"\x16\x03\x01" + len(rest).to_bytes(2, "big") + rest if rest else b""
    assert greeting(records) == FirstBytes("tls", ("services.example",))


@pytest.mark.parametrize(
    ("start", "found"),
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
def test_the_first_bytes_say_how_and_to_whom_a_client_speaks(start: bytes, found: FirstBytes | None) -> None:
    assert greeting(start) == found
