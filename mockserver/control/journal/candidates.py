"""Candidates: edits of a refused request that may mend it, the likeliest first. The search tries them."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from difflib import SequenceMatcher, get_close_matches
from typing import Any, Literal
from urllib.parse import quote, unquote_plus

from msgspec.structs import replace

from mockserver.contract.contract import Contract
from mockserver.contract.exchange import Exchange
from mockserver.contract.openapi.spec import Path
from mockserver.contract.refusals.edits import NUMBER, edit_to, text_of_example
from mockserver.contract.refusals.explanation import explain
from mockserver.contract.refusals.linked_values import Read, linked_values
from mockserver.sandbox.journal.entry import Edit
from mockserver.server.http.raw_request import segments_of
from mockserver.server.router import Router
from mockserver.vendor_api.json_text import decode
from mockserver.vendor_api.words import value_in_words

Edits = tuple[Edit, ...]
NO_EDIT_HELPS = ("rate_limited", "too_large", "request_timeout")
NEAR = 0.6  # how alike the paths of no vendor and of a vendor must be, from 0 to 1
AS_ALIKE = 0.85  # of how alike the path is that is most alike; another one is not what was meant
OTHER_METHOD, VARIABLE = 0.9, 0.5  # how alike, if a path lacks the method, and a segment for a variable
# The methods of calls that write, each with those that may be meant instead, the nearest first. DELETE is not
# one of them: nobody who wants to change something wants to lose it, and the other way round.
WRITES = {"POST": ("PUT", "PATCH"), "PUT": ("PATCH", "POST"), "PATCH": ("PUT", "POST")}
MAX_RECORDS = 3  # of a collection, whose keys are tried


def stated(exchange: Exchange) -> Edits:
    """Return the edits that follow from the refusal itself."""
    assert exchange.problem is not None
    vendor, own = exchange.contract.vendor, exchange.sandbox.credential
    in_body = {vendor.credential_field: own}
    names = {"sandbox": exchange.sandbox.name, "vendor": exchange.vendor_name, "collection": ""}
    return explain(exchange.problem, exchange.operation, vendor.auth_headers(own), names, in_body).edits


def candidates(exchange: Exchange, prefix: str, read: Read) -> Iterator[Edits]:
    """Yield edits of a refused request, one group after the other. `prefix` goes before its edited path.

    `read` returns what the vendor answers to another request.
    """
    assert exchange.problem is not None
    kind, request, spec = exchange.problem.kind, exchange.request, exchange.contract.spec
    if kind in NO_EDIT_HELPS or (kind == "no_such_path" and spec.lacks(request.method, _path(exchange))):
        return
    if kind == "no_such_path":
        alike = _alike(exchange.contract, request.method, _path(exchange))
        least = AS_ALIKE * max(alike.values(), default=0)
        for path in sorted(alike, key=alike.__getitem__, reverse=True):
            if alike[path] >= least:
                yield (whole_path(prefix + path),)
    if exchange.path is None:
        return
    if kind == "method_not_allowed":
        for method in _methods(exchange.path, request.method):
            yield (Edit("method", "", method, f"use the method {method}"),)
    if exchange.operation is None:
        return
    yield from _parameters(exchange)
    yield from _fewer_fields(exchange)
    yield from _paths(exchange)
    yield from linked_values(exchange, _json(request.body), read)
    yield from _bodies(exchange)
    yield from _hosts(exchange)
    yield tuple(_left_out("query", name) for name in _sent_names(exchange))


def for_no_vendor(router: Router, method: str, path: str) -> Iterator[Edits]:
    """Yield edits of a path that no vendor has: a vendor's name that is nearly there, or a path like it."""
    first, *rest = path.split("/")[1:]
    names = [contract.vendor.name for contract in router.contracts]
    for name in get_close_matches(first, names):
        yield (whole_path("/".join(["", name, *rest])),)
    near = {
        f"/{contract.vendor.name}{text}": ratio
        for contract in router.contracts
        for text, ratio in _alike(contract, method, path).items()
        if ratio >= NEAR
    }
    for text in sorted(near, key=near.__getitem__, reverse=True):
        yield (whole_path(text),)


def with_present_values(edits: Edits, record: Mapping[str, Any]) -> Edits:
    """Return edits of a body whose values change less: those that the record has now, where it has them."""
    return tuple(_with_present_value(edit, record) for edit in edits)


def record_at(exchange: Exchange) -> Mapping[str, Any]:
    """Return the record that the last value of a path names, in whichever collection it is, or nothing."""
    for key in reversed([*exchange.path_values.values()]):
        for name in exchange.base_records:
            if record := exchange.call.records(name).get(key):
                return record
    return {}


def is_example_of_field(edit: Edit) -> bool:
    """Return True if an edit sets a field of the body to a value that has nothing to do with the sent one."""
    return edit.place == "body" and bool(edit.name) and edit.origin == "example"


def _with_present_value(edit: Edit, record: Mapping[str, Any]) -> Edit:
    if not is_example_of_field(edit):
        return edit
    value: Any = record
    for name in edit.name.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    if value is None:
        return edit
    if isinstance(edit.value, int | Decimal) and isinstance(value, str) and NUMBER.fullmatch(value):
        value = Decimal(value)  # vendors that send prices as text take them as numbers
    return replace(edit, value=value, origin="record")


