"""Answers made of a spec's examples."""

from msgspec.structs import replace

from mockserver.contract.contract import Contract
from mockserver.contract.exchange import Visit
from mockserver.contract.openapi.documented_response import Reply
from mockserver.contract.openapi.operation import Operation
from mockserver.contract.response import Response
from mockserver.vendor_api.call import Answer


def documented_answer(contract: Contract, visit: Visit, answer: Answer) -> Response:
    """An answer that its spec foresees, with the headers that it wants there."""
    reply = replies_of(contract, visit.operation).get(answer.status)
    needed = dict(reply.headers) if reply else {}
    if "Allow" in needed:
        path = next(path for path in contract.spec.paths if path.template == visit.operation.template)
        needed["Allow"] = ", ".join(path.methods)
    given = {name.lower() for name, _ in answer.headers} | {
        name.lower() for name in contract.vendor.stamps(visit.call)
    }
    headers = [(name, value) for name, value in needed.items() if name.lower() not in given]
    answer = replace(answer, headers=(*answer.headers, *headers))
    return contract.response(answer, visit.call, visit.operation)


def example_of_status(contract: Contract, visit: Visit, status: int) -> Response:
    """The spec's example of a status; without one the vendor's headers, and no words put in its mouth."""
    reply = replies_of(contract, visit.operation).get(status)
    if reply and reply.examples:
        return documented_answer(contract, visit, Answer(status, next(iter(reply.examples.values()))))
    return Response(status, tuple(contract.vendor.stamps(visit.call).items()), b"")


def replies_of(contract: Contract, operation: Operation) -> dict[int, Reply]:
    """The answers that an operation may give, those of the vendor's ground included, by status."""
    return dict(sorted({**contract.spec.ground, **operation.replies}.items()))
