"""TLS: the authority that is kept, its certificates, and HTTPS as clients see it."""

import stat
from pathlib import Path

import pytest

from mockserver.folder import FolderRefused
from mockserver.tls import Authority


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_authority_is_made_once_and_kept(tmp_path: Path) -> None:
    first, second = Authority(tmp_path), Authority(tmp_path)
    assert first.pem == second.pem == first.file.read_bytes()
    assert b"PRIVATE" not in first.pem


def test_nobody_else_can_read_the_key_or_look_into_its_folder(tmp_path: Path) -> None:
    folder = Authority(tmp_path).file.parent
    assert mode(folder) == 0o700
    assert mode(folder / "ca-key.pem") == 0o600


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    key = Authority(tmp_path).file.with_name("ca-key.pem")
    key.chmod(0o640)
    with pytest.raises(FolderRefused, match=r"open to others \(mode 0640\)"):
        Authority(tmp_path)
