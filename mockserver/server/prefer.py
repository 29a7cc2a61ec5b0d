"""The header Prefer: a status or an example on request."""

import re

from mockserver.contract.contract import Contract
from mockserver.contract.exchange import Exchange
from mockserver.contract.response import Response
from mockserver.server.example_answers import documented_answer, example_of_status, responses_of
from mockserver.vendor_api.call import Answer
from mockserver.vendor_api.problem import Problem
from mockserver.vendor_api.request import Request

# Possessive, and only from the start of a word: a long header must not be read again and again.
PREFERENCE = re.compile(r'(?<![\w-])([\w-]++)\s*+=\s*+(?:"([^"]*+)"|([^\s,;"]++))')


class NotOffered(Exception):
    """A call prefers an answer that the spec does not have; the text lists those it has."""


def preferences(request: Request) -> dict[str, str]:
    """`code` and `example` of the Prefer header (RFC 7240); the first of each counts."""
    wanted: dict[str, str] = {}
    for name, quoted, plain in PREFERENCE.findall(request.headers.get("prefer", "")):
        if name.lower() in ("code", "example"):
            wanted.setdefault(name.lower(), quoted or plain)
    return wanted


async def preferred(contract: Contract, exchange: Exchange, wanted: dict[str, str]) -> Response:
    try:
        contract.vendor.authenticate(exchange.call)
    except Problem:
        return await contract.answer(exchange)
    responses, operation = responses_of(contract, exchange.operation), exchange.operation.id
    if "code" in wanted:
        reply = next((one for status, one in responses.items() if str(status) == wanted["code"]), None)
        if reply is None:
            raise NotOffered(f"{operation} answers with {', '.join(map(str, responses))}")
        responses = {reply.status: reply}
    name = wanted.get("example")
    if name is None:
        return example_of_status(contract, exchange, next(iter(responses)))
    for status, reply in responses.items():
        if name in reply.examples:
            return documented_answer(contract, exchange, Answer(status, reply.examples[name]))
    names = (f"{status}: {', '.join(reply.examples)}" for status, reply in responses.items())
    raise NotOffered(f"{operation} has the examples {'; '.join(names)}")
