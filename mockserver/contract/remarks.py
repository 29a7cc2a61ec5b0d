"""Remarks and notes: messages about what a request asks for.

A remark says how the request deviates from the vendor's spec; strict mode fails on it. A note says what the
spec allows, but clients seldom do; it is only shown.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from urllib.parse import parse_qsl

from mockserver.contract.openapi.operation import Operation
from mockserver.contract.openapi.parameter import Parameter
from mockserver.contract.openapi.spec import Spec
from mockserver.sandbox.journal.redaction import redact_headers
from mockserver.vendor_api.request import MAX_PARAMETERS, Request, first_parameters

NOT_EMULATED = "a real endpoint of the vendor, not part of this mock"


def remarks_on(request: Request, operation: Operation | None, spec: Spec) -> Iterator[str]:
    """Yield a message for each deviation of a request from the spec.

    A call to a real endpoint that the mock does not emulate is one of them: the mock's 404 says nothing about
    the vendor, so a test that passes with it proves nothing.
    """
    if operation is None:
        path = request.target.partition("?")[0]
        where = NOT_EMULATED if spec.lacks(request.method, path) else "not in the spec"
        yield f"{request.method} {path} is {where}"
        return
    if len(first_parameters(request.query)) < len(request.query):
        yield f"the query has more than {MAX_PARAMETERS} parameters; the later ones are ignored"
    names = Counter(_names_in_query(request))
    declared = {p.name: p for p in operation.parameters if p.place == "query"}
    for name, times in names.items():
        if name not in declared:
            yield f"query parameter {name} is not in the spec"
        if times > 1 and name in declared and declared[name].type != "array":
            yield f"query parameter {name} is sent {times} times"
    yield from _remarks_on_body(request, operation)


def notes_on(request: Request, operation: Operation | None) -> Iterator[str]:
    """Yield a message for each thing in a request that the spec allows, but that clients seldom do."""
    if operation is None:
        return
    names = set(_names_in_query(request))
    for parameter in operation.parameters:
        sent = _is_sent(parameter, request, names)
        if sent and parameter.deprecated:
            yield f"{parameter.place} parameter {parameter.name} is deprecated"
        elif parameter.usual and not sent:
            yield f"{parameter.place} parameter {parameter.name} is usually sent, but missing"


def _names_in_query(request: Request) -> list[str]:
    read = first_parameters(request.query)
    return [name for name, _ in parse_qsl(read, keep_blank_values=True, errors="replace")]


def _is_sent(parameter: Parameter, request: Request, names: Collection[str]) -> bool:
    """Return True if a query parameter or a header was sent."""
    return parameter.name in names if parameter.place == "query" else parameter.key in request.headers


def _remarks_on_body(request: Request, operation: Operation) -> Iterator[str]:
    content_type = request.headers.get("content-type")
    if operation.body is None:
        if request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers:
            yield f"a body is sent, but {operation.method} takes no body"
    elif content_type is None:
        yield f"Content-Type is not sent; {' or '.join(operation.body_types)} is expected"
    elif not content_type.lower().startswith(operation.body_types):
        ((_, shown),) = redact_headers([("content-type", content_type)])
        yield f"Content-Type is {shown}; {' or '.join(operation.body_types)} is expected"
