"""The express lane: answers a call at once if it is plainly valid, and steps aside if not.

It takes the same checks in the same order as Connexion does, over the same operations and
handlers. Whatever is wrong with a call is for Connexion to find again and to say, so that every
refusal has one source; and what may take long is for Connexion's threads.
"""

from collections.abc import Callable

from msgspec.structs import replace

from mockserver.vendor import Problem, Vendor
from mockserver.visit import Visit


def answered(visit: Visit, vendor: Vendor, handle: Callable[[Visit], None]) -> bool:
    """Whether the visit is answered now; if not, it is as it came. What is no Problem goes through.

    `handle` runs the handler of a call that has passed every check.
    """
    asked, operation = visit.call, visit.operation
    try:
        vendor.authenticate(asked)
        values = operation.read(asked.request, visit.path)
        body = operation.read_body(asked.request)
        visit.call = replace(
            asked, path=values["path"], query=values["query"], headers=values["header"], body=body
        )
        lengthy = vendor.lengthy.get(operation.id)
        if lengthy is None or not lengthy(visit.call):
            handle(visit)
            return True
    except Problem:
        pass
    visit.call = asked
    return False
