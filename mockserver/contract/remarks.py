"""Remarks: messages about a request that deviates from the vendor's spec."""

from collections import Counter
from collections.abc import Iterator
from urllib.parse import parse_qsl

from mockserver.contract.openapi.operation import Operation
from mockserver.contract.openapi.parameter import Parameter
from mockserver.vendor_api.request import Request


def remarks_on(request: Request, operation: Operation | None) -> Iterator[str]:
    """Yield a message for each deviation of a request from the spec."""
    if operation is None:
        yield f"{request.method} {request.target.partition('?')[0]} is not in the spec"
        return
    pairs = parse_qsl(request.query, keep_blank_values=True, errors="replace")
    names = Counter(name for name, _ in pairs)
    declared = {p.name: p for p in operation.parameters if p.place == "query"}
    for name, times in names.items():
        if name not in declared:
            yield f"query parameter {name} is not in the spec"
        elif declared[name].deprecated:
            yield f"query parameter {name} is deprecated"
        if times > 1 and name in declared and declared[name].type != "array":
            yield f"query parameter {name} is sent {times} times"
    for parameter in operation.parameters:
        if parameter.usual and not _is_sent(parameter, request, names):
            yield f"{parameter.place} parameter {parameter.name} is usually sent, but missing"
    yield from _remarks_on_body(request, operation)


def _is_sent(parameter: Parameter, request: Request, names: Counter[str]) -> bool:
    return parameter.name in names or parameter.name.lower() in request.headers


def _remarks_on_body(request: Request, operation: Operation) -> Iterator[str]:
    content_type = request.headers.get("content-type")
    if operation.body is None:
        if request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers:
            yield f"a body is sent, but {operation.method} takes no body"
    elif content_type is None:
        yield "Content-Type is not sent; application/json is expected"
    elif not content_type.lower().startswith("application/json"):
        yield f"Content-Type is {content_type}; application/json is expected"
