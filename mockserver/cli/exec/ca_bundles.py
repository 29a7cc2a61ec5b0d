"""Trust: files that make a command's clients believe in our authority, and in all they believed in before."""

import re
import ssl
import warnings
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
# Where systems keep what they trust, if Python does not know.
USUAL = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
BUNDLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
EXTRA = "NODE_EXTRA_CA_CERTS"
PASSWORD = "changeit"  # Java wants one, and this is the one that everybody uses


@dataclass(frozen=True)
class CaBundles:
    """Our authority alone; the user's extra ones and ours; all that is trusted; the same for Java."""

    authority: Path
    extra: Path
    bundle: Path
    store: Path


def trust(folder: Path, authority: bytes, user: Mapping[str, str]) -> CaBundles:
    """The files, written into a folder. `user` is the environment that the user has."""
    ours = CERTIFICATE.findall(authority)
    extra = [*_certificates([user.get(EXTRA)]), *ours]
    public = _certificates([*(user.get(name) for name in BUNDLES), *_system()])
    everything = list(dict.fromkeys([*public, *extra]))
    made = CaBundles(*(folder / name for name in ("ca.pem", "extra.pem", "bundle.pem", "truststore.p12")))
    for file, certificates in ((made.authority, ours), (made.extra, extra), (made.bundle, everything)):
        file.write_bytes(b"\n".join([*certificates, b""]))
    made.store.write_bytes(_java(everything))
    return made


def _system() -> list[str | None]:
    import certifi

    found = ssl.get_default_verify_paths().cafile
    return [found or next((file for file in USUAL if Path(file).is_file()), None), certifi.where()]


def _certificates(places: Iterable[str | None]) -> list[bytes]:
    """The certificates in files and folders; what cannot be read is trusted by nobody."""
    found: list[bytes] = []
    for place in dict.fromkeys(Path(place) for place in places if place):
        with suppress(OSError):
            for file in sorted(place.iterdir()) if place.is_dir() else [place]:
                found += CERTIFICATE.findall(file.read_bytes()) if file.is_file() else []
    return found


def _java(certificates: Iterable[bytes]) -> bytes:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

    entries = []
    with warnings.catch_warnings(action="ignore"):
        for number, certificate in enumerate(certificates):
            with suppress(ValueError):  # an old one that breaks today's rules
                known = x509.load_pem_x509_certificate(certificate)
                entries.append(pkcs12.PKCS12Certificate(known, str(number).encode()))
    return pkcs12.serialize_java_truststore(entries, BestAvailableEncryption(PASSWORD.encode()))
