"""Entries: one call each, with its answer and what became of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

NO_VENDOR = "-"  # what stands for the vendor of a call that none owns


Headers = tuple[tuple[str, str], ...]


class Change(msgspec.Struct, frozen=True, gc=False):
    """One record before and after a call; None is no record."""

    vendor: str
    collection: str
    key: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a call was refused: the check that refused it, in words, and what would have helped."""

    check: str
    why: tuple[str, ...]
    words: tuple[str, ...]
    mend: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One call. Times are the sandbox's, secrets are struck out, bodies cut at `MOST_BODY`."""

    serial: int
    sandbox: str
    time: datetime
    vendor: str
    operation: str
    method: str
    target: str
    request_headers: Headers
    request_body: str
    status: int
    response_headers: Headers
    response_body: str
    milliseconds: float
    lane: str = ""
    fault: str | None = None
    evidence: str = ""
    changes: tuple[Change, ...] = ()
    remarks: tuple[str, ...] = ()
    refusal: Explanation | None = None

    @property
    def id(self) -> str:
        """The name by which the entry is asked for."""
        return f"{self.sandbox}.{self.serial}"


class LazyEntry(msgspec.Struct, gc=False):
    """An entry to be: written out when somebody reads it, which for most calls nobody does.

    `weight` is about how many bytes it takes to keep.
    """

    weight: int
    write: Callable[[], Entry] | None
    written: Entry | None = None

    @property
    def entry(self) -> Entry:
        write = self.write
        if write is not None:  # two threads may both write it out, to the same words
            self.written = write()
            self.write = None  # and so is forgotten what it was written from
        assert self.written is not None
        return self.written
