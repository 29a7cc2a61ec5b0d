"""The express lane: answers a call at once if it is plainly valid, and steps aside if not.

It takes the same checks in the same order as Connexion does, over the same operations and
handlers. Whatever a check finds wrong with a call is for Connexion to find again and to say, so that
every such refusal has one source; and what may take long is for Connexion's threads.
"""

from collections.abc import Callable

from msgspec.structs import replace

from mockserver.contract.exchange import Exchange
from mockserver.vendor_api.problem import Problem
from mockserver.vendor_api.vendor import Vendor


def answered(
    exchange: Exchange,
    vendor: Vendor,
    handle: Callable[[Exchange], None],
    refuse: Callable[[Problem, Exchange], None],
) -> bool:
    """Whether the visit is answered now; if not, it is as it came. What is no Problem goes through.

    `handle` runs the handler of a call that has passed every check, `refuse` says what its Problem
    means to the vendor.
    """
    asked, operation = exchange.call, exchange.operation
    try:
        vendor.authenticate(asked)
        values = operation.read(asked.request, exchange.path)
        body = operation.read_body(asked.request) if operation.body else None
        call = replace(asked, path=values["path"], query=values["query"], headers=values["header"], body=body)
        if operation.id in vendor.slow and vendor.slow[operation.id](call):
            return False
    except Problem:
        return False
    exchange.call = call
    try:
        handle(exchange)
    except Problem as problem:
        refuse(problem, exchange)
    return True
