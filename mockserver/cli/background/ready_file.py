"""The ready file: it exists while a server answers, and holds the server's URL, port and process id."""

import json
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeGuard

from mockserver.server.tls.data_dir import write_atomically


class ReadyFileError(Exception):
    """Raised if a path cannot be used as a ready file; the message is one line that names the path."""


def read_ready_file(file: Path) -> dict[str, Any]:
    """Return the content of a ready file: `url`, `port`, `pid` and `ca` (None without TLS).

    Raise FileNotFoundError if the file does not exist, and ReadyFileError if it cannot be read or is
    not a ready file.
    """
    content = None
    try:
        if stat.S_ISREG(file.stat().st_mode):
            content = json.loads(file.read_bytes())
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ReadyFileError(f"cannot read {file}: {error.strerror}") from None
    except (ValueError, RecursionError):
        pass
    if not _is_ready_file(content):
        raise ReadyFileError(f"{file} is not a mockserver ready file: give another path")
    return content


def _is_ready_file(content: Any) -> TypeGuard[dict[str, Any]]:
    """Return True if JSON has the fields of a ready file. Its URL and its path may still lead nowhere."""
    if not (isinstance(content, dict) and "pid" in content):
        return False
    texts = (content.get("url"), content.get("ca") or "")
    return all(isinstance(text, str) and "\0" not in text for text in texts)


class ReadyFile:
    """This server's ready file.

    Creating an instance removes a ready file that a killed server left at the path. Any other file is
    kept: the path cannot be used, and ReadyFileError is raised.
    """

    def __init__(self, file: Path) -> None:
        self._file = file.absolute()
        self._content: dict[str, Any] = {}
        with suppress(FileNotFoundError):
            read_ready_file(self._file)
            self._unlink()

    def publish(self, **content: Any) -> None:
        """Write the file. Raise ReadyFileError if it cannot be written."""
        self._content = content
        try:
            write_atomically(self._file, json.dumps(content).encode() + b"\n", 0o644)
        except OSError as error:
            raise ReadyFileError(f"cannot write {self._file}: {error.strerror}") from None

    def withdraw(self) -> None:
        """Remove the file, unless another server has replaced it."""
        with suppress(FileNotFoundError, ReadyFileError):
            if read_ready_file(self._file) == self._content:
                self._unlink()

    def _unlink(self) -> None:
        try:
            self._file.unlink(missing_ok=True)
        except OSError as error:
            raise ReadyFileError(f"cannot remove {self._file}: {error.strerror}") from None
