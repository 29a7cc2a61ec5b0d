"""The user's files: checked at the beginning, read, and written so that a crash leaves the old content."""

import os
import stat
import uuid
from contextlib import suppress
from pathlib import Path

from mockserver.cli.options import CommandError


def check_writable(file: Path) -> None:
    """Raise CommandError if a file could not be written, so that the error comes at the beginning."""
    try:
        exists = stat.S_IFMT(file.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        exists = 0
    except OSError as error:
        raise CommandError(f"cannot write to {file}: {error.strerror}") from None
    folder = file.resolve().parent
    if exists == stat.S_IFDIR:
        reason = "this is a folder"
    elif not folder.is_dir():
        reason = f"there is no folder {folder}"
    elif not os.access(file if exists else folder, os.W_OK):
        reason = "you may not write there"
    else:
        return
    raise CommandError(f"cannot write to {file}: {reason}")


def check_replaceable(file: Path) -> None:
    """Raise CommandError if `write_safely` could not write a file.

    It would put a file in the place of a pipe or a device, and so take that from all other programs.
    """
    check_writable(file)
    if file.exists() and not file.is_file():
        raise CommandError(f"cannot write to {file}: this is not a file")


def read_file(file: Path) -> bytes:
    """Return the content of a file or pipe. Raise CommandError with one line if it cannot be read."""
    try:
        mode = file.stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
            raise CommandError(f"cannot read {file}: this is not a file")
        return file.read_bytes()
    except OSError as error:
        raise CommandError(f"cannot read {file}: {error.strerror}") from None


def write_safely(file: Path, content: bytes) -> None:
    """Write a file beside its place, and rename it once it is on disk.

    A symbolic link is followed. An existing file keeps its permissions and, where that is allowed, its
    owner. Raise CommandError with one line if the file cannot be written.
    """
    check_replaceable(file)
    place = file.resolve()
    draft = place.with_name(f".{place.name}.{uuid.uuid4().hex}")
    try:
        try:
            before = place.stat()
        except FileNotFoundError:
            before = None
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with open(os.open(draft, flags, 0o600 if before else 0o666), "wb") as opened:
            opened.write(content)
            opened.flush()
            if before:
                _keep_access(draft, before)
            os.fsync(opened.fileno())
        os.replace(draft, place)
        _sync_folder(place.parent)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise CommandError(f"cannot write to {file}: {error.strerror}") from None


def _keep_access(draft: Path, before: os.stat_result) -> None:
    """Give a new file the owner and the permissions of the one that it replaces."""
    with suppress(OSError, AttributeError):  # only root can give files away; Windows has no chown
        os.chown(draft, before.st_uid, before.st_gid)
    os.chmod(draft, stat.S_IMODE(before.st_mode))


def _sync_folder(folder: Path) -> None:
    """Make sure that a renamed file is found under its new name after a power failure."""
    with suppress(OSError):  # not possible on Windows
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
