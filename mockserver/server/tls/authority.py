"""The mock's own certificate authority, kept in the data folder, and the certificates that it signs."""

import logging
import ssl
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from filelock import FileLock, Timeout

from mockserver.server.tls.context import UnusableCertificate, server_context
from mockserver.server.tls.data_dir import (
    DataDirError,
    certificate_file,
    data_folder,
    key_file,
    make_private,
    read_private,
    write_atomically,
)

THIS_MACHINE = ("localhost", "127.0.0.1", "::1")
# Apple's clients reject server certificates that are valid for longer than this. The period begins two
# days ago, because a client's clock may be slow.
VALID_BEFORE, VALID_AFTER = timedelta(days=2), timedelta(days=395)
LOCK_TIMEOUT = 30  # seconds
log = logging.getLogger("mockserver")


class Authority:
    """The certificate authority in a data folder. It is created if the folder has no usable authority.

    Raise DataDirError if the folder cannot be used, or if other users can access the private key.
    """

    def __init__(self, folder: Path | None = None) -> None:
        folder = data_folder(folder)
        self.file, self._key_file = certificate_file(folder), key_file(folder)
        try:
            self._ca = self._read()
        except (FileNotFoundError, UnusableCertificate):
            self._ca = self._make()

    @property
    def pem(self) -> bytes:
        """The authority's certificate in PEM, which clients must trust. It does not contain the key."""
        return self._ca.cert_pem.bytes()

    def context(self, names: Iterable[str] = ()) -> ssl.SSLContext:
        """Return a server's TLS context with a certificate for `names` and for this machine.

        A name is a host name, an IP address, or a wildcard that begins with `*.`. The server's key is
        made for this context and is never written to disk.
        """
        now = datetime.now(UTC)
        certificate = self._ca.issue_cert(
            *dict.fromkeys([*names, *THIS_MACHINE]),
            organization_name="mockserver",
            not_before=now - VALID_BEFORE,
            not_after=now + VALID_AFTER,
        )
        context = server_context()
        certificate.configure_cert(context)
        return context

    def _read(self) -> trustme.CA:
        """Load the authority from its files.

        Raise FileNotFoundError if there is no authority, UnusableCertificate if it cannot be used, and
        DataDirError if the files cannot be read or are not private.
        """
        make_private(self.file.parent)
        try:
            certificate = self.file.read_bytes()
            return _load_ca(certificate, read_private(self._key_file))
        except FileNotFoundError as error:
            if error.filename == str(self._key_file):
                raise UnusableCertificate("has no private key") from None
            raise
        except OSError as error:
            raise DataDirError(f"cannot read {self.file}: {error.strerror}") from None

    def _make(self) -> trustme.CA:
        """Create an authority and write it to its files.

        If another process has created one in the meantime, return that one, so that all processes use
        the same authority.
        """
        folder = self.file.parent
        try:
            with FileLock(folder / "lock", timeout=LOCK_TIMEOUT):
                with suppress(FileNotFoundError):
                    try:
                        return self._read()
                    except UnusableCertificate as error:
                        log.warning(
                            "the certificate authority in %s %s: it is replaced by a new one, "
                            "and your clients must trust the new certificate", folder, error,
                        )  # fmt: skip
                ca = trustme.CA(organization_name="mockserver", path_length=0)
                write_atomically(self._key_file, ca.private_key_pem.bytes())
                write_atomically(self.file, ca.cert_pem.bytes(), 0o644)
                return ca
        except Timeout:
            raise DataDirError(f"another process has locked {folder}: try again") from None
        except OSError as error:
            raise DataDirError(f"cannot write to {folder}: {error.strerror}") from None


def _load_ca(certificate: bytes, key: bytes) -> trustme.CA:
    """Return an authority from its certificate and key, both in PEM.

    Raise UnusableCertificate if they are not the certificate and key of an authority. Raise it also if
    the authority expires too soon: certificates that it signs today must not outlive it.
    """
    try:
        ca = x509.load_pem_x509_certificate(certificate)
        private_key = serialization.load_pem_private_key(key, password=None)
        constraints = ca.extensions.get_extension_for_class(x509.BasicConstraints).value
        matching = constraints.ca and ca.public_key() == private_key.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.ExtensionNotFound):
        raise UnusableCertificate("is damaged") from None
    if not matching:
        raise UnusableCertificate("has a certificate that is not for a CA, or that does not match the key")
    if ca.not_valid_after_utc < datetime.now(UTC) + VALID_AFTER:
        raise UnusableCertificate(f"is valid only until {ca.not_valid_after_utc:%Y-%m-%d}")
    return trustme.CA.from_pem(certificate, key)
