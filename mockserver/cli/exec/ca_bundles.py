"""CA bundles: certificate files that make a command's clients trust our authority too.

Everything that the user's clients trusted before stays trusted.
"""

import re
import ssl
import warnings
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
# Where systems keep their CA certificates; used if Python was built without a default path.
SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
BUNDLE_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
NODE_VARIABLE = "NODE_EXTRA_CA_CERTS"
JAVA_PASSWORD = "changeit"  # Java requires a password; this is the default of its own trust store


@dataclass(frozen=True)
class CaBundles:
    """Files of trusted certificates, all in one folder.

    `authority` holds only our authority's certificate. `node_extra` adds the user's own extra
    certificates for Node, `bundle` adds all certificates that this system and the user trust, and
    `java_store` is `bundle` as a Java trust store.
    """

    authority: Path
    node_extra: Path
    bundle: Path
    java_store: Path


def write_ca_bundles(folder: Path, authority: bytes, user: Mapping[str, str]) -> CaBundles:
    """Write the files into a folder, and return their paths.

    `authority` is our authority's certificate in PEM. `user` is the user's environment, whose
    variables may name more certificate files.
    """
    ours = CERTIFICATE.findall(authority)
    node_extra = [*_certificates([user.get(NODE_VARIABLE)]), *ours]
    public = _certificates([*(user.get(name) for name in BUNDLE_VARIABLES), *_public_bundles()])
    everything = list(dict.fromkeys([*public, *node_extra]))
    files = CaBundles(*(folder / name for name in ("ca.pem", "extra.pem", "bundle.pem", "truststore.p12")))
    for file, certificates in (
        (files.authority, ours),
        (files.node_extra, node_extra),
        (files.bundle, everything),
    ):
        file.write_bytes(b"\n".join([*certificates, b""]))
    files.java_store.write_bytes(_java_trust_store(everything))
    return files


def _public_bundles() -> list[str | None]:
    """Return the bundle files of this system and of certifi."""
    import certifi

    system = ssl.get_default_verify_paths().cafile
    usual = next((file for file in SYSTEM_BUNDLES if Path(file).is_file()), None)
    return [system or usual, certifi.where()]


def _certificates(paths: Iterable[str | None]) -> list[bytes]:
    """Return the PEM certificates in files and folders; skip paths that cannot be read."""
    found: list[bytes] = []
    for path in dict.fromkeys(Path(path) for path in paths if path):
        with suppress(OSError):
            for file in sorted(path.iterdir()) if path.is_dir() else [path]:
                found += CERTIFICATE.findall(file.read_bytes()) if file.is_file() else []
    return found


def _java_trust_store(certificates: Iterable[bytes]) -> bytes:
    """Return PEM certificates as a PKCS #12 trust store for Java."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

    entries = []
    with warnings.catch_warnings(action="ignore"):
        for number, pem in enumerate(certificates):
            with suppress(ValueError):  # an old certificate that breaks today's rules
                certificate = x509.load_pem_x509_certificate(pem)
                entries.append(pkcs12.PKCS12Certificate(certificate, str(number).encode()))
    return pkcs12.serialize_java_truststore(entries, BestAvailableEncryption(JAVA_PASSWORD.encode()))
