"""Entries of a journal: one call each, with its answer and all that became of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

import msgspec

NO_VENDOR = "-"  # in place of the vendor, for a call that no vendor has a path for
HeaderPairs = tuple[tuple[str, str], ...]


class Change(msgspec.Struct, frozen=True, gc=False):
    """One record before and after a call; None means that there was or is none."""

    vendor: str
    collection: str
    key: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


class Explanation(msgspec.Struct, frozen=True):
    """Why a call was refused: the failed check, reasons, sentences of the spec, the smallest changes."""

    check: str
    why: tuple[str, ...]
    spec: tuple[str, ...]
    smallest_change: tuple[str, ...]


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One call. Times are the sandbox's, secrets are replaced by `***`, long bodies are cut.

    `serial` counts the calls of the server. A call that got no answer has status 0.
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
    engine: str = ""
    fault: str | None = None
    evidence: str = ""
    changes: tuple[Change, ...] = ()
    remarks: tuple[str, ...] = ()
    explanation: Explanation | None = None

    @property
    def id(self) -> str:
        """The name by which the control API is asked for the entry."""
        return f"{self.sandbox}.{self.serial}"


class LazyEntry(Protocol):
    """An entry that is written out when somebody reads it, which happens to few of them."""

    @property
    def weight(self) -> int:
        """About how many bytes it takes to keep."""

    @property
    def entry(self) -> Entry:
        """The entry."""
