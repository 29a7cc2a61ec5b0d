"""The recorder: makes journal entries from exchanges.

Most entries are never read. So a call only stores a tuple. The entry is made from the tuple when it is
first read. This reduces the pipeline's CPU time: for a GET, from 30 to 16 microseconds; for a write, from
46 to 22 microseconds. With `LAZY = False`, entries are made at once.
"""

from datetime import datetime
from itertools import islice
from typing import Any

import msgspec

from mockserver.contract.contract import Contract
from mockserver.contract.exchange import Exchange
from mockserver.contract.explanation import explain, explain_not_emulated
from mockserver.contract.openapi.operation import Operation
from mockserver.contract.remarks import notes_on, remarks_on
from mockserver.contract.response import Response
from mockserver.sandbox.faults import tag_of
from mockserver.sandbox.journal.entry import NO_VENDOR, Change, Entry, Explanation, LazyEntry
from mockserver.sandbox.journal.redaction import (
    readable_body,
    redact_headers,
    redact_json,
    redact_target,
)
from mockserver.sandbox.sandbox import Sandbox, credential_for
from mockserver.server.http.response_writer import sent_body
from mockserver.server.router import NO_VENDOR_REMARK, NoVendor
from mockserver.vendor_api.json_text import encode
from mockserver.vendor_api.problem import Problem
from mockserver.vendor_api.raw_request import RawRequest
from mockserver.vendor_api.request import Request

LAZY = True
MAX_REMARKS = 50
BYTES_OF_A_HEADER = 150  # the overhead of two str objects, without their characters
BYTES_OF_AN_ENTRY = 1000  # the overhead of an entry, without its strings


class CallEntry(msgspec.Struct, gc=False):
    """An entry that is made from `source` on first access. Afterwards, `source` is dropped.

    `source` must not refer to the sandbox: otherwise, a journal could keep a deleted sandbox in memory. A
    problem's traceback refers to the sandbox, so `entry_of` removes the traceback.
    """

    weight: int
    source: tuple[Any, ...] | None
    written: Entry | None = None

    @property
    def entry(self) -> Entry:
        source = self.source
        if source is not None:  # two threads may both make the entry, with the same result
            self.written = _written(source)
            self.source = None
        assert self.written is not None
        return self.written


class WrittenEntry(msgspec.Struct, frozen=True):
    """An entry that is complete from the start."""

    weight: int
    entry: Entry


def entry_of(
    exchange: Exchange, response: Response, serial: int, time: datetime, seconds: float
) -> LazyEntry:
    """Return the entry for an exchange. `time` is the sandbox's time, `seconds` the duration."""
    request, problem = exchange.call.request, exchange.problem
    if problem is not None:
        problem.__traceback__ = problem.__context__ = problem.__cause__ = None
    source = (
        serial, exchange.sandbox.name, time, exchange.contract, exchange.operation, request, response,
        problem, exchange.changes, exchange.engine, seconds, exchange.call.credential.status == "accepted",
    )  # fmt: skip
    weight = weight_of(request, response, exchange.changes)
    return CallEntry(weight, source) if LAZY else WrittenEntry(weight, _written(source))


def _written(source: tuple[Any, ...]) -> Entry:
    serial, sandbox, time, contract, operation, request, response, problem, *rest = source
    changes, engine, seconds, accepted = rest
    documented = contract.spec.response(operation, response.status)
    limited = problem is not None and problem.kind == "rate_limited"  # the engine has not checked the call
    judged = not (limited or request.method == "OPTIONS")
    remarks = remarks_on(request, operation, contract.spec) if judged else ()
    notes = notes_on(request, operation) if judged else ()
    fault = tag_of(response.fault) if response.fault else "delay" if response.delay else None
    return Entry(
        serial=serial,
        sandbox=sandbox,
        time=time,
        vendor=contract.vendor.name,
        operation=operation.id if operation else "",
        method=request.method,
        target=redact_target(request.target),
        request_headers=redact_headers(request.headers.items()),
        request_body=readable_body(request.body, request.headers.get("content-type", "")),
        status=response.status,
        response_headers=redact_headers(response.headers),
        response_body=readable_body(sent_body(response), _content_type(response)),
        milliseconds=round((seconds + response.delay) * 1000, 3),
        accepted=accepted,
        engine=engine,
        fault=fault,
        evidence=documented.evidence if documented else "",
        changes=tuple(map(_redacted, changes)),
        remarks=tuple(islice(remarks, MAX_REMARKS)),
        notes=tuple(islice(notes, MAX_REMARKS)),
        explanation=_explanation(problem, operation, request, contract, sandbox) if problem else None,
    )


def _content_type(response: Response) -> str:
    return next((value for name, value in response.headers if name.lower() == "content-type"), "")


def _redacted(change: Change) -> Change:
    before, after = redact_json(change.before), redact_json(change.after)
    return Change(change.vendor, change.collection, change.key, before, after)


def _explanation(
    problem: Problem, operation: Operation | None, request: Request, contract: Contract, sandbox: str
) -> Explanation:
    if operation is None and contract.spec.lacks(request.method, request.target.partition("?")[0]):
        return explain_not_emulated(problem)
    return explain(problem, operation, contract.vendor.auth_headers(credential_for(sandbox)))


def weight_of(request: Request, response: Response, changes: tuple[Change, ...] = ()) -> int:
    """Return the approximate size in memory of a request, its response and its changes, in bytes."""
    headers = request.headers
    texts = len(request.target) + headers.size + len(request.body) + len(response.body)
    for change in changes:  # double one record: `before` and `after` are about equally long
        texts += 2 * len(encode(change.before if change.after is None else change.after))
    return BYTES_OF_AN_ENTRY + BYTES_OF_A_HEADER * len(headers) + texts


def unmatched_entry(raw: RawRequest, error: NoVendor, sandbox: Sandbox, serial: int) -> WrittenEntry:
    """Return the entry for a request that matches no vendor."""
    request, response = Request(raw.method, raw.target, raw.query, raw.headers, {}), error.response()
    entry = Entry(
        serial=serial,
        sandbox=sandbox.name,
        time=sandbox.clock.now(),
        vendor=NO_VENDOR,
        operation="",
        method=raw.method,
        target=redact_target(raw.target),
        request_headers=redact_headers(raw.headers.items()),
        request_body="",
        status=response.status,
        response_headers=redact_headers(response.headers),
        response_body=readable_body(response.body),
        milliseconds=0.0,
        remarks=(NO_VENDOR_REMARK,),
        explanation=Explanation("vendor", (NO_VENDOR_REMARK,), (), (error.advice,)),
    )
    return WrittenEntry(weight_of(request, response), entry)
