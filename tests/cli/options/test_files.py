"""Files of the user: written whole or not at all, links followed, permissions kept."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from mockserver.cli.options import CommandError
from mockserver.cli.options.files import check_replaceable, check_writable, read_file, write_safely


def mode_of(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def test_new_file_has_the_permissions_that_the_umask_leaves(tmp_path: Path) -> None:
    file = tmp_path / "shop.json"
    before = os.umask(0o027)
    try:
        write_safely(file, b"{}")
    finally:
        os.umask(before)
    assert (file.read_bytes(), mode_of(file)) == (b"{}", 0o640)
    assert [*tmp_path.iterdir()] == [file]


@pytest.mark.finding("C1")
@pytest.mark.parametrize("mode", [0o600, 0o644, 0o664])
def test_link_is_followed_and_the_file_keeps_its_permissions(tmp_path: Path, mode: int) -> None:
    (tmp_path / "data").mkdir()
    file, link = tmp_path / "data/shop.json", tmp_path / "link.json"
    file.write_text("old")
    file.chmod(mode)
    link.symlink_to("data/shop.json")
    write_safely(link, b"new")
    assert (link.is_symlink(), file.read_text(), mode_of(file)) == (True, "new", mode)


@pytest.mark.finding("C1")
def test_file_that_cannot_be_written_keeps_its_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    file = tmp_path / "shop.json"
    file.write_text("old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CommandError, match=r"^cannot write to .*shop\.json: No space left on device$"):
        write_safely(file, b"new")
    assert (file.read_text(), [*tmp_path.iterdir()]) == ("old", [file])


@pytest.mark.parametrize(
    ("path", "reason"),
    [("", "this is a folder"), ("nope/x.json", "there is no folder "), ("file/x", "there is no folder ")],
)
def test_file_that_could_not_be_written_is_refused_with_a_reason(
    tmp_path: Path, path: str, reason: str
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CommandError, match=f"^cannot write to .*: {reason}"):
        check_writable(tmp_path / path)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("pipe", "this is not a file"),
        ("link", "this is not a file"),
        ("circle", "Too many levels of symbolic links"),
    ],
)
@pytest.mark.parametrize("write", [check_replaceable, lambda file: write_safely(file, b"{}")])
def test_what_is_not_a_file_is_not_replaced_by_one(
    tmp_path: Path, write: Callable[[Path], None], path: str, reason: str
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    (tmp_path / "circle").symlink_to("circle")
    with pytest.raises(CommandError, match=f"^cannot write to .*/{path}: {reason}$"):
        write(tmp_path / path)
    check_writable(tmp_path / "pipe")  # it can be written to, but not replaced
    assert (tmp_path / "pipe").is_fifo()
    assert len([*tmp_path.iterdir()]) == 3


@pytest.mark.parametrize(
    ("path", "reason"),
    [("none", "No such file or directory"), (".", "this is not a file"), ("/dev/zero", "this is not a file")],
)
def test_file_that_cannot_be_read_is_refused_with_a_reason(tmp_path: Path, path: str, reason: str) -> None:
    with pytest.raises(CommandError, match=f"^cannot read .*: {reason}$"):
        read_file(tmp_path / path)
