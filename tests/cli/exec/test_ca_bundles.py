"""CA bundles: our certificate is added, and everything that was trusted before stays trusted."""

import ssl
from pathlib import Path

import certifi
import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12

from mockserver.cli.exec.ca_bundles import BUNDLE_VARIABLES, JAVA_PASSWORD, NODE_VARIABLE, write_ca_bundles


def serials_in(file: Path) -> set[str]:
    """Return the serial numbers of the certificates that OpenSSL reads from a file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(file)
    return {certificate["serialNumber"] for certificate in context.get_ca_certs()}


def serials_of(pem: bytes, folder: Path) -> set[str]:
    file = folder / "some.pem"
    file.write_bytes(pem)
    return serials_in(file)


@pytest.mark.parametrize("name", [*BUNDLE_VARIABLES, NODE_VARIABLE])
@pytest.mark.parametrize("as_folder", [False, True], ids=["file", "folder"])
def test_certificates_of_the_user_stay_trusted(name: str, as_folder: bool, tmp_path: Path) -> None:
    ours, theirs = trustme.CA().cert_pem.bytes(), trustme.CA().cert_pem.bytes()
    path = tmp_path / "theirs"
    if as_folder:
        path.mkdir()
    (path / "ca.pem" if as_folder else path).write_bytes(b"# a comment\n" + theirs)
    bundles = write_ca_bundles(tmp_path, ours, {name: str(path)})
    assert serials_in(bundles.bundle) >= serials_of(ours + theirs, tmp_path) | serials_in(
        Path(certifi.where())
    )
    assert serials_in(bundles.authority) == serials_of(ours, tmp_path)
    expected = ours + (theirs if name == NODE_VARIABLE else b"")
    assert serials_in(bundles.node_extra) == serials_of(expected, tmp_path)


@pytest.mark.parametrize("path", ["/nowhere/ca.pem", "", "/"])
def test_unreadable_path_is_skipped(path: str, tmp_path: Path) -> None:
    ours = trustme.CA().cert_pem.bytes()
    user = {name: path for name in (*BUNDLE_VARIABLES, NODE_VARIABLE)}
    bundles = write_ca_bundles(tmp_path, ours, user)
    assert serials_in(bundles.node_extra) == serials_of(ours, tmp_path)


# Some systems still trust a certificate whose serial number is no longer allowed.
@pytest.mark.filterwarnings("ignore:Parsed a serial number")
def test_java_trust_store_has_the_certificates_of_the_bundle(tmp_path: Path) -> None:
    bundles = write_ca_bundles(tmp_path, trustme.CA().cert_pem.bytes(), {})
    _, _, stored = pkcs12.load_key_and_certificates(bundles.java_store.read_bytes(), JAVA_PASSWORD.encode())
    ours = x509.load_pem_x509_certificate(bundles.authority.read_bytes())
    assert ours in stored
    in_bundle = {int(serial, 16) for serial in serials_in(bundles.bundle)}
    assert {certificate.serial_number for certificate in stored} <= in_bundle
    assert len(stored) > 100
