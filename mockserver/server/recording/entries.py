"""Journal entries of calls to the mock, made from exchanges.

Most entries are never read. So a call only keeps what the entry is made from, and the entry is made when it
is read. This reduces the pipeline's CPU time: for a GET, from 30 to 16 microseconds; for a write, from 46 to
22 microseconds.
"""

import zlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import chain, islice
from typing import Any

from msgspec.structs import replace

from mockserver.contract.contract import Contract
from mockserver.contract.exchange import Exchange
from mockserver.contract.openapi.operation import Operation
from mockserver.contract.refusals.dialect_notes import notes_on_dialect
from mockserver.contract.refusals.explanation import explain, explain_not_emulated
from mockserver.contract.remarks import notes_on, remarks_on
from mockserver.contract.response import Response
from mockserver.sandbox.faults import tag_of
from mockserver.sandbox.journal.entry import (
    Change,
    Entry,
    Explanation,
    HeaderPairs,
    KeptEntry,
    Summary,
)
from mockserver.sandbox.journal.redaction import (
    MAX_KEPT_BODY,
    readable_body,
    redact_headers,
    redact_target,
    redact_violation,
)
from mockserver.server.http.raw_request import host_name
from mockserver.server.http.response_writer import sent_body
from mockserver.server.recording.own_credential import with_credential, with_credential_of_any
from mockserver.server.recording.shown_records import encoded, shown
from mockserver.vendor_api.problem import Problem
from mockserver.vendor_api.raw_request import RawRequest
from mockserver.vendor_api.request import Request
from mockserver.vendor_api.vendor import Vendor

MAX_REMARKS = 50
BYTES_OF_A_HEADER = 150  # the overhead of two str objects, without their characters
BYTES_OF_AN_ENTRY = 1000  # the overhead of an entry, without its strings
BYTES_OF_A_PROBLEM, BYTES_OF_A_VIOLATION = 450, 150


BODY_MISSING = ("too_large", "request_timeout")


