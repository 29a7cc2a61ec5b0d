"""Files of stores in SQLite: where they are, who may read them, and which are refused, with the sentence."""

import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from mockserver.sandbox.log.log import StoreRefused
from mockserver.sandbox.log.sqlite import schema
from mockserver.sandbox.log.stores import open_log
from tests.sandbox.log.conftest import FINGERPRINT
from tests.sandbox.log.entries import grow

NOBODY = 65534


async def make(path: Path, **fingerprint: str) -> None:
    """Make a store with one sandbox."""
    log = open_log(f"sqlite:///{path}")
    await log.join({**FINGERPRINT, **fingerprint})
    await grow(log, "a")
    await log.close()


async def refusal(path: Path, fresh: bool = False) -> str:
    """Return the sentence by which a file is refused, and check that it is left as it was."""
    before = path.read_bytes() if path.is_file() else None
    around = sorted(os.listdir(path.parent)) if path.parent.is_dir() else None
    log = open_log(f"sqlite:///{path}")
    with pytest.raises(StoreRefused) as refused:
        await log.join(FINGERPRINT, fresh=fresh)
    await log.close()
    assert before == (path.read_bytes() if path.is_file() else None)
    assert around == (sorted(os.listdir(path.parent)) if path.parent.is_dir() else None)
    return str(refused.value).replace(str(path), "FILE").replace(str(path.parent), "DIRECTORY")


def change(path: Path, *statements: str) -> None:
    db = sqlite3.connect(path)
    for statement in statements:
        db.execute(statement)
    db.commit()
    db.close()


