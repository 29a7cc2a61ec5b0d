"""Generated requests to an operation, valid and invalid."""

import json
from collections.abc import Callable
from functools import cache, partial
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
from hypothesis import strategies as st

from mockserver.contract.contract import Contract
from mockserver.contract.openapi.body_types import FORM
from mockserver.contract.openapi.operation import Operation
from mockserver.contract.openapi.parameter import Parameter
from mockserver.data.catalog.products import Catalog
from mockserver.sandbox.sandbox import Sandbox
from mockserver.vendor_api.raw_request import RawRequest
from mockserver.vendor_api.request import Headers
from mockserver.vendor_api.vendor import Vendor

HOSTILE = [
    "", " ", "0", "-1", "00", "1e3", "1.5", "9" * 400, "null", "true", "%00", "%FF", "%2F", "..", "é",
    "%C3%A9", "a" * 3000, "'\"<>", "+", "%20", "10,,20", ",", "[]", "\u2028", "%ED%A0%80", "%0A", "1e99",
    "1e100", "1e308", "1e309", "1e-400", "1E+2", "-0", "5.0", "%2B5", "%205", "5_0", "0" * 5000 + "5",
    "%D9%A5", ",,", "%20,%20", "5.", ".5", "0x10", "Infinity",
]  # fmt: skip
CONTENT_TYPES = [
    "application/json", "application/JSON; charset=utf-8", "text/plain", "", "application/problem+json",
    "application/json;charset=x;;", "*/*", "Application/Json ; charset=utf-8",
    "multipart/form-data; boundary=x", "application/x-www-form-urlencoded",
]  # fmt: skip
BROKEN_FORMS = [
    b"", b"=", b"&&", b"a", b"client_id=a&client_id=b&grant_type=x", b"client_id=%FF", b"client_id=%",
    b"\xff", b"client_id=%00&client_secret=+&grant_type=client_credentials", b"a=1;b=2",
    b"&".join([b"a=1"] * 1200),
]  # fmt: skip
SANDBOX = "generated"


def sample_values(contract: Contract, parameter: Parameter, sandbox: Sandbox) -> list[str]:
    """Return values that are likely to find a record: the parameter's example, and existing keys."""
    texts = [str(parameter.example)] if parameter.example is not None else []
    return [*texts, *existing_keys(contract, sandbox.catalog)]


@cache
def existing_keys(contract: Contract, catalog: Catalog) -> tuple[str, ...]:
    """Return the keys of all fixtures, and those of the first records of each collection."""
    found: list[str] = []
    for base in contract.base_records.values():
        count = min(base.collection.count(catalog), 9)
        records = [*base.fixtures, *(base.collection.make(catalog, n) for n in range(count))]
        found += [str(record[name]) for record in records for name in ("sku", "ean", base.collection.key)
                  if record.get(name) is not None]  # fmt: skip
    return tuple(found)


