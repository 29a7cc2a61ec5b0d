"""Two lanes, one truth: whatever is sent, the express lane answers as Connexion does, to the byte."""

import asyncio
import json
import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mockserver import app
from mockserver.contract.openapi.operation import Operation
from mockserver.contract.openapi.parameter import Parameter
from mockserver.sandbox.faults.rules import Faults, Rule
from mockserver.server.http.raw_request import RawRequest
from mockserver.store.records import Records
from mockserver.store.view import MAX_FAST_SCAN
from mockserver.vendor_api.request import Headers
from mockserver.vendor_api.vendor import Vendor

EXAMPLES = int(os.environ.get("MOCKSERVER_EXAMPLES", "60"))
FAST, ONCE, SLOW = app.build(), app.build(), app.build(express=False)
for name in ("demo", "lane"):  # rules that fit no call, so that none of FAST is answered at once
    FAST.sandboxes.get_or_create(name).set_faults(lambda _: Faults.of([Rule(vendor="nobody")]))
EVERY = [
    (contract.vendor.name, operation.id)
    for contract in FAST.contracts
    for operation in contract.spec.operations.values()
]
HOSTILE = [
    "", " ", "0", "-1", "00", "1e3", "1.5", "9" * 400, "null", "true", "%00", "%FF", "%2F", "..", "é",
    "%C3%A9", "a" * 3000, "'\"<>", "+", "%20", "10,,20", ",", "[]", "\u2028", "%ED%A0%80",
]  # fmt: skip
TYPES = ["application/json", "application/JSON; charset=utf-8", "text/plain", "", "application/problem+json"]
Sent = tuple[str, bytes, bytes, list[tuple[bytes, bytes]], bytes]


def known(contract: Any, parameter: Parameter) -> list[str]:
    """Values that lead somewhere: the page's example, and what is in the store."""
    texts = [str(parameter.example)] if parameter.example is not None else []
    draft = FAST.sandboxes.get_or_create("demo").draft()
    for base in contract.base_records.values():
        generated = base.collection.count(draft.catalog)
        records = [
            *base.fixtures,
            *(base.collection.make(draft.catalog, n) for n in range(min(generated, 9))),
        ]
        texts += [str(record[name]) for record in records for name in ("sku", "ean", base.collection.key)
                  if record.get(name) is not None]  # fmt: skip
    return texts


