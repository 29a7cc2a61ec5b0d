"""Hooks for Schemathesis: what no schema can say about the vendors and the control API.

    SCHEMATHESIS_HOOKS=mockserver.schemathesis_hooks st run URL_OF_A_SERVED_SPEC

A schema cannot describe the state of a record, or a rule about two values of one request. A spec lists the
texts of such refusals by status under `x-undescribed-refusals`. And some requests that Schemathesis has made
invalid are valid as they are sent. The hook drops the failures that these cause, and keeps all others.
"""

import re
from typing import Any

import schemathesis
from schemathesis.core.failures import AcceptedNegativeData, ServerError
from schemathesis.openapi.checks import RejectedPositiveData

LIST_OF_STRINGS = {"type": "array", "items": {"type": "string"}}


@schemathesis.hook
def filter_failure(context: Any, failure: Any, case: Any, response: Any) -> bool:
    """Return False if a failure is a behavior of a vendor or of the control API that no schema describes."""
    match failure:
        case ServerError() | RejectedPositiveData():
            refusals = case.operation.schema.raw_schema.get("x-undescribed-refusals", {})
            patterns = refusals.get(str(response.status_code), ())
            return not any(re.search(pattern, response.text, re.DOTALL) for pattern in patterns)
        case AcceptedNegativeData():
            mutations = case.meta.phase.data.mutations
            return not (mutations and all(is_harmless(one, case, response) for one in mutations))
    return True


def is_harmless(mutation: Any, case: Any, response: Any) -> bool:
    """Return True if a mutation leaves the request valid as it is sent."""
    match mutation.parameter_location, mutation.keywords:
        case "query", ("additionalProperties",):
            # Vendors ignore what they do not know in a query, unless their spec says that they refuse it.
            return bool(case.operation.definition.raw.get("x-undeclared-query") != "refused")
        case "query", ("type",):
            parameter = case.operation.query.get(mutation.parameter)
            # In a query, any text is a list of strings.
            return bool(parameter and parameter.definition["schema"] == LIST_OF_STRINGS)
        case "header", ("required",):
            # Schemathesis has removed the header, and its option -H or -a has put it back.
            return bool(mutation.original_value in response.request.headers)
    return False