def values(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Return a strategy for values of a schema's type. They may break its lengths and patterns."""
    if "allOf" in schema:
        parts = schema["allOf"]
        required = [name for part in parts for name in part.get("required", ())]
        properties = {name: one for part in parts for name, one in part.get("properties", {}).items()}
        return values({"type": "object", "required": required, "properties": properties})
    if branches := schema.get("oneOf") or schema.get("anyOf"):
        return st.one_of(*map(values, branches))
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kind = schema.get("type")
    if isinstance(kind, list):
        return st.none() | values({**schema, "type": kind[0]})
    match kind:
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
            required = {name: fields.pop(name) for name in schema.get("required", ())}
            return st.fixed_dictionaries(required, optional=fields)
    return st.text(min_size=schema.get("minLength", 0), max_size=12)


def texts(contract: Contract, parameter: Parameter, sandbox: Sandbox, valid: bool) -> st.SearchStrategy[str]:
    """Return a strategy for percent-encoded values of a parameter. If not `valid`, some are broken."""
    written = values(parameter.schema.draft4).map(
        lambda value: ",".join(map(str, value)) if isinstance(value, list) else str(value)
    )
    free = parameter.type == "string" and "enum" not in parameter.schema.draft4
    good = st.sampled_from(sample_values(contract, parameter, sandbox)) | written if free else written
    broken = st.one_of(good, st.sampled_from(HOSTILE), st.text(max_size=20))
    return (good if valid else broken).map(
        lambda text: quote(text.encode("utf-8", "surrogatepass"), safe="%")
    )


def headers(vendor: Vendor, valid: bool) -> st.SearchStrategy[dict[str, str]]:
    """Return a strategy for auth headers. If not `valid`, some are wrong, broken or missing."""
    if valid:
        return st.sampled_from(["demo", f"sbx_{SANDBOX}"]).map(vendor.auth_headers)
    credentials = st.sampled_from(
        ["demo", "demo", "demo", "demo", f"sbx_{SANDBOX}", "forbidden", "x", "sbx_"]
    )
    whole = credentials.map(vendor.auth_headers)
    return st.one_of(whole, whole, whole.flatmap(lambda all_of_them: st.fixed_dictionaries(
        {}, optional={name: st.just(value) | st.sampled_from(["", "x", "Bearer", "Basic !"])
                      for name, value in all_of_them.items()}
    )))  # fmt: skip


def _written(example: Any) -> str:
    """Return the example of a parameter as it is sent."""
    if isinstance(example, list):
        return ",".join(example)
    return str(example).lower() if isinstance(example, bool) else str(example)


def requests(contract: Contract, operation: Operation, sandbox: Sandbox) -> st.SearchStrategy[RawRequest]:
    """Return a strategy for requests to an operation.

    Half are valid; half of the valid ones use the spec's examples.
    """
    # The parts are kept: to prepare a strategy takes longer than to draw from it.
    return _requests(
        operation,
        cache(lambda number, valid: texts(contract, operation.parameters[number], sandbox, valid)),
        cache(partial(headers, contract.vendor)),
        cache(partial(bodies, operation, contract.vendor)),
    )


@st.composite
def _requests(
    draw: Any,
    operation: Operation,
    texts_of: Callable[[int, bool], st.SearchStrategy[str]],
    headers_of: Callable[[bool], st.SearchStrategy[dict[str, str]]],
    bodies_of: Callable[[str, bool, bool], st.SearchStrategy[bytes]],
) -> RawRequest:
    valid = draw(st.booleans())
    documented = valid and draw(st.booleans())
    counts = ([1], [0, 1]) if valid else ([1, 1, 1, 0, 2], [0, 0, 1, 2])
    sent: dict[str, list[tuple[str, str]]] = {"path": [], "query": [], "header": []}
    for number, parameter in enumerate(operation.parameters):
        for _ in range(draw(st.sampled_from(counts[0 if parameter.required else 1]))):
            text = _written(parameter.example) if documented and parameter.example is not None else None
            text = text or draw(texts_of(number, valid))
            sent[parameter.place].append((parameter.name, text))
    in_path = dict(sent["path"])
    segments = [in_path.get(part[1:-1], "") if part.startswith("{") else part
                for part in operation.template.split("/")]  # fmt: skip
    query = "&".join(f"{name}={value}" for name, value in sent["query"])
    query += "" if valid else draw(st.sampled_from(["", "", "&stray=1", "&", "&=&x", "&="]))
    lines = {**dict(sent["header"]), **draw(headers_of(valid))}
    body = b""
    if operation.body:
        kind = draw(st.sampled_from(operation.body_types))
        body = draw(bodies_of(kind, valid, documented))
        lines["Content-Type"] = kind if valid else draw(st.sampled_from([kind, *CONTENT_TYPES]))
    elif not valid and draw(st.integers(0, 9)) == 0:
        lines["Content-Type"] = draw(st.sampled_from(CONTENT_TYPES))
        lines["Content-Length"] = "2"  # the body itself is missing, but the server would not read it
    methods = (
        [operation.method] if valid else [operation.method, operation.method, "HEAD", "OPTIONS", "DELETE"]
    )
    encoded = [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in lines.items()]
    path = "/".join(segments).encode("latin-1", "replace").decode("latin-1")
    query = query.encode("latin-1", "replace").decode("latin-1")
    return RawRequest(draw(st.sampled_from(methods)), path, query, Headers(encoded), body)


def form_of(fields: dict[str, str]) -> bytes:
    return urlencode(fields, errors="replace").encode()


def bodies(
    operation: Operation, vendor: Vendor, kind: str, valid: bool, documented: bool
) -> st.SearchStrategy[bytes]:
    """Return a strategy for bodies of a type. If not `valid`, some are broken."""
    assert operation.body is not None
    wanted = values(operation.body.draft4)
    if documented and operation.body_examples:
        wanted = st.sampled_from(operation.body_examples)
    elif not operation.secured:
        credentials = st.sampled_from(["demo", f"sbx_{SANDBOX}", *(["forbidden", "x"] if not valid else [])])
        wanted = st.builds(lambda body, text: {**body, vendor.credential_field: text}, wanted, credentials)
    good = wanted.map(form_of if kind == FORM else msgspec.json.encode)
    if valid:
        return good
    if kind == FORM:
        return st.one_of(good, st.binary(max_size=40), st.sampled_from(BROKEN_FORMS))
    scalar = st.none() | st.booleans() | st.integers(-(2**63), 2**64) | st.floats(allow_nan=False)
    anything = st.recursive(
        scalar | st.text(max_size=9),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
        max_leaves=5,
    ).map(lambda value: json.dumps(value).encode())
    broken = [
        b"",
        b"{",
        b"[]",
        b'{"stock":NaN}',
        b"\xff",
        b"{} {}",
        b'{"stock":1,"stock":2}',
        b'{"stock":5e0}',
    ]
    return st.one_of(good, anything, st.sampled_from(broken))
