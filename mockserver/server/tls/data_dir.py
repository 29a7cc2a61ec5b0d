"""The user's data folder: where it is, who may look in, and how a file gets there whole or not at all."""

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

OWN_FOLDER, CERTIFICATE, KEY = "tls", "ca.pem", "ca-key.pem"
# No link is followed, and nobody waits for a pipe.
READ_ONLY = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


class DataDirError(Exception):
    """A folder or a file in it that cannot be used, or should not; the message names it, in one line."""


def data_folder(chosen: Path | None = None) -> Path:
    """The chosen folder, else that of MOCKSERVER_DATA_DIR, else where this system keeps a user's data."""
    if given := chosen or os.environ.get("MOCKSERVER_DATA_DIR"):
        return Path(given).absolute()
    from platformdirs import user_data_path

    try:
        return user_data_path("mockserver", appauthor=False)
    except RuntimeError:
        raise DataDirError(
            "this user has no home: name a folder with --data-dir or MOCKSERVER_DATA_DIR"
        ) from None


def certificate_file(folder: Path) -> Path:
    """Where the certificate of the authority lies; it may not have been made yet."""
    return folder / OWN_FOLDER / CERTIFICATE


def key_file(folder: Path) -> Path:
    return folder / OWN_FOLDER / KEY


def make_private(folder: Path) -> None:
    """See that a folder is there, is ours, and is closed to others. FolderRefused."""
    try:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode):
            raise DataDirError(f"{folder} is no folder")
        _refuse_a_strangers(folder, found)
        if stat.S_IMODE(found.st_mode) & 0o077:
            folder.chmod(0o700)
    except OSError as error:
        raise DataDirError(f"cannot use {folder}: {error.strerror}") from None


def read_private(file: Path) -> bytes:
    """What is in a file that must be ours alone. FolderRefused: it is not. FileNotFoundError."""
    try:
        # What is asked of an open file is asked of the very one that is read, whoever renames what.
        with open(os.open(file, READ_ONLY), "rb") as opened:
            found = os.fstat(opened.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise DataDirError(f"{file} is no plain file")
            _refuse_a_strangers(file, found)
            if os.name == "posix" and found.st_mode & 0o077:
                mode = stat.S_IMODE(found.st_mode)
                raise DataDirError(
                    f"{file} is open to others (mode {mode:04o}): delete it, or chmod 600 if nobody read it"
                )
            return opened.read()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise DataDirError(f"cannot read {file}: {error.strerror}") from None


def write(file: Path, content: bytes, mode: int = 0o600) -> None:
    """Put a file in place, whole: who reads sees the one before or this one. OSError.

    It is closed to others from its first moment; a link of that name is replaced, not followed.
    """
    number, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    try:
        with open(number, "wb") as opened:
            opened.write(content)
        os.chmod(name, mode)
        os.replace(name, file)
    except BaseException:
        os.unlink(name)
        raise


def _refuse_a_strangers(path: Path, found: os.stat_result) -> None:
    if hasattr(os, "geteuid") and found.st_uid != os.geteuid():
        raise DataDirError(f"{path} belongs to another user")
