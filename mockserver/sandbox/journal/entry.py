"""Journal entries: one call each, with its answer and its effects."""

import logging
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal

import msgspec

from mockserver.vendor_api.failure import UNEXPECTED, description
from mockserver.vendor_api.raw_request import RawRequest

log = logging.getLogger("mockserver")

NO_VENDOR = "-"  # the vendor's name in the entry of a call that no vendor has a path for
STRAYS = "-"  # the name of the journal of calls that belong to no sandbox
HeaderPairs = tuple[tuple[str, str], ...]
# A call of a client to the mock, or one of the mock to a webhook.
Direction = Literal["incoming", "outgoing"]
Place = Literal["method", "path", "query", "header", "body"]
Origin = Literal["request", "example", "record", "sandbox"]


class Change(msgspec.Struct, frozen=True, gc=False):
    """One record before and after a call. None means that the record did not exist."""

    vendor: str
    collection: str
    key: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


class Edit(msgspec.Struct, frozen=True):
    """One change of a request: a value is set, left out if `removed`, or gets the name `value` if `renamed`.

    `name` is the name of a parameter or header, or the path of a field of the body, joined with dots. It is
    empty for the whole path or body, and for the method. `value` is text, but in a body it is a JSON value.
    `text` says the same to people.

    `origin` tells where a value comes from: made from the `request`, an `example` that fits, what the
    `record` has now, or the credential of the `sandbox`. `allowed` says in words which values the spec
    allows, or is empty.
    """

    place: Place
    name: str
    value: Any
    text: str
    removed: bool = False
    renamed: bool = False
    origin: Origin = "request"
    allowed: str = ""


class Explanation(msgspec.Struct, frozen=True):
    """Why a call was refused: the failed check, the reasons, excerpts from the spec, and minimal fixes.

    `edits` are the fixes that a program can make.
    """

    check: str
    why: tuple[str, ...]
    spec: tuple[str, ...]
    smallest_change: tuple[str, ...]
    edits: tuple[Edit, ...] = ()


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """One call in short: all but its headers, its bodies and the records that it changed.

    `serial` is the number of the call in its journal. `arrived` is the wall time at which the call was
    answered, in microseconds; no two entries of a server have the same. `time` is the time of the sandbox's
    clock. `dialect` is that of the vendor, empty if there is no vendor. `status` is 0 if no answer was sent.
    `change_count` is the number of changed records, without those that were written as they were.

    If the call is outgoing, `operation` is the webhook's topic, and `target` its whole URL.
    """

    serial: int
    sandbox: str
    arrived: int = 0
    time: datetime
    direction: Direction = "incoming"
    vendor: str
    operation: str
    method: str
    target: str
    status: int
    milliseconds: float
    engine: str = ""
    dialect: str = ""
    fault: str | None = None
    evidence: str = ""
    change_count: int = 0
    remarks: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    explanation: Explanation | None = None

    @property
    def id(self) -> str:
        """The id of the call in the control API."""
        return f"{self.sandbox}.{self.serial}"

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


class Entry(Summary, frozen=True, kw_only=True):
    """One call. Secrets are replaced by `***`, and long bodies are cut.

    `origin` is the scheme and host of the URL that the client called, if the host is a vendor's own,
    else empty. The sizes are the lengths of the whole bodies in bytes. `accepted` is True if the call's
    credential opened the sandbox.
    """

    origin: str = ""
    request_headers: HeaderPairs
    request_body: str
    request_size: int = 0
    response_headers: HeaderPairs
    response_body: str
    response_size: int = 0
    accepted: bool = False
    changes: tuple[Change, ...] = ()


class KeptEntry(msgspec.Struct, kw_only=True, gc=False):
    """A call as a journal keeps it. Most calls are never read, so they are written down when they are read.

    What is written is not kept: it would take as much memory again. `weight` is the approximate size in
    memory, in bytes. The journal `sandbox` sets `serial` and `arrived`. A subclass writes the call down in
    `_summary` and `_entry`. If one of them fails, a call that says so is returned, so that it is no obstacle
    to reading the other calls.
    """

    direction: ClassVar[Direction] = "incoming"

    sandbox: str
    weight: int
    serial: int = 0
    arrived: int = 0

    @property
    def id(self) -> str:
        """The id of the call in the control API."""
        return f"{self.sandbox}.{self.serial}"

    def explanation(self) -> Explanation | None:
        """Return why the call was refused, or None. This takes a part of the time of `summary`."""
        try:
            return self._explanation()
        except UNEXPECTED as error:
            return self._unreadable(error).explanation

    def summary(self) -> Summary:
        """Return the call in short."""
        try:
            return self._summary()
        except UNEXPECTED as error:
            return self._unreadable(error)

    def entry(self, *, with_answer: bool = True) -> Entry:
        """Return the whole call, or all but the headers and the body of its answer, which takes less time."""
        try:
            return self._entry(with_answer)
        except UNEXPECTED as error:
            return self._unreadable(error)

    def lacks(self, headers: Iterable[str], *, body: bool) -> bool:
        """Return True if the request certainly lacks one of these headers, or the body, if one is wanted.

        This takes a fraction of the time to write the call down. The names of the headers are in lower case.
        """
        return False

    def raw_request(self) -> RawRequest | None:
        """Return the request as it came, with its secrets, or None if the journal lacks a part of its body.

        If the call comes from a store, it has the sandbox's own credential in place of the one that opened
        the sandbox, and `***` for all other secrets. Never show it. It has the vendor's name as a prefix, if
        it did not come to the vendor's own host.
        """
        try:
            return self._raw_request()
        except UNEXPECTED:  # it cannot be read either: see `entry`
            return None

    def _raw_request(self) -> RawRequest | None:
        raise NotImplementedError

    def _explanation(self) -> Explanation | None:
        return self._summary().explanation

    def _summary(self) -> Summary:
        raise NotImplementedError

    def _entry(self, with_answer: bool) -> Entry:
        raise NotImplementedError

    def _unreadable(self, error: BaseException) -> Entry:
        """Return the call without anything that would have to be written down, and log the reason."""
        log.error("call %s.%d cannot be read", self.sandbox, self.serial, exc_info=error)
        return Entry(
            serial=self.serial,
            sandbox=self.sandbox,
            arrived=self.arrived,
            time=datetime.fromtimestamp(self.arrived / 1e6, UTC),
            vendor=NO_VENDOR,
            operation="",
            method="",
            target=f"(this call cannot be read: {description(error)})",
            status=0,
            milliseconds=0.0,
            request_headers=(),
            request_body="",
            response_headers=(),
            response_body="",
        )
