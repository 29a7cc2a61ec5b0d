"""Hooks for Schemathesis: what no schema can say about the vendors and the control API.

    SCHEMATHESIS_HOOKS=mockserver.schemathesis_hooks st run URL_OF_A_SERVED_SPEC

Schemathesis expects that every request which fits the schema is accepted. A schema cannot describe the state
of a record, or a rule about two values of one request. A spec lists the texts of such refusals under
`x-undescribed-refusals`; the hook drops the failures that they cause, and keeps all others.
"""

import re
from typing import Any

import schemathesis
from schemathesis.core.failures import AcceptedNegativeData, ServerError
from schemathesis.openapi.checks import RejectedPositiveData

# Vendors ignore unknown query parameters. Any text in a query is a list of strings. And a credential that
# Schemathesis has removed from the headers is put back by its own option.
HARMLESS_CHANGE = re.compile(
    r"(- )?(query: violates `additionalProperties`.*"
    r"|(query: )?violates `type` at /properties/\w+ \(was array, became \w+\)"
    r"|header: violates `required` \(was (Authorization|access-token)\))"
)


@schemathesis.hook
def filter_failure(context: Any, failure: Any, case: Any, response: Any) -> bool:
    """Return False if a failure is a behavior of a vendor or of the control API that no schema describes."""
    match failure:
        case ServerError() | RejectedPositiveData():
            patterns = case.operation.schema.raw_schema.get("x-undescribed-refusals", ())
            return not any(re.search(pattern, response.text, re.DOTALL) for pattern in patterns)
        case AcceptedNegativeData():
            _, _, changes = failure.message.partition("Invalid component:")
            lines = [line.strip() for line in changes.splitlines() if line.strip()]
            return not (lines and all(map(HARMLESS_CHANGE.fullmatch, lines)))
    return True
