"""TLS contexts of a server."""

import ssl
from pathlib import Path
from typing import Any

NO_TLS = ("HTTP_REQUEST", "HTTPS_PROXY_REQUEST", "WRONG_VERSION_NUMBER")


ADVICE = b'{"error":"not_https","message":"this port speaks HTTPS: begin the URL with https://"}'


SPEAK_TLS = (
    b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: application/json\r\n"
    b"X-Mock-Error: not_https\r\nContent-Length: %d\r\n\r\n%s" % (len(ADVICE), ADVICE)
)


class UnusableCertificate(Exception):
    """What is kept, or was given, is no good; the message says why."""


def own_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """What a server needs to speak TLS with the user's own certificate. Unusable says why not."""
    for file in (certificate, key):
        try:
            file.open("rb").close()
        except OSError as error:
            raise UnusableCertificate(f"cannot read {file}: {error.strerror}") from None
    context = server_context()
    try:
        context.load_cert_chain(certificate, key, password=_refuse_to_ask)
    except _Encrypted:
        raise UnusableCertificate(f"{key} is encrypted: give a key without a password") from None
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise UnusableCertificate(f"{key} is not the key of {certificate}") from None
        raise UnusableCertificate(f"{certificate} and {key} are no certificate and key in PEM") from None
    return context


class _Encrypted(Exception):
    """A password is asked for."""


def _refuse_to_ask() -> str:
    raise _Encrypted


def server_context() -> ssl.SSLContext:
    context = _Context(ssl.PROTOCOL_TLS_SERVER)
    context.sslobject_class = _Conversation
    context.set_alpn_protocols(["http/1.1"])
    return context


class _Context(ssl.SSLContext):
    """A context whose conversations can say something before there is any TLS."""

    def wrap_bio(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, *args: Any, **kwargs: Any) -> Any:
        conversation = super().wrap_bio(incoming, outgoing, *args, **kwargs)
        conversation.outgoing = outgoing  # type: ignore[attr-defined]
        return conversation


class _Conversation(ssl.SSLObject):
    """TLS with one client; who begins with plain HTTP is told so, instead of being hung up on."""

    outgoing: ssl.MemoryBIO

    def do_handshake(self) -> None:
        try:
            super().do_handshake()
        except ssl.SSLError as error:
            if error.reason not in NO_TLS:
                raise
            self.outgoing.write(SPEAK_TLS)
            # To want more is the only way to have the answer sent; the next words end it all.
            raise ssl.SSLWantReadError(ssl.SSL_ERROR_WANT_READ, error.reason) from None
