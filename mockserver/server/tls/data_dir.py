"""The user's data folder: finds it, and reads and writes its private files."""

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

TLS_FOLDER, CERTIFICATE, KEY = "tls", "ca.pem", "ca-key.pem"
# Never follow a symbolic link, and never block on opening a named pipe.
READ_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
CHOOSE_ANOTHER = "choose another data folder with --data-dir or MOCKSERVER_DATA_DIR"


class DataDirError(Exception):
    """Raised if the data folder or a file in it is unusable or unsafe. The message names the path."""


def data_folder(folder: Path | None = None) -> Path:
    """Return the absolute path of the data folder, which may not exist yet.

    Use `folder` if it is given, otherwise MOCKSERVER_DATA_DIR, otherwise the system's folder for user
    data. Raise DataDirError if the system's folder is needed, but the user has no home folder.
    """
    if given := folder or os.environ.get("MOCKSERVER_DATA_DIR"):
        return Path(given).absolute()
    from platformdirs import user_data_path

    with suppress(RuntimeError):  # without a home folder, platformdirs raises this, or returns ~/…
        found = user_data_path("mockserver", appauthor=False)
        if found.parts[0] != "~":
            return found
    raise DataDirError(f"this user has no home folder: {CHOOSE_ANOTHER}")


def certificate_file(folder: Path) -> Path:
    """Return the path of the authority's certificate in a data folder; the file may not exist yet."""
    return folder / TLS_FOLDER / CERTIFICATE


def key_file(folder: Path) -> Path:
    """Return the path of the authority's private key in a data folder; the file may not exist yet."""
    return folder / TLS_FOLDER / KEY


def make_private(folder: Path) -> None:
    """Create a folder if it does not exist, and remove all permissions of other users.

    Raise DataDirError if the path is not a folder, belongs to another user, or cannot be used.
    """
    try:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        status = folder.lstat()
        if not stat.S_ISDIR(status.st_mode):
            raise DataDirError(f"{folder} must be a folder, not a file or a link: {CHOOSE_ANOTHER}")
        _check_owner(folder, status)
        if stat.S_IMODE(status.st_mode) & 0o077:
            folder.chmod(0o700)
    except OSError as error:
        raise DataDirError(f"cannot use {folder}: {error.strerror}") from None


def read_private(file: Path) -> bytes:
    """Return the content of a file that only this user may access.

    Raise FileNotFoundError if the file does not exist, and DataDirError if it is not a regular file, if
    it belongs to another user, if other users can access it, or if it cannot be read.
    """
    try:
        # Check the open file and not the path, which may be replaced between the check and the read.
        with open(os.open(file, READ_FLAGS), "rb") as opened:
            status = os.fstat(opened.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise DataDirError(f"{file} is not a regular file: delete it, or {CHOOSE_ANOTHER}")
            _check_owner(file, status)
            if os.name == "posix" and status.st_mode & 0o077:
                mode = stat.S_IMODE(status.st_mode)
                raise DataDirError(
                    f"{file} is accessible to other users (mode {mode:04o}): delete it to get a new one, "
                    "or run chmod 600 on it if you are sure that nobody has read it"
                )
            return opened.read()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise DataDirError(f"cannot read {file}: {error.strerror}") from None


def write_atomically(file: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a file atomically: readers see the old content or the new content, never part of it.

    Other users cannot read the file before it has its final mode. If the path is a symbolic link, the
    link is replaced, not followed. Raise OSError if the file cannot be written.
    """
    descriptor, draft = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    try:
        with open(descriptor, "wb") as opened:
            opened.write(content)
        os.chmod(draft, mode)
        os.replace(draft, file)
    except BaseException:
        os.unlink(draft)
        raise


def _check_owner(path: Path, status: os.stat_result) -> None:
    """Raise DataDirError if a file or folder belongs to another user."""
    if hasattr(os, "geteuid") and status.st_uid != os.geteuid():
        raise DataDirError(f"{path} belongs to another user: {CHOOSE_ANOTHER}")