def values(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """What fits a schema of the kind that our specs have, or nearly: lengths and patterns are not kept."""
    if "oneOf" in schema:
        return st.one_of(*map(values, schema["oneOf"]))
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    match schema.get("type"):
        case "integer":
            return st.integers(schema.get("minimum"), schema.get("maximum"))
        case "number":
            return st.integers(int(schema.get("minimum", 0)), 10**9) | st.floats(0, 10**6)
        case "boolean":
            return st.booleans()
        case "array":
            return st.lists(values(schema["items"]), max_size=3)
        case "object":
            fields = {name: values(one) for name, one in schema.get("properties", {}).items()}
            needed = {name: fields.pop(name) for name in schema.get("required", ())}
            return st.fixed_dictionaries(needed, optional=fields)
    return st.text(max_size=12)


def text_of(contract: Any, parameter: Parameter, tidy: bool) -> st.SearchStrategy[str]:
    """A value as a client would write it, encoded, or, if it is not tidy, as it would not."""
    plain = values(parameter.schema.draft4).map(
        lambda value: ",".join(map(str, value)) if isinstance(value, list) else str(value)
    )
    free = parameter.type == "string" and "enum" not in parameter.schema.draft4
    good = st.sampled_from(known(contract, parameter)) | plain if free else plain
    spoilt = st.one_of(good, st.sampled_from(HOSTILE), st.text(max_size=20))
    return (good if tidy else spoilt).map(lambda text: quote(text.encode("utf-8", "surrogatepass"), safe="%"))


def headers_of(vendor: Vendor, tidy: bool) -> st.SearchStrategy[dict[str, str]]:
    """The vendor's own headers, of a credential that opens a sandbox, or, if not tidy, of any or none."""
    if tidy:
        return st.sampled_from(["demo", "sbx_lane"]).map(vendor.auth_headers)
    granted = st.sampled_from(["demo", "demo", "demo", "demo", "sbx_lane", "forbidden", "nobody", "sbx_"])
    whole = granted.map(vendor.auth_headers)
    return st.one_of(whole, whole, whole.flatmap(lambda headers: st.fixed_dictionaries(
        {}, optional={name: st.just(value) | st.sampled_from(["", "x", "Bearer", "Basic !"])
                      for name, value in headers.items()}
    )))  # fmt: skip


@st.composite
def requests(draw: Any, contract: Any, operation: Operation) -> Sent:
    """Tidy calls of an operation, and calls that are spoilt in every way."""
    tidy = draw(st.booleans())
    counts = ([1], [0, 1]) if tidy else ([1, 1, 1, 0, 2], [0, 0, 1, 2])
    places: dict[str, list[tuple[str, str]]] = {"path": [], "query": [], "header": []}
    for parameter in operation.parameters:
        for _ in range(draw(st.sampled_from(counts[0 if parameter.required else 1]))):
            places[parameter.place].append((parameter.name, draw(text_of(contract, parameter, tidy))))
    given_path = dict(places["path"])
    id_search = [given_path.get(part[1:-1], "") if part.startswith("{") else part
             for part in operation.template.split("/")]  # fmt: skip
    query = "&".join(f"{name}={value}" for name, value in places["query"])
    query += "" if tidy else draw(st.sampled_from(["", "", "&stray=1", "&", "&=&x", "&="]))
    headers = {**dict(places["header"]), **draw(headers_of(contract.vendor, tidy))}
    body = b""
    if operation.body:
        body = draw(bodies(operation, tidy))
        headers["Content-Type"] = TYPES[0] if tidy else draw(st.sampled_from(TYPES))
    method = (
        operation.method if tidy else draw(st.sampled_from([operation.method, "HEAD", "OPTIONS", "DELETE"]))
    )
    lines = [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]
    return (
        method,
        "/".join(id_search).encode("latin-1", "replace"),
        query.encode("latin-1", "replace"),
        lines,
        body,
    )


def bodies(operation: Operation, tidy: bool) -> st.SearchStrategy[bytes]:
    assert operation.body is not None
    valid = values(operation.body.draft4).map(msgspec.json.encode)
    if tidy:
        return valid
    scalar = st.none() | st.booleans() | st.integers(-(2**63), 2**64) | st.floats(allow_nan=False)
    anything = st.recursive(
        scalar | st.text(max_size=9),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
        max_leaves=5,
    ).map(lambda value: json.dumps(value).encode())
    broken = st.sampled_from(
        [b"", b"{", b"[]", b'{"stock":NaN}', b"\xff", b"{} {}", b'{"stock":1,"stock":2}']
    )
    return st.one_of(valid, anything, broken)


async def answers(mock: app.Mock, sent: list[Sent]) -> list[Any]:
    return [await answer(mock, one) for one in sent]


async def answer(mock: app.Mock, sent: Sent) -> tuple[int, list[Any], bytes]:
    """What a client gets: of ONCE as our own server asks, which would rather not begin a task."""
    method, path, query, lines, body = sent
    headers = [(b"host", b"127.0.0.1"), (b"content-length", b"%d" % len(body)), *lines]
    if mock is ONCE:
        asked = RawRequest(method, path.decode("latin-1"), query.decode("latin-1"), Headers(headers), body)
        if response := mock.application.answer_now(asked):
            given = [(name.lower().encode(), value.encode()) for name, value in response.headers]
            given.append((b"content-length", b"%d" % len(response.body)))
            return response.status, given, response.body
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
        "path": "", "raw_path": path, "query_string": query, "root_path": "", "extensions": {},
        "headers": headers, "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 1),
    }  # fmt: skip
    out: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        out.append(message)

    await mock.application(scope, receive, send)
    return out[0]["status"], out[0]["headers"], b"".join(message["body"] for message in out[1:])