def _path(exchange: Exchange) -> str:
    return exchange.request.target.partition("?")[0]


def _alike(contract: Contract, method: str, path: str) -> dict[str, float]:
    """Map the paths of a vendor's spec, with the values of a path, to how alike they are: from 0 to 1."""
    segments = segments_of(path)
    filled: dict[str, float] = {}
    for one in contract.spec.paths:
        text = _filled(one, segments)
        same = (SequenceMatcher(None, path, text).ratio() + _parts_alike(one, segments)) / 2
        alike = same if method in one.operations else same * OTHER_METHOD
        filled[text] = max(alike, filled.get(text, 0))
    return filled


def _parts_alike(path: Path, segments: tuple[str, ...]) -> float:
    """Return how alike the segments at the same places are. One for a variable counts as half alike."""
    alike = [
        VARIABLE if part[:1] == "{" else SequenceMatcher(None, segment, part).ratio()
        for part, segment in zip(path.pattern, segments, strict=False)
    ]
    return sum(alike) / max(len(path.pattern), len(segments))


def _filled(path: Path, segments: tuple[str, ...]) -> str:
    """Return a path of a spec with the values that stand at their places in a request, or else examples."""
    examples = {p.name: text_of_example(p) for one in path.operations.values() for p in one.parameters}
    parts = []
    for index, part in enumerate(path.pattern):
        given = segments[index] if index < len(segments) else ""
        text = given or examples.get(part[1:-1], "") if part[:1] == "{" else part
        parts.append(quote(text, safe="", errors="surrogateescape"))
    return "/" + "/".join(parts)


def whole_path(path: str) -> Edit:
    """Return the edit that gives a request another path."""
    return Edit("path", "", path, f"use the path {path}")


def _methods(path: Path, sent: str) -> list[str]:
    """Return the methods of a path that may be meant by the one that was sent: for a write, another write."""
    writes = [method for method in WRITES.get(sent, ()) if method in path.operations]
    return writes or [method for method in ("GET", *WRITES) if method in path.operations]


def _parameters(exchange: Exchange) -> Iterator[Edits]:
    """Yield one edit for each parameter that was sent: without it, and with the spec's example."""
    assert exchange.operation is not None and exchange.problem is not None
    declared = {(p.place, p.key): p for p in exchange.operation.parameters}
    fields = exchange.problem.fields
    for name in sorted(_sent_names(exchange), key=lambda name: name not in fields):
        parameter = declared.get(("query", name))
        if parameter is None or not parameter.required:
            yield (_left_out("query", name),)
        if parameter is not None:
            yield (edit_to("query", name, text_of_example(parameter), "example"),)
    for (place, _), parameter in declared.items():
        if place == "header" and parameter.required:
            yield (edit_to("header", parameter.name, text_of_example(parameter), "example"),)


def _sent_names(exchange: Exchange) -> list[str]:
    pairs = exchange.request.query.split("&")
    return [*dict.fromkeys(unquote_plus(pair.partition("=")[0]) for pair in pairs if pair)]


def _paths(exchange: Exchange) -> Iterator[Edits]:
    """Yield edits that make the path one of a record that exists."""
    assert exchange.path is not None
    for path in _paths_of_records(exchange):
        values = exchange.path.match(segments_of(path.partition("?")[0]))
        changed = {name: text for name, text in (values or {}).items() if text != exchange.path_values[name]}
        if changed:
            yield tuple(edit_to("path", name, text, "record") for name, text in changed.items())


def _paths_of_records(exchange: Exchange) -> Iterator[str]:
    yield exchange.contract.vendor.sample
    for name, base in exchange.base_records.items():
        if base.collection.items:
            records = exchange.call.records(name)
            for position in range(min(MAX_RECORDS, len(records))):
                yield from (item.path for item in [*base.collection.items(records.at(position))][:1])


def _fewer_fields(exchange: Exchange) -> Iterator[Edits]:
    """Yield one edit for each field of the body: without it. At least one field is left."""
    assert exchange.problem is not None
    fields, body = exchange.problem.fields, _json(exchange.request.body)
    if len(body) > 1:
        for name in sorted(body, key=lambda name: name not in fields):
            yield (_left_out("body", name),)


def _bodies(exchange: Exchange) -> Iterator[Edits]:
    """Yield edits of the whole body: of its type, and the spec's examples."""
    assert exchange.operation is not None
    if exchange.operation.body is not None:
        for kind in exchange.operation.body_types:
            yield (Edit("header", "Content-Type", kind, f"send header Content-Type: {kind}"),)
        for example in exchange.operation.body_examples:
            text = f"send a body that works, for example {value_in_words(example)}"
            yield (Edit("body", "", example, text, origin="example"),)


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        value = decode(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _hosts(exchange: Exchange) -> Iterator[Edits]:
    """Yield an edit for a request whose Host header chose the vendor: the vendor's usual host."""
    host = exchange.contract.spec.real_url.partition("://")[2].partition("/")[0]
    if exchange.contract.host(exchange.request.headers.get("host", "").partition(":")[0]) is not None:
        yield (edit_to("header", "Host", host, "example"),)


def _left_out(place: Literal["query", "body"], name: str) -> Edit:
    return Edit(place, name, None, f"leave out {place} {name}", removed=True)
