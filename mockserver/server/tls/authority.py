"""TLS: a certificate authority of the user's own, kept between runs, and certificates that it signs."""

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
    write,
)

THIS_MACHINE = ("localhost", "127.0.0.1", "::1")
# Apple's clients take no certificate that is valid for longer; clocks may be a little wrong.
VALID_BEFORE, VALID_AFTER = timedelta(days=2), timedelta(days=395)
TIMEOUT = 30
log = logging.getLogger("mockserver")


class Authority:
    """The authority that is kept in the data folder: read, or made if there is none of any use.

    FolderRefused: the folder cannot be used, or others have or had access to the key.
    """

    def __init__(self, chosen: Path | None = None) -> None:
        folder = data_folder(chosen)
        self.file, self._key_file = certificate_file(folder), key_file(folder)
        try:
            self._ca = self._read()
        except (FileNotFoundError, UnusableCertificate):
            self._ca = self._make()

    @property
    def pem(self) -> bytes:
        """The certificate, which is what a client must trust; never the key."""
        return self._ca.cert_pem.bytes()

    def context(self, names: Iterable[str] = ()) -> ssl.SSLContext:
        """What a server of these names and of this machine needs to speak TLS.

        A name may begin with a wildcard. The key is made here and now, and is nowhere else.
        """
        now = datetime.now(UTC)
        leaf = self._ca.issue_cert(
            *dict.fromkeys([*names, *THIS_MACHINE]),
            organization_name="mockserver",
            not_before=now - VALID_BEFORE,
            not_after=now + VALID_AFTER,
        )
        context = server_context()
        leaf.configure_cert(context)
        return context

    def _read(self) -> trustme.CA:
        """What is kept. FileNotFoundError, Unusable, FolderRefused."""
        make_private(self.file.parent)
        try:
            certificate = self.file.read_bytes()
            return _authority(certificate, read_private(self._key_file))
        except FileNotFoundError as error:
            if error.filename == str(self._key_file):
                raise UnusableCertificate("has lost its key") from None
            raise
        except OSError as error:
            raise DataDirError(f"cannot read {self.file}: {error.strerror}") from None

    def _make(self) -> trustme.CA:
        """A new authority, unless another process has just made one: all go by the first."""
        try:
            with FileLock(self.file.parent / "lock", timeout=TIMEOUT):
                with suppress(FileNotFoundError):
                    try:
                        return self._read()
                    except UnusableCertificate as error:
                        log.warning("the authority in %s %s: it is made anew", self.file.parent, error)
                made = trustme.CA(organization_name="mockserver", path_length=0)
                write(self._key_file, made.private_key_pem.bytes())
                write(self.file, made.cert_pem.bytes(), 0o644)
                return made
        except Timeout:
            raise DataDirError(f"{self.file.parent} is locked by another process") from None
        except OSError as error:
            raise DataDirError(f"cannot write to {self.file.parent}: {error.strerror}") from None


def _authority(certificate: bytes, key: bytes) -> trustme.CA:
    """Unusable: they make no authority, or not for long enough."""
    try:
        found = x509.load_pem_x509_certificate(certificate)
        private = serialization.load_pem_private_key(key, password=None)
        constraints = found.extensions.get_extension_for_class(x509.BasicConstraints).value
        fit = constraints.ca and found.public_key() == private.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.ExtensionNotFound):
        raise UnusableCertificate("is damaged") from None
    if not fit:
        raise UnusableCertificate("has a certificate and a key that do not fit")
    if found.not_valid_after_utc < datetime.now(UTC) + VALID_AFTER:
        raise UnusableCertificate(f"is valid only until {found.not_valid_after_utc:%Y-%m-%d}")
    return trustme.CA.from_pem(certificate, key)
