"""The TLS options of `serve`: host names for certificates, and certificates supplied by the user."""

import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from mockserver.cli.options import CommandError
from mockserver.cli.serve.tls_options import can_be_certified, load_tls_settings
from mockserver.server.tls.authority import Authority
from tests.certificates import FUTURE, pem_pair, write_pair
from tests.server_process import TIMEOUT, run, serving_command

USER_FILES = ("own.pem", "own-key.pem")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.mark.parametrize(
    ("name", "valid"),
    [
        ("shop.example", True), ("*.shop.example", True), ("mock", True), ("127.0.0.1", True), ("::1", True),
        ("my_box", False), ("fe80::1%eth0", False), ("", False), ("a" * 64, False), ("a..b", False),
        ("ab--cd", False), ("a-", False),
        ("ä", False),
    ],
)  # fmt: skip
def test_only_valid_names_can_be_certified(authority: Authority, name: str, valid: bool) -> None:
    assert can_be_certified(name) == valid
    if valid:
        authority.context([name])


def test_certificate_of_the_user_is_served(tmp_path: Path) -> None:
    certificate, key = user_files(tmp_path)
    with serving_command(tmp_path, "--tls-cert", str(certificate), "--tls-key", str(key)) as running:
        address = urlsplit(running.url)
        served = ssl.get_server_certificate((address.hostname, address.port), timeout=TIMEOUT)
        assert served == certificate.read_text()
        assert run("healthcheck", "--ready-file", str(running.ready_file)).returncode == 0
    assert not (tmp_path / "data").exists(), "an authority was created although none is needed"


def user_files(folder: Path) -> tuple[Path, Path]:
    certificate, key = (folder / name for name in USER_FILES)
    write_pair(certificate, key, pem_pair(FUTURE, ca=False))
    return certificate, key


def encrypt_key(folder: Path, key: Path) -> None:
    encrypted_key = ec.generate_private_key(ec.SECP256R1())
    secret = BestAvailableEncryption(b"secret")
    key.write_bytes(encrypted_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, secret))


@pytest.mark.parametrize(
    ("given", "damage", "message"),
    [
        (("own.pem", None), None, "--tls-cert needs --tls-key"),
        ((None, "own-key.pem"), None, "--tls-key needs --tls-cert"),
        (USER_FILES, lambda folder, key: key.unlink(), "cannot read own-key.pem: No such file or directory"),
        (
            USER_FILES,
            lambda folder, key: key.unlink() or key.mkdir(),
            "cannot read own-key.pem: Is a directory",
        ),
        (
            USER_FILES,
            lambda folder, key: key.write_bytes(pem_pair(FUTURE)[1]),
            "own-key.pem is not the key of own.pem",
        ),
        (
            USER_FILES,
            lambda folder, key: key.write_text("junk"),
            "own.pem or own-key.pem is not in PEM format",
        ),
        (
            USER_FILES,
            lambda folder, key: (folder / "own.pem").write_text(""),
            "own.pem or own-key.pem is not in",
        ),
        (USER_FILES, encrypt_key, "own-key.pem is encrypted: give a key without a password"),
    ],
    ids=["no key", "no certificate", "missing", "folder", "other key", "junk", "empty", "encrypted"],
)
def test_unusable_certificate_of_the_user_is_a_one_line_error(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    given: tuple[str | None, str | None],
    damage: Callable[[Path, Path], None] | None,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    _, key = user_files(tmp_path)
    if damage:
        damage(tmp_path, key)
    with pytest.raises(CommandError) as caught:
        load_tls_settings(False, *(Path(name) if name else None for name in given), tmp_path, [])
    assert caught.value.format_message().startswith(message)
    assert len(caught.value.format_message().splitlines()) == 1


@pytest.mark.finding("C4")
def test_more_names_are_in_the_certificate(tmp_path: Path) -> None:
    names = ["--tls-name", "mock", "--tls-name", "mock.shop.internal,192.0.2.7"]
    with serving_command(tmp_path, "--tls", *names) as running:
        trust = ssl.create_default_context(cafile=tmp_path / "data/tls/ca.pem")
        for name in ("mock", "mock.shop.internal", "192.0.2.7"):
            with (
                socket.create_connection(("127.0.0.1", urlsplit(running.url).port)) as plain,
                trust.wrap_socket(plain, server_hostname=name) as connection,
            ):
                assert connection.version()
