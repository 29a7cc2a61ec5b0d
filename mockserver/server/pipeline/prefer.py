"""The `Prefer` header (RFC 7240), with which a client selects a status or an example from the spec."""

import re

from mockserver.contract.exchange import Exchange
from mockserver.server.http.errors import MockError
from mockserver.vendor_api.answer import Answer
from mockserver.vendor_api.problem import Problem

# Possessive quantifiers and the look-behind avoid quadratic time for a long header.
PREFERENCE = re.compile(r'(?<![\w-])([\w-]++)\s*+=\s*+(?:"([^"]*+)"|([^\s,;"]++))')


class NotOffered(MockError):
    """Raised if a call prefers a response that the spec does not have. The message lists the choices."""

    def __init__(self, message: str) -> None:
        super().__init__(422, "not_offered", message)


def preferences(prefer: str) -> dict[str, str]:
    """Return `code` and `example` from a Prefer header. If a name is repeated, its first value counts."""
    found: dict[str, str] = {}
    for name, quoted, plain in PREFERENCE.findall(prefer):
        if name.lower() in ("code", "example"):
            found.setdefault(name.lower(), quoted or plain)
    return found


def answer_as_preferred(exchange: Exchange, wanted: dict[str, str]) -> None:
    """Set the response to the preferred status or example. Raise NotOffered if the spec does not have it."""
    contract, operation, path = exchange.contract, exchange.operation, exchange.path
    assert operation is not None and path is not None
    responses = contract.documented_responses(operation)
    if "code" in wanted:
        found = [response for status, response in responses.items() if str(status) == wanted["code"]]
        if not found:
            raise NotOffered(f"{operation.id} answers with {', '.join(map(str, responses))}")
        responses = {found[0].status: found[0]}
    name = wanted.get("example")
    if name is None:
        exchange.answer_with_example(next(iter(responses)))
        return
    for status, response in responses.items():
        if name in response.examples:
            answer = Answer(status, response.examples[name])
            exchange.response = contract.with_declared_headers(answer, exchange.call, operation, path)
            return
    names = (f"{status}: {', '.join(response.examples)}" for status, response in responses.items())
    raise NotOffered(f"{operation.id} has the examples {'; '.join(names)}")


def is_admitted(exchange: Exchange) -> bool:
    """Return True if the vendor accepts the call's credential."""
    if exchange.operation and not exchange.operation.secured:
        return exchange.call.credential.status == "accepted"
    try:
        exchange.contract.vendor.authenticate(exchange.call)
    except Problem:
        return False
    return True