@pytest.mark.parametrize(("name", "operation_id"), EVERY, ids=[f"{name}-{id}" for name, id in EVERY])
def test_every_lane_gives_the_same_answer_to_every_call(name: str, operation_id: str) -> None:
    contract = next(one for one in FAST.contracts if one.vendor.name == name)
    operation = contract.spec.operations[operation_id]
    lanes: set[str] = set()

    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(requests(contract, operation), min_size=5, max_size=5))
    def compare(sent: list[Sent]) -> None:
        fast, once, slow = (asyncio.run(answers(mock, sent)) for mock in (FAST, ONCE, SLOW))
        assert fast == slow
        assert once == slow
        lanes.update(lane_of(FAST))

    compare()
    assert lanes >= {"express", "connexion"}, "the calls must be such as each lane takes"


def lane_of(mock: app.Mock) -> Iterator[str]:
    return (entry.lane for sandbox in mock.sandboxes for entry in list(sandbox.journal)[-5:])


LIST = b"altId=x&altType=location&limit=3"
WELCOME = [(b"authorization", b"Bearer sbx_other"), (b"version", b"v3")]


def lanes_of(mock: app.Mock, query: bytes, times: int = 2) -> list[str]:
    """The lanes by which a list was answered, asked for so many times."""
    sent: Sent = ("GET", b"/products/inventory", query, WELCOME, b"")
    assert [status for status, _, _ in asyncio.run(answers(mock, [sent] * times))] == [200] * times
    return [entry.lane for entry in list(mock.sandboxes.get("other").journal)[-times:]]


def test_goods_that_are_not_drawn_yet_are_drawn_where_nobody_waits_for_them() -> None:
    mock = app.build(names=["highlevel"])
    mock.sandboxes.create("other", seed=987_654)
    assert lanes_of(mock, LIST) == ["connexion", "express"]


@pytest.mark.parametrize(("query", "lane"), [(LIST, "express"), (LIST + b"&search=shirt", "connexion")])
def test_a_search_among_many_changes_holds_up_nobody(query: bytes, lane: str) -> None:
    mock = app.build(names=["highlevel"])
    sandbox, base = mock.sandboxes.create("other"), mock.contracts[0].base_records["inventory"]
    with sandbox.transaction() as draft:
        for number in range(MAX_FAST_SCAN + 1):
            Records(base, draft).put({**base.fixtures[0], "_id": f"{number:024x}"})
    assert lanes_of(mock, query) == [lane, lane]


@pytest.mark.parametrize("given", [True, False], ids=["a draft given", "its own draft"])
def test_a_transaction_that_fails_leaves_no_trace(given: bool) -> None:
    mock = app.build(names=["merchantpro"])
    sandbox, base = mock.sandboxes.create("other"), mock.contracts[0].base_records["inventory"]
    looking = sandbox.draft()
    with sandbox.transaction(looking if given else None) as draft:
        Records(base, draft).put({**base.fixtures[0], "stock": 1})
    with pytest.raises(ZeroDivisionError), sandbox.transaction(draft) as draft:
        Records(base, draft).delete("10001")
        raise ZeroDivisionError
    for seen in (draft, sandbox.draft()):
        assert Records(base, seen).get("10001") == {**base.fixtures[0], "stock": 1}
    assert not draft.changed


def test_what_a_handler_refuses_is_refused_once_and_in_the_lane() -> None:
    mock, ran = app.build(names=["merchantpro"]), []
    operations: Any = mock.contracts[0].vendor.operations
    handle = operations["get-inventory"]
    operations["get-inventory"] = lambda call: ran.append(call.path) or handle(call)
    try:
        sent: Sent = ("GET", b"/api/v2/inventory/id/1", b"", [(b"authorization", b"Basic ZGVtbzpkZW1v")], b"")
        [(status, _, body)] = asyncio.run(answers(mock, [sent]))
    finally:
        operations["get-inventory"] = handle
    assert (status, json.loads(body)["error"]["name"], len(ran)) == (404, "not_found", 1)
    [entry] = mock.sandboxes.get_or_create("demo").journal
    assert (entry.lane, entry.refusal and entry.refusal.check) == ("express", "record")
