"""The form that tries an operation: its fields, and the request that it stands for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from mockserver.console.pages.docs.sample_request import SampleRequest
from mockserver.contract.openapi.body_types import FORM
from mockserver.contract.openapi.operation import Operation
from mockserver.contract.openapi.parameter import Parameter
from mockserver.contract.openapi.spec import Path
from mockserver.contract.response import is_header
from mockserver.sandbox.journal.redaction import STRUCK
from mockserver.server.http.raw_request import segments_of
from mockserver.vendor_api.json_text import decode, pretty

BODY = "body"
NOT_A_HEADER = "This must be one line, of Latin-1 characters only."


@dataclass(frozen=True)
class Field:
    """An input for a parameter or a header. `name` is place and name: `query.limit`."""

    place: str
    label: str
    value: str
    required: bool = False
    choices: tuple[str, ...] = ()
    error: str = ""

    @property
    def name(self) -> str:
        return f"{self.place}.{self.label}"


def fields_of(operation: Operation, example: SampleRequest, sent: Mapping[str, str] | None) -> list[Field]:
    """Return the fields of an operation: the headers with the credential, then its parameters.

    Their values are those that were sent, or else those of an example.
    """
    values = {**_values_of(operation, example), **(sent or {})}
    if sent is not None:  # a parameter that was not sent stays out
        values |= {name: "" for name in values if name.startswith("query.") and name not in sent}
    declared = [_declared(parameter, values) for parameter in operation.parameters]
    names = {field.name.lower() for field in declared}
    unknown = [name for name in values if name.startswith("query.") and name.lower() not in names]
    declared += [Field("query", name.removeprefix("query."), values[name]) for name in unknown]
    others = [
        Field("header", name, values.get(f"header.{name}", value))
        for name, value in example.headers.items()
        if f"header.{name}".lower() not in names and name.lower() not in ("accept", "content-type")
    ]
    return [_checked(field) for field in (*others, *declared)]


def sent_values(operation: Operation, request: Mapping[str, Any]) -> dict[str, str]:
    """Return the values of the form that stand for a call in the journal, by the names of their fields.

    Secrets that the journal does not show are left to the example, which has the sandbox's own credential.
    """
    sent = SampleRequest(request["method"], request["target"], request["headers"], request["body"])
    values = {name: value for name, value in _values_of(operation, sent).items() if STRUCK not in value}
    return values | {BODY: body_of(sent)}


def request_of(operation: Operation, fields: list[Field], body: str) -> SampleRequest:
    """Return the request that a form stands for. Empty fields are left out, except those of the path."""
    texts = {
        place: [(one.label, one.value) for one in fields if one.place == place] for place in ("path", "query")
    }
    path = operation.template.format_map({name: quote(text, safe="") for name, text in texts["path"]})
    query = urlencode([pair for pair in texts["query"] if pair[1]], quote_via=quote, safe=",")
    headers = {one.label: one.value for one in fields if one.place == "header" and one.value}
    if body:
        headers.setdefault("Content-Type", operation.body_types[0])
        if operation.body_types[0] == FORM:
            body = body.strip()
    return SampleRequest(operation.method, f"{path}?{query}" if query else path, headers, body)


def body_of(example: SampleRequest) -> str:
    """Return the example's body as a person would write it."""
    try:
        return pretty(decode(example.body)).decode() if example.body else ""
    except ValueError:
        return example.body


def _declared(parameter: Parameter, values: Mapping[str, str]) -> Field:
    by_name = {name.lower(): value for name, value in values.items() if name.startswith("header.")}
    name = f"{parameter.place}.{parameter.name}"
    value = values.get(name, by_name.get(name.lower(), ""))
    choices = tuple(str(one) for one in parameter.schema.draft4.get("enum", ()))
    return Field(parameter.place, parameter.name, value, parameter.required, choices)


def _checked(field: Field) -> Field:
    if field.place == "header" and not is_header("x", field.value):
        return Field(**{**vars(field), "error": NOT_A_HEADER})
    return field


def _values_of(operation: Operation, example: SampleRequest) -> dict[str, str]:
    return {f"{place}.{name}": value for place, name, value in _parts_of(operation, example)}


def _parts_of(operation: Operation, example: SampleRequest) -> Iterator[tuple[str, str, Any]]:
    """Yield place, name and value of each part of an example."""
    path, _, query = example.target.partition("?")
    pattern = operation.template.split("/")[1:]
    found = Path(operation.template, tuple(pattern), frozenset(), {}).match(segments_of(path)) or {}
    for name, value in found.items():
        yield "path", name, value
    for name, value in parse_qsl(query, keep_blank_values=True):
        yield "query", name, value
    for name, value in example.headers.items():
        yield "header", name, value
