"""What a client does that the contract does not foresee, and why a call was refused."""

from collections import Counter
from collections.abc import Iterator
from urllib.parse import parse_qsl

from mockserver.contract.openapi.operation import Operation
from mockserver.contract.openapi.parameter import Parameter
from mockserver.vendor_api.request import Request


def remarks(request: Request, operation: Operation | None) -> Iterator[str]:
    """Everything that a strict reader of the spec would object to, in words."""
    if operation is None:
        yield f"{request.method} {request.target.partition('?')[0]} is not in the spec"
        return
    sent = parse_qsl(request.query, keep_blank_values=True, errors="replace")
    names = Counter(name for name, _ in sent)
    declared = {p.name: p for p in operation.parameters if p.place == "query"}
    for name, times in names.items():
        if name not in declared:
            yield f"query parameter {name} is not in the spec"
        elif declared[name].deprecated:
            yield f"query parameter {name} is deprecated"
        if times > 1 and name in declared and declared[name].type != "array":
            yield f"query parameter {name} is sent {times} times"
    for parameter in operation.parameters:
        if parameter.usual and not _sent(parameter, request, names):
            yield f"{parameter.place} parameter {parameter.name} is usual, and not sent"
    yield from _body_remarks(request, operation)


def _sent(parameter: Parameter, request: Request, names: Counter[str]) -> bool:
    return parameter.name in names or parameter.name.lower() in request.headers


def _body_remarks(request: Request, operation: Operation) -> Iterator[str]:
    kind = request.headers.get("content-type")
    if operation.body is None:
        if request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers:
            yield f"a body is sent, which {operation.method} does not take"
    elif kind is None:
        yield "Content-Type is not sent; application/json is expected"
    elif not kind.lower().startswith("application/json"):
        yield f"Content-Type is {kind}; application/json is expected"
