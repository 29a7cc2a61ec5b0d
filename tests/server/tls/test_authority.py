"""TLS: the authority that is kept, what it signs, certificates of one's own, and `mockserver ca`."""

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
from mockserver.cli.tls_options import can_be_certified, tls_settings
from mockserver.server.tls.authority import Authority
from mockserver.server.tls.data_dir import DataDirError, data_folder
from tests.server_process import COMMAND, TIMEOUT, run, serving_command


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def key_of(authority: Authority) -> Path:
    return authority.file.with_name("ca-key.pem")


def pem_pair(until: datetime, ca: bool = True) -> tuple[bytes, bytes]:
    """A certificate, signed by itself, and its key."""
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
    plain = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return certificate.public_bytes(Encoding.PEM), plain


def test_the_authority_is_made_once_and_kept(tmp_path: Path) -> None:
    first, second = Authority(tmp_path), Authority(tmp_path)
    assert first.pem == second.pem == first.file.read_bytes()


def test_nobody_else_can_read_the_key_or_look_into_its_folder(tmp_path: Path) -> None:
    made = Authority(tmp_path / "new" / "data")
    assert mode(tmp_path / "new" / "data") == mode(made.file.parent) == 0o700
    assert mode(key_of(made)) == 0o600
    made.file.parent.chmod(0o755)
    Authority(tmp_path / "new" / "data")
    assert mode(made.file.parent) == 0o700


@pytest.mark.parametrize("bits", [0o640, 0o604, 0o660, 0o666])
def test_a_key_that_was_open_to_others_is_refused(tmp_path: Path, bits: int) -> None:
    key = key_of(Authority(tmp_path))
    key.chmod(bits)
    done = run("ca", "--data-dir", str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    words = f"{key} is open to others (mode {bits:04o}): delete it, or chmod 600 if nobody read it"
    assert done.stderr == f"mockserver: {words}\n"


def linked_key(folder: Path) -> None:
    key = key_of(Authority(folder))
    key.rename(folder / "elsewhere")
    key.symlink_to(folder / "elsewhere")


def linked_folder(folder: Path) -> None:
    (folder / "elsewhere").mkdir()
    (folder / "tls").symlink_to(folder / "elsewhere")


@pytest.mark.parametrize(
    ("trick", "words"),
    [
        (linked_key, "cannot read .*/ca-key.pem: Too many levels"),
        (linked_folder, "tls is no folder"),
        (lambda folder: (folder / "tls").touch(), "tls is no folder"),
        (
            lambda folder: key_of(Authority(folder)).unlink() or os.mkfifo(folder / "tls/ca-key.pem"),
            "no plain",
        ),
        (lambda folder: os.chown(Authority(folder).file.parent, 65534, -1), "belongs to another user"),
        (lambda folder: os.chown(key_of(Authority(folder)), 65534, -1), "belongs to another user"),
    ],
    ids=["linked key", "linked folder", "file for a folder", "a pipe", "strange folder", "strange key"],
)
def test_what_others_may_have_put_there_is_refused(
    tmp_path: Path, trick: Callable[[Path], None], words: str
) -> None:
    try:
        trick(tmp_path)
    except PermissionError:
        pytest.skip("only root can give files away")
    with pytest.raises(DataDirError, match=words):
        Authority(tmp_path)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda file, key: file.write_bytes(b""), "is damaged"),
        (lambda file, key: file.write_bytes(file.read_bytes()[:300]), "is damaged"),
        (lambda file, key: key.write_bytes(b"junk"), "is damaged"),
        (lambda file, key: key.unlink(), "has lost its key"),
        (lambda file, key: file.write_bytes(pem_pair(FAR)[0]), "has a certificate and a key that do not fit"),
        (lambda file, key: put(file, key, pem_pair(PAST)), "is valid only until 2020-01-01"),
        (
            lambda file, key: put(file, key, pem_pair(FAR, ca=False)),
            "has a certificate and a key that do not",
        ),
    ],
    ids=["empty", "half", "junk key", "no key", "another's", "expired", "no authority"],
)
def test_an_authority_of_no_use_is_made_anew_and_that_is_said(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    damage: Callable[[Path, Path], None],
    words: str,
) -> None:
    before = Authority(tmp_path)
    damage(before.file, key_of(before))
    with caplog.at_level(logging.WARNING, "mockserver"):
        after = Authority(tmp_path)
    assert after.pem != before.pem
    assert after.pem == Authority(tmp_path).pem
    assert mode(key_of(after)) == 0o600
    (message,) = [record.getMessage() for record in caplog.records]
    assert message.startswith(f"the authority in {tmp_path}/tls {words}")


FAR, PAST = datetime(2999, 1, 1, tzinfo=UTC), datetime(2020, 1, 1, tzinfo=UTC)


def put(file: Path, key: Path, pair: tuple[bytes, bytes]) -> None:
    file.write_bytes(pair[0])
    key.write_bytes(pair[1])


@pytest.mark.parametrize("damaged", [False, True], ids=["new", "damaged"])
def test_processes_that_start_at_once_go_by_one_authority(tmp_path: Path, damaged: bool) -> None:
    if damaged:
        Authority(tmp_path).file.write_bytes(b"")
    command = [*COMMAND, "ca", "--data-dir", str(tmp_path), "--out", "-"]
    starters = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)
    ]
    said = [starter.communicate(timeout=TIMEOUT) for starter in starters]
    assert {pem for pem, _ in said} == {Authority(tmp_path).pem.decode()}
    assert sum(len(errors.splitlines()) for _, errors in said) == damaged


