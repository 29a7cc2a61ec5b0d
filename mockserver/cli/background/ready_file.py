"""The ready file: it exists while a server answers, and holds the server's URL, port and process id."""

import json
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

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
    except ValueError:
        pass
    if not (isinstance(content, dict) and isinstance(content.get("url"), str) and "pid" in content):
        raise ReadyFileError(f"{file} is not a mockserver ready file: give another path")
    return content


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
