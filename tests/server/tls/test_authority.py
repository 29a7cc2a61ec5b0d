"""TLS: the certificate authority, its files, and their permissions."""

import logging
import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from mockserver.server.tls.authority import Authority
from mockserver.server.tls.data_dir import DataDirError, data_folder
from tests.certificates import FUTURE, PAST, pem_pair, write_pair
from tests.server_process import COMMAND, TIMEOUT, run


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def key_of(authority: Authority) -> Path:
    return authority.file.with_name("ca-key.pem")


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
            "has a certificate that is not for a CA, or that does",
        ),
        (lambda file, key: write_pair(file, key, pem_pair(PAST)), "is valid only until 2020-01-01"),
        (
            lambda file, key: write_pair(file, key, pem_pair(FUTURE, ca=False)),
            "has a certificate that is not for a CA, or that does not match the key: it is replaced",
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
    assert sum(len(errors.splitlines()) for _, errors in outputs) == damaged, (
        "exactly one process must warn if the authority is damaged"
    )


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
