"""TLS: the certificate authority, its files, the user's own certificates, and `mockserver ca`."""

import logging
import os
import ssl
import stat
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from mockserver.cli.options import CommandError
from mockserver.cli.tls_options import can_be_certified, load_tls_settings
from mockserver.server.tls.authority import Authority
from mockserver.server.tls.data_dir import DataDirError, data_folder
from tests.server_process import COMMAND, TIMEOUT, run, serving_command

FUTURE, PAST = datetime(2999, 1, 1, tzinfo=UTC), datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def key_of(authority: Authority) -> Path:
    return authority.file.with_name("ca-key.pem")


def pem_pair(until: datetime, ca: bool = True) -> tuple[bytes, bytes]:
    """Return a self-signed certificate and its key, both in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2000, 1, 1, tzinfo=UTC))
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    key_pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return certificate.public_bytes(Encoding.PEM), key_pem


def test_authority_is_made_once(tmp_path: Path) -> None:
    first, second = Authority(tmp_path), Authority(tmp_path)
    assert first.pem == second.pem == first.file.read_bytes()


def test_key_and_folder_are_private(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "new" / "data")
    assert mode(tmp_path / "new" / "data") == mode(authority.file.parent) == 0o700
    assert mode(key_of(authority)) == 0o600
    authority.file.parent.chmod(0o755)
    Authority(tmp_path / "new" / "data")
    assert mode(authority.file.parent) == 0o700


@pytest.mark.parametrize("bits", [0o640, 0o604, 0o660, 0o666])
def test_key_accessible_to_others_is_refused(tmp_path: Path, bits: int) -> None:
    key = key_of(Authority(tmp_path))
    key.chmod(bits)
    done = run("ca", "--data-dir", str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    message = f"mockserver: {key} is accessible to other users (mode {bits:04o}): delete it to get a new one"
    assert done.stderr.startswith(message) and len(done.stderr.splitlines()) == 1


def link_key(folder: Path) -> None:
    key = key_of(Authority(folder))
    key.rename(folder / "elsewhere")
    key.symlink_to(folder / "elsewhere")


def link_folder(folder: Path) -> None:
    (folder / "elsewhere").mkdir()
    (folder / "tls").symlink_to(folder / "elsewhere")


@pytest.mark.parametrize(
    ("tamper", "message"),
    [
        (link_key, "cannot read .*/ca-key.pem: Too many levels"),
        (link_folder, "tls must be a folder, not a file or a link: choose another data folder"),
        (
            lambda folder: (folder / "tls").touch(),
            "tls must be a folder, not a file or a link: choose another data folder",
        ),
        (
            lambda folder: key_of(Authority(folder)).unlink() or os.mkfifo(folder / "tls/ca-key.pem"),
            "is not a regular file",
        ),
        (lambda folder: os.chown(Authority(folder).file.parent, 65534, -1), "belongs to another user"),
        (lambda folder: os.chown(key_of(Authority(folder)), 65534, -1), "belongs to another user"),
    ],
    ids=["linked key", "linked folder", "file", "pipe", "folder of another user", "key of another user"],
)
def test_unsafe_file_or_folder_is_refused(
    tmp_path: Path, tamper: Callable[[Path], None], message: str
) -> None:
    try:
        tamper(tmp_path)
    except PermissionError:
        pytest.skip("only root can change the owner of a file")
    with pytest.raises(DataDirError, match=message):
        Authority(tmp_path)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda file, key: file.write_bytes(b""), "is damaged"),
        (lambda file, key: file.write_bytes(file.read_bytes()[:300]), "is damaged"),
        (lambda file, key: key.write_bytes(b"junk"), "is damaged"),
        (lambda file, key: key.unlink(), "has no private key"),
        (
            lambda file, key: file.write_bytes(pem_pair(FUTURE)[0]),
            "has a certificate that is not a CA's or does",
        ),
        (lambda file, key: write_pair(file, key, pem_pair(PAST)), "is valid only until 2020-01-01"),
        (
            lambda file, key: write_pair(file, key, pem_pair(FUTURE, ca=False)),
            "has a certificate that is not a CA's or does not match the key: it is replaced",
        ),
    ],
    ids=["empty", "cut off", "junk key", "no key", "other key", "expired", "not a CA"],
)
def test_unusable_authority_is_replaced_with_a_warning(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    damage: Callable[[Path, Path], None],
    reason: str,
) -> None:
    before = Authority(tmp_path)
    damage(before.file, key_of(before))
    with caplog.at_level(logging.WARNING, "mockserver"):
        after = Authority(tmp_path)
    assert after.pem != before.pem
    assert after.pem == Authority(tmp_path).pem
    assert mode(key_of(after)) == 0o600
    (message,) = [record.getMessage() for record in caplog.records]
    assert message.startswith(f"the certificate authority in {tmp_path}/tls {reason}")


def write_pair(certificate: Path, key: Path, pair: tuple[bytes, bytes]) -> None:
    certificate.write_bytes(pair[0])
    key.write_bytes(pair[1])


@pytest.mark.parametrize("damaged", [False, True], ids=["new", "damaged"])
def test_concurrent_processes_share_one_authority(tmp_path: Path, damaged: bool) -> None:
    if damaged:
        Authority(tmp_path).file.write_bytes(b"")
    command = [*COMMAND, "ca", "--data-dir", str(tmp_path), "--out", "-"]
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)
    ]
    outputs = [process.communicate(timeout=TIMEOUT) for process in processes]
    assert {pem for pem, _ in outputs} == {Authority(tmp_path).pem.decode()}
    assert sum(len(errors.splitlines()) for _, errors in outputs) == damaged, "one warning in all"


def test_server_key_is_not_written_to_disk(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = sorted(authority.file.parent.iterdir())
    authority.context(["shop.example"])
    assert [*tmp_path.iterdir()] == []
    assert sorted(authority.file.parent.iterdir()) == before


def test_user_without_home_needs_data_dir(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_DATA_HOME", "MOCKSERVER_DATA_DIR", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)
    with pytest.raises(DataDirError, match="--data-dir"):
        data_folder()


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


def test_users_certificate_is_served(tmp_path: Path) -> None:
    certificate, key = user_files(tmp_path)
    with serving_command(tmp_path, "--tls-cert", str(certificate), "--tls-key", str(key)) as running:
        address = urlsplit(running.url)
        served = ssl.get_server_certificate((address.hostname, address.port), timeout=TIMEOUT)
        assert served == certificate.read_text()
        assert run("healthcheck", "--ready-file", str(running.ready_file)).returncode == 0
    assert not (tmp_path / "data").exists(), "an authority was made without need"


USER_FILES = ("own.pem", "own-key.pem")


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
def test_unusable_users_certificate_is_a_one_line_error(
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


def test_ca_prints_the_path_or_the_certificate(tmp_path: Path) -> None:
    located = run("ca", MOCKSERVER_DATA_DIR=str(tmp_path))
    file, out = Path(located.stdout.strip()), tmp_path / "out.pem"
    assert (located.returncode, located.stderr, file) == (0, "", tmp_path / "tls/ca.pem")
    printed = run("ca", "--data-dir", str(tmp_path), "--out", "-").stdout
    written = run("ca", "--data-dir", str(tmp_path), "--out", str(out))
    assert (written.returncode, written.stdout, written.stderr) == (0, "", "")
    assert printed == out.read_text() == file.read_text()
    assert "PRIVATE" not in printed
    piped = run("ca", "--data-dir", str(tmp_path), "--out", "/dev/stdout")
    assert (piped.returncode, piped.stdout) == (0, printed)
    assert Path("/dev/stdout").is_symlink(), "the link was replaced instead of written to"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "/nowhere/at/all"], "cannot write /nowhere/at/all: No such file or directory"),
        (["--data-dir", "/dev/null"], "cannot use /dev/null/tls: "),
    ],
    ids=["out", "data-dir"],
)
def test_ca_with_unusable_path_is_a_one_line_error(
    tmp_path: Path, arguments: list[str], message: str
) -> None:
    environment = {} if "--data-dir" in arguments else {"MOCKSERVER_DATA_DIR": str(tmp_path)}
    done = run("ca", *arguments, **environment)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"mockserver: {message}")
    assert len(done.stderr.splitlines()) == 1
