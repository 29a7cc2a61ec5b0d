"""Journal entries: one call each, with its answer and its effects."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

import msgspec

NO_VENDOR = "-"  # the vendor's name in the entry of an unmatched call
HeaderPairs = tuple[tuple[str, str], ...]


class Change(msgspec.Struct, frozen=True, gc=False):
    """One record before and after a call. None means that the record did not exist."""

    vendor: str
    collection: str
    key: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


class Explanation(msgspec.Struct, frozen=True):
    """Why a call was refused: the failed check, the reasons, excerpts from the spec, and minimal fixes."""

    check: str
    why: tuple[str, ...]
    spec: tuple[str, ...]
    smallest_change: tuple[str, ...]


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One call. Secrets are replaced by `***`, and long bodies are cut.

    `time` is taken from the sandbox's clock. `serial` is the number of the call on this server. `status` is
    0 if no answer was sent. `accepted` is True if the call's credential opened the sandbox.
    """

    serial: int
    sandbox: str
    time: datetime
    vendor: str
    operation: str
    method: str
    target: str
    request_headers: HeaderPairs
    request_body: str
    status: int
    response_headers: HeaderPairs
    response_body: str
    milliseconds: float
    accepted: bool = False
    engine: str = ""
    fault: str | None = None
    evidence: str = ""
    changes: tuple[Change, ...] = ()
    remarks: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    explanation: Explanation | None = None

    @property
    def id(self) -> str:
        """The id of the entry in the control API."""
        return f"{self.sandbox}.{self.serial}"


class LazyEntry(Protocol):
    """An entry that is made when it is first read, because most entries are never read."""

    @property
    def weight(self) -> int:
        """The approximate size in memory, in bytes."""

    @property
    def entry(self) -> Entry:
        """The complete entry."""