def test_the_key_of_a_server_is_nowhere_on_disk(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = sorted(authority.file.parent.iterdir())
    authority.context(["shop.example"])
    assert [*tmp_path.iterdir()] == []
    assert sorted(authority.file.parent.iterdir()) == before


def test_who_has_no_home_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_DATA_HOME", "MOCKSERVER_DATA_DIR", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)
    with pytest.raises(DataDirError, match="--data-dir"):
        data_folder()


@pytest.mark.parametrize(
    ("name", "fit"),
    [
        ("shop.example", True), ("*.shop.example", True), ("mock", True), ("127.0.0.1", True), ("::1", True),
        ("my_box", False), ("fe80::1%eth0", False), ("", False), ("a" * 64, False), ("a..b", False),
        ("ab--cd", False), ("a-", False),
        ("ä", False),
    ],
)  # fmt: skip
def test_only_names_that_a_certificate_can_hold_are_put_into_one(
    authority: Authority, name: str, fit: bool
) -> None:
    assert can_be_certified(name) == fit
    if fit:
        authority.context([name])


def test_an_own_certificate_is_used_as_given(tmp_path: Path) -> None:
    certificate, key = own_files(tmp_path)
    with serving_command(tmp_path, "--tls-cert", str(certificate), "--tls-key", str(key)) as running:
        address = urlsplit(running.url)
        shown = ssl.get_server_certificate((address.hostname, address.port), timeout=TIMEOUT)
        assert shown == certificate.read_text()
        assert run("healthcheck", "--ready-file", str(running.ready_file)).returncode == 0
    assert not (tmp_path / "data").exists(), "no authority is needed then"


OWN = ("own.pem", "own-key.pem")


def own_files(folder: Path) -> tuple[Path, Path]:
    certificate, key = (folder / name for name in OWN)
    put(certificate, key, pem_pair(FAR, ca=False))
    return certificate, key


def encrypted(folder: Path, key: Path) -> None:
    made = ec.generate_private_key(ec.SECP256R1())
    secret = BestAvailableEncryption(b"secret")
    key.write_bytes(made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, secret))


@pytest.mark.parametrize(
    ("given", "spoil", "words"),
    [
        (("own.pem", None), None, "--tls-cert needs --tls-key"),
        ((None, "own-key.pem"), None, "--tls-key needs --tls-cert"),
        (OWN, lambda folder, key: key.unlink(), "cannot read own-key.pem: No such file or directory"),
        (OWN, lambda folder, key: key.unlink() or key.mkdir(), "cannot read own-key.pem: Is a directory"),
        (OWN, lambda folder, key: key.write_bytes(pem_pair(FAR)[1]), "own-key.pem is not the key of own.pem"),
        (
            OWN,
            lambda folder, key: key.write_text("junk"),
            "own.pem and own-key.pem are no certificate and key",
        ),
        (OWN, lambda folder, key: (folder / "own.pem").write_text(""), "own.pem and own-key.pem are no cert"),
        (OWN, encrypted, "own-key.pem is encrypted: give a key without a password"),
    ],
    ids=["no key", "no certificate", "missing", "a folder", "not its key", "junk", "empty", "encrypted"],
)
def test_an_own_certificate_of_no_use_is_one_clear_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    given: tuple[str | None, str | None],
    spoil: Callable[[Path, Path], None] | None,
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    _, key = own_files(tmp_path)
    if spoil:
        spoil(tmp_path, key)
    with pytest.raises(CommandError) as refused:
        tls_settings(False, *(Path(name) if name else None for name in given), tmp_path, [])
    assert refused.value.format_message().startswith(words)
    assert len(refused.value.format_message().splitlines()) == 1


def test_ca_prints_where_the_certificate_is_or_the_certificate_and_never_the_key(tmp_path: Path) -> None:
    where = run("ca", MOCKSERVER_DATA_DIR=str(tmp_path))
    file, out = Path(where.stdout.strip()), tmp_path / "out.pem"
    assert (where.returncode, where.stderr, file) == (0, "", tmp_path / "tls/ca.pem")
    printed = run("ca", "--data-dir", str(tmp_path), "--out", "-").stdout
    written = run("ca", "--data-dir", str(tmp_path), "--out", str(out))
    assert (written.returncode, written.stdout, written.stderr) == (0, "", "")
    assert printed == out.read_text() == file.read_text()
    assert "PRIVATE" not in printed
    piped = run("ca", "--data-dir", str(tmp_path), "--out", "/dev/stdout")
    assert (piped.returncode, piped.stdout) == (0, printed)
    assert Path("/dev/stdout").is_symlink(), "it was written to, not replaced"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--out", "/nowhere/at/all"], "cannot write /nowhere/at/all: No such file or directory"),
        (["--data-dir", "/dev/null"], "cannot use /dev/null/tls: "),
    ],
    ids=["out", "data-dir"],
)
def test_a_place_that_cannot_be_is_one_clear_line(tmp_path: Path, arguments: list[str], words: str) -> None:
    done = run(
        "ca", *arguments, **({} if "--data-dir" in arguments else {"MOCKSERVER_DATA_DIR": str(tmp_path)})
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"mockserver: {words}")
    assert len(done.stderr.splitlines()) == 1