class CallEntry(KeptEntry, gc=False):
    """The entry of an exchange.

    It must not refer to the sandbox: otherwise, a journal could keep a deleted sandbox in memory. A problem's
    traceback refers to it, so `Exchange.refuse` removes the traceback. Of a refused call, `own_credential` is
    the one that would have opened the sandbox. The sizes are those of bodies that are not kept as they were.
    `fault` is the fault's type, or empty.

    If `struck` is True, the call comes from a store: its secrets have been replaced by `***` for good. Its
    `own_credential` is that of the sandbox now. `dialect_notes` are the notes on the dialect, if the call no
    longer has what they were made from, else None.
    """

    time: datetime
    seconds: float
    contract: Contract
    operation: Operation | None
    request: Request
    response: Response
    changes: tuple[Change, ...]
    engine: str
    accepted: bool
    fault: str = ""
    problem: Problem | None = None
    own_credential: str = ""
    request_size: int | None = None
    response_size: int | None = None
    struck: bool = False
    dialect_notes: tuple[str, ...] | None = None

    def _summary(self) -> Summary:
        return Summary(**self._summary_fields())

    def _entry(self, with_answer: bool) -> Entry:
        request, response = self.request, self.response
        headers: HeaderPairs = ()
        body = ""
        request_size = len(request.body) if self.request_size is None else self.request_size
        response_size = len(response.body) if self.response_size is None else self.response_size
        if with_answer:
            headers = redact_headers(response.headers)
            body = readable_body(plain_body(response), content_type_of(response), response_size)
        return Entry(
            **self._summary_fields(),
            origin=_origin(request, self.contract),
            request_headers=redact_headers(request.headers.items()),
            request_body=readable_body(request.body, request.headers.get("content-type", ""), request_size),
            request_size=request_size,
            response_headers=headers,
            response_body=body,
            response_size=response_size,
            accepted=self.accepted,
            changes=tuple(map(_redacted, self.changes)),
        )

    def lacks(self, headers: Iterable[str], *, body: bool) -> bool:
        request = self.request
        return (body and not request.body) or any(name not in request.headers for name in headers)

    def _raw_request(self) -> RawRequest | None:
        request, problem = self.request, self.problem
        if self.body_is_cut or (problem and problem.kind in BODY_MISSING):
            return None
        path = request.target.partition("?")[0]
        prefix = "" if _origin(request, self.contract) else f"/{self.contract.vendor.name}"
        raw = RawRequest(
            request.method, prefix + path, request.query, request.headers, request.body, request.scheme
        )
        if self.struck and self.accepted:
            in_body = self.operation is not None and not self.operation.secured
            return with_credential(raw, self.contract.vendor, self.own_credential, in_body=in_body)
        return raw

    @property
    def body_is_cut(self) -> bool:
        return self.request_size is not None and self.request_size > MAX_KEPT_BODY

    def _summary_fields(self) -> dict[str, Any]:
        request, response, operation = self.request, self.response, self.operation
        problem, contract, fault = self.problem, self.contract, self.fault
        documented = contract.spec.response(operation, response.status)
        limited = problem is not None and problem.kind == "rate_limited"  # the engine has not checked it
        judged = not (limited or request.method == "OPTIONS")
        remarks = remarks_on(request, operation, contract.spec) if judged else ()
        notes = chain(notes_on(request, operation), self.notes_on_live_vendor()) if judged else ()
        return {
            "serial": self.serial,
            "sandbox": self.sandbox,
            "arrived": self.arrived,
            "time": self.time,
            "vendor": contract.vendor.name,
            "operation": operation.id if operation else "",
            "method": request.method,
            "target": redact_target(request.target),
            "status": response.status,
            "milliseconds": round((self.seconds + response.delay) * 1000, 3),
            "fault": fault or ("delay" if response.delay else None),
            "evidence": documented.evidence if documented else "",
            "change_count": sum(change.before != change.after for change in self.changes),
            "remarks": tuple(islice(remarks, MAX_REMARKS)),
            "notes": tuple(islice(notes, MAX_REMARKS)),
            "engine": self.engine,
            "dialect": contract.dialect,
            "explanation": self._explanation(),
        }

    def notes_on_live_vendor(self) -> Iterator[str]:
        """Yield what the live vendor does otherwise with the call, unless a fault has changed the answer."""
        if self.dialect_notes is not None:
            yield from self.dialect_notes
        elif not self.fault:
            yield from notes_on_dialect(
                self.contract, self.operation, self.request, self.response.status,
                accepted=self.problem is None and not self.body_is_cut,
            )  # fmt: skip

    def _explanation(self) -> Explanation | None:
        contract, request, problem = self.contract, self.request, self.problem
        if problem is None:
            return None
        if self.operation is None and contract.spec.lacks(request.method, request.target.partition("?")[0]):
            return explain_not_emulated(problem)
        collection = next(iter(contract.base_records), "")
        names = {"sandbox": self.sandbox, "vendor": contract.vendor.name, "collection": collection}
        vendor, own = contract.vendor, self.own_credential
        in_body = {vendor.credential_field: own}
        return explain(problem, self.operation, vendor.auth_headers(own), names, in_body)


def entry_of(
    exchange: Exchange, response: Response, sandbox: str, time: datetime, seconds: float
) -> CallEntry:
    """Return the entry for an exchange in the journal `sandbox`.

    `time` is the sandbox's time, `seconds` the duration.
    """
    call, problem, fault = exchange.call, exchange.problem, response.fault
    request, changes = call.request, exchange.changes
    request_size = response_size = None
    if problem is not None:
        problem.violations = tuple([redact_violation(one, request.body) for one in problem.violations])
    if fault is not None:
        response = replace(response, body=sent_body(response), fault=None)
    if len(request.body) > MAX_KEPT_BODY:
        request_size, request = len(request.body), replace(request, body=request.body[:MAX_KEPT_BODY])
    if len(response.body) > MAX_KEPT_BODY:
        response_size, response = len(response.body), replace(response, body=response.body[:MAX_KEPT_BODY])
    # Positional arguments, and defaults for what few calls have, halve the time of this.
    entry = CallEntry(
        time, seconds, exchange.contract, exchange.operation, request, response, changes, exchange.engine,
        call.credential.status == "accepted",
        sandbox=sandbox, weight=weight_of(request, response, changes, problem),
    )  # fmt: skip
    if problem is not None:
        entry.problem, entry.own_credential = problem, exchange.sandbox.credential
    if fault is not None:
        entry.fault = tag_of(fault)
    if request_size is not None or response_size is not None:
        entry.request_size, entry.response_size = request_size, response_size
    return entry