@contextmanager
def as_nobody() -> Iterator[None]:
    """Be a user whom the permissions of files concern."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize(
    ("other", "differences"),
    [
        ({"seed": "8"}, "seed 8 there and 7 here"),
        ({"seed": "8", "products": "1"}, "seed 8 there and 7 here; products 1 there and 100 here"),
        ({"vendors": "sabi narvar"}, "vendors sabi narvar there and not set here"),
    ],
)
async def test_store_of_other_data_is_refused(
    tmp_path: Path, other: dict[str, str], differences: str
) -> None:
    path = tmp_path / "store.db"
    await make(path, **other)
    assert await refusal(path) == (
        f"FILE has other data: {differences}. Start with the same options, choose another file, or empty it"
        " with --fresh"
    )


async def test_option_that_a_store_lacks_is_named(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    await make(path)
    log = open_log(f"sqlite:///{path}")
    with pytest.raises(StoreRefused, match="vendors not set there and sabi here"):
        await log.join(FINGERPRINT | {"vendors": "sabi"})
    await log.close()


@pytest.mark.parametrize(("by", "writer"), [(1, "a later"), (-1, "an earlier")])
async def test_store_of_another_version_is_refused_or_begun_anew(
    tmp_path: Path, by: int, writer: str
) -> None:
    path, other = tmp_path / "store.db", schema.FORMAT + by
    await make(path)
    change(path, f"PRAGMA user_version = {other}", "CREATE TABLE other (value)")
    assert await refusal(path) == (
        f"FILE was written by {writer} version of mockserver (format {other}, and this version reads"
        f" {schema.FORMAT}): use that version, choose another file, or empty it with --fresh"
    )
    log = open_log(f"sqlite:///{path}")
    assert (await log.join(FINGERPRINT, fresh=True)).sandboxes == 0
    await log.close()
    assert (await open_and_count(path)) == 0


async def open_and_count(path: Path) -> int:
    log = open_log(f"sqlite:///{path}")
    count = (await log.join(FINGERPRINT)).sandboxes
    await log.close()
    return count


async def another_text(path: Path) -> None:
    path.write_text("my notes\n" * 1000)


async def another_database(path: Path) -> None:
    change(path, "CREATE TABLE notes (text)", "INSERT INTO notes VALUES ('mine')")


async def another_application(path: Path) -> None:
    change(path, "PRAGMA application_id = 1", "PRAGMA journal_mode = WAL")


async def damaged(path: Path) -> None:
    await make(path)
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))


@pytest.mark.parametrize("fresh", [False, True], ids=["", "fresh"])
@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        (another_text, "FILE is not a SQLite database: choose another file"),
        (another_database, "FILE is the database of another application: choose another file"),
        (another_application, "FILE is the database of another application: choose another file"),
        (damaged, "FILE is damaged: put a copy back, or choose another file"),
    ],
)
async def test_file_that_is_no_store_is_refused_and_kept(
    tmp_path: Path, made: Callable[[Path], object], sentence: str, fresh: bool
) -> None:
    path = tmp_path / "store.db"
    await made(path)
    assert await refusal(path, fresh) == sentence


@pytest.mark.parametrize("fresh", [False, True], ids=["", "fresh"])
@pytest.mark.parametrize(
    ("make_it", "sentence"),
    [
        (lambda path: path.mkdir(), "FILE is a directory: name a file in it"),
        (os.mkfifo, "FILE is not a file: choose another one"),
        (lambda path: path.symlink_to("nowhere"), "FILE is not a file: choose another one"),
        (lambda path: path.parent.rmdir(), "there is no directory DIRECTORY: make it first"),
        (
            lambda path: (path.parent.rmdir(), path.parent.touch()),
            "there is no directory DIRECTORY: make it first",
        ),
    ],
    ids=["a directory", "a pipe", "a link to nothing", "no directory", "a file as directory"],
)
async def test_place_without_a_file_is_refused(
    tmp_path: Path, make_it: Callable[[Path], object], sentence: str, fresh: bool
) -> None:
    path = tmp_path / "stores" / "store.db"
    path.parent.mkdir()
    make_it(path)
    assert await refusal(path, fresh) == sentence


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Yield a directory that every user can look into."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)
        Path(folder).chmod(0o755)


@pytest.mark.parametrize(
    ("file", "directory", "sentence"),
    [
        (None, 0o555, "cannot write FILE: Permission denied"),
        (0o444, 0o777, "FILE or its directory cannot be written: choose another file"),
        (0o222, 0o777, "FILE or its directory cannot be written: choose another file"),
        (0o666, 0o555, "FILE or its directory cannot be written: choose another file"),
    ],
    ids=["directory", "file", "not to be read", "directory of a file"],
)
async def test_file_without_permission_is_refused(
    open_folder: Path, file: int | None, directory: int, sentence: str
) -> None:
    path = open_folder / "store.db"
    if file is not None:
        await make(path)
        path.chmod(file)
    open_folder.chmod(directory)
    with as_nobody():
        log = open_log(f"sqlite:///{path}")
        with pytest.raises(StoreRefused) as refused:
            await log.join(FINGERPRINT)
        await log.close()
    assert str(refused.value).replace(str(path), "FILE") == sentence


async def test_only_the_owner_can_read_the_files(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    mask = os.umask(0)
    try:
        log = open_log(f"sqlite:///{path}")
        await log.join(FINGERPRINT)
        await grow(log, "a")
    finally:
        os.umask(mask)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert modes == {"store.db": 0o600, "store.db-wal": 0o600, "store.db-shm": 0o600}
    await log.close()
    assert [file.name for file in tmp_path.iterdir()] == ["store.db"]


async def test_empty_file_becomes_a_store_and_keeps_its_permissions(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "store.db"
    path.touch()
    path.chmod(0o640)
    await make(path)
    assert await open_and_count(path) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert caplog.messages == [
        f"other users of this machine can open {path}, which holds credentials: chmod 600 '{path}'*"
    ]


async def test_nothing_is_said_of_who_can_open_a_file_that_is_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear Sir or Madam, " * 100)
    path.chmod(0o644)
    assert await refusal(path) == "FILE is not a SQLite database: choose another file"
    assert not caplog.messages


async def test_nothing_is_said_of_a_file_that_only_the_owner_can_open(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await make(tmp_path / "store.db")
    assert await open_and_count(tmp_path / "store.db") == 1
    assert not caplog.messages


async def test_store_is_found_where_its_url_says_also_from_another_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    log = open_log("sqlite:///odd %20?name#&.db")
    monkeypatch.chdir("/")
    assert log.describe() == f"sqlite:///{tmp_path}/odd %20?name#&.db"
    await log.join(FINGERPRINT)
    await grow(log, "a")
    await log.close()
    assert os.listdir(tmp_path) == ["odd %20?name#&.db"]
    assert await open_and_count(tmp_path / "odd %20?name#&.db") == 1


async def test_file_alone_has_everything_that_a_server_has_kept_which_left_it(tmp_path: Path) -> None:
    """Of several workers that end at once, each may take another one for the last, which would see to it."""
    path, copy = tmp_path / "store.db", tmp_path / "copy.db"
    one, other = (open_log(f"sqlite:///{path}") for _ in range(2))
    await one.join(FINGERPRINT)
    await other.join(FINGERPRINT)
    await grow(one, "a")
    await one.close()
    copy.write_bytes(path.read_bytes())
    copied = open_log(f"sqlite:///{copy}")
    await copied.join(FINGERPRINT)
    assert await copied.names() == (["a"], 1)
    for log in (other, copied):
        await log.close()
