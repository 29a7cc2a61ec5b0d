"""Answers made of a spec's examples."""

from msgspec.structs import replace

from mockserver.contract.contract import Contract
from mockserver.contract.exchange import Exchange
from mockserver.contract.openapi.documented_response import DocumentedResponse
from mockserver.contract.openapi.operation import Operation
from mockserver.contract.response import Response
from mockserver.vendor_api.call import Answer


def documented_answer(contract: Contract, exchange: Exchange, answer: Answer) -> Response:
    """An answer that its spec foresees, with the headers that it wants there."""
    reply = responses_of(contract, exchange.operation).get(answer.status)
    needed = dict(reply.headers) if reply else {}
    if "Allow" in needed:
        path = next(path for path in contract.spec.paths if path.template == exchange.operation.template)
        needed["Allow"] = ", ".join(path.methods)
    given = {name.lower() for name, _ in answer.headers} | {
        name.lower() for name in contract.vendor.common_headers(exchange.call)
    }
    headers = [(name, value) for name, value in needed.items() if name.lower() not in given]
    answer = replace(answer, headers=(*answer.headers, *headers))
    return contract.response(answer, exchange.call, exchange.operation)


def example_of_status(contract: Contract, exchange: Exchange, status: int) -> Response:
    """The spec's example of a status; without one the vendor's headers, and no words put in its mouth."""
    reply = responses_of(contract, exchange.operation).get(status)
    if reply and reply.examples:
        return documented_answer(contract, exchange, Answer(status, next(iter(reply.examples.values()))))
    return Response(status, tuple(contract.vendor.common_headers(exchange.call).items()), b"")


def responses_of(contract: Contract, operation: Operation) -> dict[int, DocumentedResponse]:
    """The answers that an operation may give, those of the vendor's ground included, by status."""
    return dict(sorted({**contract.spec.ground, **operation.responses}.items()))
