"""Trust: ours is added, and nothing that was trusted before is lost."""

import ssl
from pathlib import Path

import certifi
import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12

from mockserver.cli.exec.ca_bundles import BUNDLES, EXTRA, PASSWORD, trust


def known(file: Path) -> set[str]:
    """The certificates in a file, as OpenSSL reads them."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(file)
    return {certificate["serialNumber"] for certificate in context.get_ca_certs()}


def serials(pem: bytes, folder: Path) -> set[str]:
    file = folder / "one.pem"
    file.write_bytes(pem)
    return known(file)


@pytest.mark.parametrize("name", [*BUNDLES, EXTRA])
@pytest.mark.parametrize("as_folder", [False, True], ids=["file", "folder"])
def test_what_the_user_trusts_stays_trusted(name: str, as_folder: bool, tmp_path: Path) -> None:
    ours, theirs = trustme.CA().cert_pem.bytes(), trustme.CA().cert_pem.bytes()
    place = tmp_path / "theirs"
    if as_folder:
        place.mkdir()
    (place / "ca.pem" if as_folder else place).write_bytes(b"# a note\n" + theirs)
    made = trust(tmp_path, ours, {name: str(place)})
    assert known(made.bundle) >= serials(ours + theirs, tmp_path) | known(Path(certifi.where()))
    assert known(made.authority) == serials(ours, tmp_path)
    assert known(made.extra) == serials(ours + (theirs if name == EXTRA else b""), tmp_path)


@pytest.mark.parametrize("place", ["/nowhere/ca.pem", "", "/"])
def test_what_cannot_be_read_is_passed_over(place: str, tmp_path: Path) -> None:
    ours = trustme.CA().cert_pem.bytes()
    made = trust(tmp_path, ours, {name: place for name in (*BUNDLES, EXTRA)})
    assert known(made.extra) == serials(ours, tmp_path)


# Systems still hold a certificate whose number no rule allows today.
@pytest.mark.filterwarnings("ignore:Parsed a serial number")
def test_javas_store_holds_what_the_bundle_holds(tmp_path: Path) -> None:
    made = trust(tmp_path, trustme.CA().cert_pem.bytes(), {})
    _, _, stored = pkcs12.load_key_and_certificates(made.store.read_bytes(), PASSWORD.encode())
    ours = x509.load_pem_x509_certificate(made.authority.read_bytes())
    assert ours in stored
    assert {one.serial_number for one in stored} <= {int(serial, 16) for serial in known(made.bundle)}
    assert len(stored) > 100
