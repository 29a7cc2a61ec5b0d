"""TLS handshakes that fail: a client calls a vendor's host, and does not get as far as a request."""

import ssl
from collections import Counter
from typing import Any

MAX_FAILURES = 1000  # different ones that are counted
Failures = Counter[tuple[str, str]]  # (host, reason)
NOT_TRUSTED = "the client does not trust the mock's certificate"
# OpenSSL's name for an alert that a client sends: what it means.
REASONS = {
    "TLSV1_ALERT_UNKNOWN_CA": NOT_TRUSTED,
    "SSLV3_ALERT_BAD_CERTIFICATE": NOT_TRUSTED,
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": NOT_TRUSTED,
    "TLSV1_ALERT_DECRYPT_ERROR": NOT_TRUSTED,
    "UNSUPPORTED_PROTOCOL": "the client speaks only versions of TLS that are too old",
    "NO_SHARED_CIPHER": "the client offers no cipher that the mock accepts",
}


def count_failures(context: ssl.SSLContext) -> Failures:
    """Make a server's TLS context count the handshakes that fail, and return the counter."""
    failures: Failures = Counter()

    class CountingObject(ssl.SSLObject):
        """The server's side of one TLS connection."""

        host = "a host that the client does not name"

        def do_handshake(self) -> None:
            try:
                super().do_handshake()
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                raise
            except ssl.SSLError as error:
                failure = (self.host, reason_of(error))
                if failure in failures or len(failures) < MAX_FAILURES:
                    failures[failure] += 1
                raise

    def remember(connection: Any, name: str | None, context: ssl.SSLContext) -> None:
        if name:
            connection.host = name.lower()

    context.sslobject_class = CountingObject
    context.sni_callback = remember
    return failures


def reason_of(error: ssl.SSLError) -> str:
    """Return the reason why a handshake failed, in words."""
    name = error.reason or "UNKNOWN"
    return REASONS.get(name) or name.lower().replace("_", " ")