def _origin(request: Request, contract: Contract) -> str:
    """Return scheme and host of the URL that the client called, if it named one of the vendor's own hosts."""
    host = request.headers.get("host", "")
    named = bool(host) and contract.host(host_name(host)) is not None
    return f"{request.scheme}://{host}" if named else ""


def plain_body(response: Response) -> bytes:
    """Return the body of a response, without the compression of the fault `compressed`."""
    if ("Content-Encoding", "gzip") not in response.headers:
        return response.body
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(response.body, MAX_KEPT_BODY)
    except zlib.error:  # the fault `response` may send this header with any body
        return response.body


def content_type_of(response: Response) -> str:
    return next((value for name, value in response.headers if name.lower() == "content-type"), "")


def _redacted(change: Change) -> Change:
    return Change(
        change.vendor, change.collection, change.key, shown(change.before), shown(change.after)
    )  # fmt: skip


def weight_of(
    request: Request, response: Response, changes: tuple[Change, ...] = (), problem: Problem | None = None
) -> int:
    """Return the approximate size in memory of all that an entry refers to, in bytes.

    msgspec encodes into a buffer of which up to a third stays unused.
    """
    headers = request.headers
    texts = len(request.target) + len(request.query) + headers.size + len(request.body)
    texts += len(response.body) * 4 // 3
    for change in changes:  # double one record: `before` and `after` are about equally long
        texts += 2 * len(encoded(change.before if change.after is None else change.after))
    if problem is not None:
        texts += BYTES_OF_A_PROBLEM + BYTES_OF_A_VIOLATION * len(problem.violations)
    return BYTES_OF_AN_ENTRY + BYTES_OF_A_HEADER * len(headers) + texts


class RefusedByMockEntry(KeptEntry, gc=False):
    """The entry of a request that the mock itself refuses.

    That is a request that no vendor has a path for, or one that a quota does not allow. `remark` is the
    remark about it, if there is one.

    If `struck` is True, the entry comes from a store: its secrets have been replaced by `***` for good. If
    the request has opened the sandbox, it was with a credential of one of the `vendors`. `own_credential` is
    that of the sandbox.
    """

    time: datetime
    request: Request
    vendor: str
    check: str
    why: str
    advice: str
    response: Response
    accepted: bool
    remark: str = ""
    struck: bool = False
    vendors: tuple[Vendor, ...] = ()
    own_credential: str = ""

    def _raw_request(self) -> RawRequest:
        request = self.request
        path = request.target.partition("?")[0]
        raw = RawRequest(request.method, path, request.query, request.headers, b"", request.scheme)
        if self.struck and self.accepted:
            return with_credential_of_any(raw, self.vendors, self.own_credential)
        return raw

    def _summary(self) -> Summary:
        return self._entry(True)

    def _entry(self, with_answer: bool) -> Entry:
        return Entry(
            serial=self.serial,
            sandbox=self.sandbox,
            arrived=self.arrived,
            time=self.time,
            vendor=self.vendor,
            operation="",
            method=self.request.method,
            target=redact_target(self.request.target),
            request_headers=redact_headers(self.request.headers.items()),
            request_body="",
            status=self.response.status,
            response_headers=redact_headers(self.response.headers),
            response_body=readable_body(self.response.body),
            response_size=len(self.response.body),
            milliseconds=0.0,
            remarks=(self.remark,) if self.remark else (),
            explanation=self._explanation(),
            accepted=self.accepted,
        )

    def _explanation(self) -> Explanation:
        return Explanation(self.check, (self.why,), (), (self.advice,))
