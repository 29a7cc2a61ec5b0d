"""The ready file: it is there while a server answers, and says where, and as which process."""

import json
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

from mockserver.server.tls.data_dir import write


class ReadyFileError(Exception):
    """A file that is something else, or that cannot be used; the message says so in one line."""


def read(file: Path) -> dict[str, Any]:
    """What a server said of itself: `url`, `port`, `pid`, `ca`. FileNotFoundError, NoAnnouncement."""
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
        raise ReadyFileError(f"{file} is no ready file")
    return content


class ReadyFile:
    """A server's own ready file; one that a killed server left there goes away. NoAnnouncement."""

    def __init__(self, file: Path) -> None:
        self._file = file.absolute()
        self._said: dict[str, Any] = {}
        with suppress(FileNotFoundError):
            read(self._file)
            self._unlink()

    def publish(self, **facts: Any) -> None:
        """NoAnnouncement: the file cannot be written."""
        self._said = facts
        try:
            write(self._file, json.dumps(facts).encode() + b"\n", 0o644)
        except OSError as error:
            raise ReadyFileError(f"cannot write {self._file}: {error.strerror}") from None

    def withdraw(self) -> None:
        """Take the file away, unless it is another server's by now."""
        with suppress(FileNotFoundError, ReadyFileError):
            if read(self._file) == self._said:
                self._unlink()

    def _unlink(self) -> None:
        try:
            self._file.unlink(missing_ok=True)
        except OSError as error:
            raise ReadyFileError(f"cannot remove {self._file}: {error.strerror}") from None
