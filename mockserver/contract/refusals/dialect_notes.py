"""Notes on calls in the dialect `documented`: what the live vendor does otherwise with them."""

from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import unquote

from mockserver.contract.contract import Contract
from mockserver.contract.openapi.operation import Operation
from mockserver.contract.refusals.explanation import reasons
from mockserver.vendor_api.problem import Problem
from mockserver.vendor_api.request import Request


def notes_on_dialect(
    contract: Contract, operation: Operation | None, request: Request, status: int, *, accepted: bool
) -> Iterator[str]:
    """Yield a note for each thing on which a client must not rely with the live vendor.

    `status` is that of the answer. `accepted` is True if the call was not refused. A call in another dialect
    gets no notes.
    """
    if contract.dialect != "documented" or not contract.spec.differences:
        return
    name = operation.id if operation else ""
    for difference in contract.spec.differences:
        if difference.note and difference.concerns(name, status):
            yield difference.note
    refuses = any(one.refuses and one.concerns(name) for one in contract.spec.differences)
    if refuses and accepted and operation and (why := _refused_as_observed(contract, operation, request)):
        yield f"the live vendor refuses this call: {'; '.join(one.removesuffix('.') for one in why)}"


def _refused_as_observed(contract: Contract, operation: Operation, request: Request) -> Sequence[str]:
    """Return why the live vendor would refuse a call that is documented as valid, or nothing."""
    observed = contract.in_dialect("observed").spec.operations[operation.id]
    try:
        observed.read(request, _path_values(contract, operation, request))
        if request.body:
            observed.read_body(request)
    except Problem as problem:
        return reasons(problem)
    return ()


def _path_values(contract: Contract, operation: Operation, request: Request) -> Mapping[str, str]:
    """Return a value for each variable of the path. They have passed the checks, so any valid one will do."""
    segments = tuple(map(unquote, request.target.partition("?")[0].split("/")[1:]))
    found = contract.spec.find(segments)
    return found[1] if found and operation.template == found[0].template else {}
