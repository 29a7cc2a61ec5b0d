"""The kinds of entries of calls to the mock in the codec of calls."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from msgspec import Raw, Struct
from msgspec.msgpack import Decoder, Encoder, Ext

from mockserver.contract.contract import Contract
from mockserver.contract.openapi.operation import Operation
from mockserver.contract.refusals.edits import headers_of
from mockserver.contract.response import Response
from mockserver.sandbox.journal.entry import Change, HeaderPairs
from mockserver.sandbox.journal.redaction import (
    are_plain,
    is_plain_record,
    is_plain_text,
    is_secret,
    redact_header_values,
    redact_headers,
    redact_target,
    strike_body,
)
from mockserver.server.recording.call_codec import Kind, Unreadable
from mockserver.server.recording.entries import (
    CallEntry,
    RefusedByMockEntry,
    content_type_of,
    plain_body,
)
from mockserver.server.recording.shown_records import encoded, shown
from mockserver.vendor_api.json_text import decode as decode_json
from mockserver.vendor_api.json_text import encode as encode_json
from mockserver.vendor_api.problem import Problem, Violation
from mockserver.vendor_api.request import Headers, Request

# What msgpack has no type for: other numbers, and texts that UTF-8 cannot encode.
DECIMAL, INTEGER, TEXT = 1, 2, 3
MAX_INTEGER = 2**63
JsonChange = tuple[str, str, str, bytes | None, bytes | None]


class KeptCall(Struct, array_like=True, frozen=True, gc=False):
    """A CallEntry as it is kept."""

    weight: int
    time: datetime
    seconds: float
    vendor: str
    dialect: str
    operation: str
    engine: str
    accepted: bool
    method: str
    target: str
    scheme: str
    headers: Mapping[str, str]
    body: bytes
    status: int
    response_headers: HeaderPairs
    response_body: bytes
    delay: float
    fault: str
    request_size: int | None
    response_size: int | None
    changes: tuple[JsonChange, ...]
    problem: Any
    dialect_notes: tuple[str, ...] | None


class KeptRefusal(Struct, array_like=True, frozen=True, gc=False):
    """A RefusedByMockEntry as it is kept."""

    weight: int
    time: datetime
    vendor: str
    check: str
    why: str
    advice: str
    remark: str
    accepted: bool
    method: str
    target: str
    scheme: str
    headers: Mapping[str, str]
    status: int
    response_headers: HeaderPairs
    response_body: bytes


def encode_call(entry: CallEntry) -> bytes:
    """Return the bytes of a call without its secrets."""
    # Most calls have little of all this, so nothing is called without need.
    request, response, contract, operation = entry.request, entry.response, entry.contract, entry.operation
    target, body, answer = request.target, request.body, response.body
    request_size, response_size, notes = entry.request_size, entry.response_size, entry.dialect_notes
    if "?" in target:
        target = redact_target(target)
    if body and (body := _request_body(request)) is not request.body and request_size is None:
        request_size = len(request.body)
    if answer and (answer := _answer_body(entry)) is not response.body and response_size is None:
        response_size = len(response.body)
    if notes is None and operation and contract.spec.differences:
        struck = body is not request.body or target is not request.target
        if struck or any(map(is_secret, operation.headers)):
            notes = tuple(entry.notes_on_live_vendor())
    changes, problem = entry.changes, entry.problem
    # A tuple of what KeptCall has: it is made twice as fast.
    return _encode((
        entry.weight, entry.time, entry.seconds, contract.vendor.name, contract.dialect,
        operation.id if operation else "", entry.engine, entry.accepted,
        request.method, target, request.scheme, request.headers.kept or _kept_headers(request.headers), body,
        response.status, _kept_pairs(response.headers), answer, response.delay, entry.fault,
        request_size, response_size, [*map(_kept_change, changes)] if changes else (),
        _kept_problem(problem) if problem else None, notes,
    ))  # fmt: skip


def decode_call(data: bytes, contracts: Mapping[str, Contract], own_credential: str) -> CallEntry:
    """Return the entry of a call. Raise Unreadable if the server lacks its vendor or its operation."""
    kept = _decode_call(data)
    contract = _contract(kept.vendor, kept.dialect, contracts)
    response = Response(kept.status, kept.response_headers, kept.response_body, None, kept.delay)
    return CallEntry(
        kept.time, kept.seconds, contract, _operation(kept.operation, contract),
        _request(kept, kept.body), response, tuple(map(_change, kept.changes)), kept.engine, kept.accepted,
        kept.fault, _problem(kept.problem) if kept.problem else None, own_credential,
        kept.request_size, kept.response_size, True, kept.dialect_notes,
        sandbox="", weight=kept.weight,
    )  # fmt: skip


def encode_refusal(entry: RefusedByMockEntry) -> bytes:
    """Return the bytes of a request that the mock has refused, without its secrets."""
    request, response = entry.request, entry.response
    return _encode(
        KeptRefusal(
            entry.weight, entry.time, entry.vendor, entry.check, entry.why, entry.advice, entry.remark,
            entry.accepted, request.method, redact_target(request.target), request.scheme,
            redact_header_values(request.headers), response.status, redact_headers(response.headers),
            strike_body(response.body),
        )
    )  # fmt: skip


def decode_refusal(data: bytes, contracts: Mapping[str, Contract], own_credential: str) -> RefusedByMockEntry:
    """Return the entry of a request that the mock has refused."""
    kept = _decode_refusal(data)
    named = contracts.get(kept.vendor)
    vendors = tuple(contract.vendor for contract in ([named] if named else contracts.values()))
    return RefusedByMockEntry(
        kept.time, _request(kept), kept.vendor, kept.check, kept.why, kept.advice,
        Response(kept.status, kept.response_headers, kept.response_body), kept.accepted, kept.remark,
        True, vendors, own_credential, sandbox="", weight=kept.weight,
    )  # fmt: skip


def _kept_headers(headers: Headers) -> Any:
    """Return headers without secrets, encoded. Clients repeat theirs, and then they are one object."""
    headers.kept = Raw(_encode(redact_header_values(headers)))
    return headers.kept


@lru_cache(256)
def _kept_pairs(headers: HeaderPairs) -> Any:
    """Return the headers of a response without secrets, encoded. Most responses have the same."""
    return Raw(_encode(redact_headers(headers)))


def _request_body(request: Request) -> bytes:
    """Return the body without secrets. One that is encoded may hide some, so only its text is kept."""
    body, headers = request.body, request.headers
    if "content-encoding" in headers:
        body = body.decode("utf-8", "replace").encode()
    return strike_body(body, headers.get("content-type", ""))


def _answer_body(entry: CallEntry) -> bytes:
    """Return the body without secrets, and without compression."""
    response = entry.response
    if response.status < 400 and not entry.fault:  # so it is as the spec declares it
        documented = entry.contract.spec.response(entry.operation, response.status)
        names = documented.field_names if documented else None
        if names is not None and are_plain(names):
            return response.body
    return strike_body(plain_body(response), content_type_of(response))


def _request(kept: KeptCall | KeptRefusal, body: bytes = b"") -> Request:
    query = kept.target.partition("?")[2]
    return Request(kept.method, kept.target, query, headers_of(kept.headers), {}, body, kept.scheme)


def _contract(name: str, dialect: Any, contracts: Mapping[str, Contract]) -> Contract:
    contract = contracts.get(name)
    if contract is None:
        raise Unreadable(f"this server has no vendor {name}")
    contract = contract.in_dialect(dialect)
    if contract.dialect != dialect:
        raise Unreadable(f"vendor {name} has no dialect {dialect} on this server")
    return contract


def _operation(id: str, contract: Contract) -> Operation | None:
    if id and id not in contract.spec.operations:
        raise Unreadable(f"vendor {contract.vendor.name} has no operation {id} on this server")
    return contract.spec.operations[id] if id else None


def _kept_change(change: Change) -> JsonChange:
    after = None if change.after is None else _kept_record(change.after)  # first, as its text is remembered
    before = None if change.before is None else _kept_record(change.before)
    return change.vendor, change.collection, change.key, before, after


def _kept_record(record: Any) -> bytes:
    """Return a record as JSON without secrets."""
    text = encoded(record)
    return text if is_plain_record(record) or is_plain_text(text) else encode_json(shown(record))


def _change(kept: JsonChange) -> Change:
    before, after = (None if record is None else decode_json(record) for record in kept[3:])
    return Change(*kept[:3], before, after)


def _kept_problem(problem: Problem) -> Any:
    details: tuple[Any, ...] = (problem.message, problem.hint)
    if problem.violations or problem.fields:
        violations = [(one.place, one.name, one.rule, one.expected, one.value) for one in problem.violations]
        details = (problem.message, problem.hint, problem.fields, violations)
    return [problem.kind, problem.status, problem.check, *map(_packable, details)]


def _problem(kept: Any) -> Problem:
    kind, status, check, message, hint, *more = kept
    fields, violations = more or ({}, ())
    violations = tuple([Violation(*one) for one in violations])
    problem = Problem(kind, message, status=status, fields=fields, violations=violations)
    problem.hint, problem.check = hint, check
    return problem


def _packable(value: Any) -> Any:
    """Return a value in which all is of a type that msgpack has. `_unpacked` is the inverse."""
    if isinstance(value, str):
        if value.isascii():
            return value
        data = value.encode("utf-8", "surrogatepass")
        return value if data.decode("utf-8", "replace") == value else Ext(TEXT, data)
    if isinstance(value, Decimal):
        return Ext(DECIMAL, str(value).encode())
    if isinstance(value, int) and not -MAX_INTEGER <= value < MAX_INTEGER:
        return Ext(INTEGER, str(value).encode())
    if isinstance(value, list | tuple):
        return [*map(_packable, value)]
    if isinstance(value, Mapping):
        return {name: _packable(one) for name, one in value.items()}
    return value


def _unpacked(code: int, data: memoryview) -> Any:
    text = bytes(data).decode("utf-8", "surrogatepass")
    return {TEXT: str, DECIMAL: Decimal, INTEGER: int}[code](text)


_encode = Encoder().encode
_decode_call = Decoder(KeptCall, ext_hook=_unpacked).decode
_decode_refusal = Decoder(KeptRefusal).decode
CALL = Kind(b"call/1", CallEntry, encode_call, decode_call)
REFUSAL = Kind(b"refusal/1", RefusedByMockEntry, encode_refusal, decode_refusal)
KINDS = (CALL, REFUSAL)
