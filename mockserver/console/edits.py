"""The changes that people have saved on the pages of records, kept for a while so that they can be undone."""

from collections import OrderedDict
from dataclasses import dataclass
from secrets import token_urlsafe
from threading import Lock
from typing import Any

from mockserver.vendor_api.json_text import decode, encode

MAX_EDITS = 1000
MAX_BYTES = 4 * 1024 * 1024  # of all of them together


@dataclass(frozen=True)
class _Kept:
    """One change: the path of its record in the control API, and the record before and after it as JSON."""

    path: str
    former: bytes
    saved: bytes

    @property
    def size(self) -> int:
        return len(self.former) + len(self.saved)


class Edits:
    """The latest changes of one server, by names that nobody can guess."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._size = 0

    def keep(self, path: str, former: Any, saved: Any) -> str:
        """Keep a change to the record at a path. Return its name. The oldest changes make room."""
        name, made = token_urlsafe(8), _Kept(path, encode(former), encode(saved))
        with self._lock:
            self._kept[name] = made
            self._size += made.size
            while len(self._kept) > MAX_EDITS or self._size > MAX_BYTES:
                self._size -= self._kept.popitem(last=False)[1].size
        return name

    def find(self, name: str, path: str) -> tuple[Any, Any] | None:
        """Return the record before and after a change to it, or None if the change is no longer kept."""
        with self._lock:
            kept = self._kept.get(name)
        return (decode(kept.former), decode(kept.saved)) if kept and kept.path == path else None
