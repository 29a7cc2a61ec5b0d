"""TLS contexts for a server that answers plain HTTP requests with a hint to use HTTPS."""

import ssl
from pathlib import Path
from typing import Any

# OpenSSL's reasons for rejecting a client that does not begin with a TLS handshake.
NOT_TLS_REASONS = ("HTTP_REQUEST", "HTTPS_PROXY_REQUEST", "WRONG_VERSION_NUMBER")
NOT_HTTPS_BODY = (
    b'{"error":"not_https","message":"this port expects HTTPS: use a URL that begins with https://"}'
)
NOT_HTTPS_RESPONSE = (
    b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: application/json\r\n"
    b"X-Mock-Error: not_https\r\nContent-Length: %d\r\n\r\n%s" % (len(NOT_HTTPS_BODY), NOT_HTTPS_BODY)
)


class UnusableCertificate(Exception):
    """Raised if a certificate or its key cannot be used. The message says why."""


def context_from_files(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return a server's TLS context with the user's own certificate and key, both in PEM.

    Raise UnusableCertificate if they cannot be read, do not belong together or need a password.
    """
    for file in (certificate, key):
        try:
            file.open("rb").close()
        except OSError as error:
            raise UnusableCertificate(f"cannot read {file}: {error.strerror}") from None
    context = server_context()
    try:
        context.load_cert_chain(certificate, key, password=_refuse_password)
    except _PasswordNeeded:
        raise UnusableCertificate(f"{key} is encrypted: give a key without a password") from None
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise UnusableCertificate(f"{key} is not the key of {certificate}") from None
        raise UnusableCertificate(
            f"{certificate} or {key} is not in PEM format: give a PEM certificate and its PEM key"
        ) from None
    return context


class _PasswordNeeded(Exception):
    """Raised if OpenSSL asks for the password of an encrypted key."""


def _refuse_password() -> str:
    """Raise an exception, because OpenSSL would otherwise wait for a password on the terminal."""
    raise _PasswordNeeded


def server_context() -> ssl.SSLContext:
    """Return a TLS context for an HTTP/1.1 server. It has no certificate yet."""
    context = _Context(ssl.PROTOCOL_TLS_SERVER)
    context.sslobject_class = _Connection
    context.set_alpn_protocols(["http/1.1"])
    return context


class _Context(ssl.SSLContext):
    """A context whose connections can send bytes that are not TLS."""

    def wrap_bio(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, *args: Any, **kwargs: Any) -> Any:
        connection = super().wrap_bio(incoming, outgoing, *args, **kwargs)
        connection.outgoing = outgoing  # type: ignore[attr-defined]
        return connection


class _Connection(ssl.SSLObject):
    """TLS with one client. A client that sends plain HTTP gets an HTTP error before it is disconnected."""

    outgoing: ssl.MemoryBIO

    def do_handshake(self) -> None:
        try:
            super().do_handshake()
        except ssl.SSLError as error:
            if error.reason not in NOT_TLS_REASONS:
                raise
            self.outgoing.write(NOT_HTTPS_RESPONSE)
            # Ask for more data, because only then does asyncio send what we wrote. The next read
            # fails, and that closes the connection.
            raise ssl.SSLWantReadError(ssl.SSL_ERROR_WANT_READ, error.reason) from None
