"""Hooks for Schemathesis: what no schema says about the vendors and the control API.

    SCHEMATHESIS_HOOKS=mockserver.embedding.schemathesis_hooks st run URL_OF_A_SERVED_SPEC

Some refusals depend on a record, or on several values of a request. A spec lists their texts by status under
`x-undescribed-refusals`. And some requests that Schemathesis has made invalid are valid as they are sent, or
are requests to another operation. The hook drops the failures that these cause, or what is not HTTP, and
keeps all others.
"""

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import schemathesis
from schemathesis.core.failures import AcceptedNegativeData, ServerError
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.meta import CoveragePhaseData, CoverageScenario
from schemathesis.openapi.checks import RejectedPositiveData

from mockserver.server.access.forwarding import forwarding_header

TOO_LARGE = 413  # is not a refusal for Schemathesis
LIST_OF_STRINGS = {"type": "array", "items": {"type": "string"}}


@schemathesis.hook
def filter_failure(context: Any, failure: Any, case: Any, response: Any) -> bool:
    """Return False if a failure is a behavior of a vendor or of the control API that no schema describes."""
    if is_about_an_invented_header(response):
        return False
    if is_to_another_operation(case) and not isinstance(failure, ServerError):
        return False
    match failure:
        case ServerError() | RejectedPositiveData():
            refusals = case.operation.schema.raw_schema.get("x-undescribed-refusals", {})
            patterns = refusals.get(str(response.status_code), ())
            return not any(re.search(pattern, response.text, re.DOTALL) for pattern in patterns)
        case AcceptedNegativeData():
            data = case.meta.phase.data
            harmless = bool(data.mutations) and all(
                is_harmless(one, case, response) for one in data.mutations
            )
            harmless = harmless or (only_adds_to_the_query(data) and ignores_undeclared_query(case))
            return not (harmless or response.status_code == TOO_LARGE)
    return True


def is_about_an_invented_header(response: Any) -> bool:
    """Return True if the mock itself refused a request, for a header that Schemathesis made up.

    That is a header that is not HTTP, such as a Content-Length that is no number, or one that only a proxy
    adds: then the mock does not trust an X-Mock-Sandbox beside it. No vendor has seen the request.
    """
    match response.headers.get("x-mock-error"):
        case ["not_http"]:
            return True
        case ["sandbox_header_not_trusted"]:
            sent = {name.lower(): "" for name in response.request.headers}
            return forwarding_header(sent) is not None  # of the client's own, not of a proxy
    return False


def is_to_another_operation(case: Any) -> bool:
    """Return True if a value in the path makes it another path of the spec, such as /products/count."""
    path = case.formatted_path
    return bool(path != case.path and path in case.operation.schema.raw_schema["paths"])


def only_adds_to_the_query(data: Any) -> bool:
    """Return True if the coverage phase, which lists no mutations, has added an unknown query parameter."""
    match data:
        case CoveragePhaseData(
            scenario=CoverageScenario.OBJECT_UNEXPECTED_PROPERTIES,
            parameter_location=ParameterLocation.QUERY,
            mutations=(),
        ):
            return True
    return False


def ignores_undeclared_query(case: Any) -> bool:
    """Vendors ignore what they do not know in a query, unless their spec says that they refuse it."""
    return bool(case.operation.definition.raw.get("x-undeclared-query") != "refused")


def is_list_of_nothing(parameter: Any, response: Any) -> bool:
    """Return True if a list in the query was sent empty or as commas: then no item of it can be wrong."""
    if parameter is None or parameter.definition["schema"].get("type") != "array":
        return False
    query = urlsplit(str(response.request.url)).query
    sent = parse_qs(query, keep_blank_values=True).get(parameter.name, [])
    return bool(sent) and not any(text.strip(", ") for text in sent)


def is_harmless(mutation: Any, case: Any, response: Any) -> bool:
    """Return True if a mutation leaves the request valid as it is sent."""
    match mutation.parameter_location, mutation.keywords:
        case "query", ("additionalProperties",):
            return ignores_undeclared_query(case)
        case "query", ("type",):
            parameter = case.operation.query.get(mutation.parameter)
            # In a query, any text is a list of strings.
            return bool(parameter and parameter.definition["schema"] == LIST_OF_STRINGS)
        case "query", ("format" | "minLength" | "pattern",):
            return is_list_of_nothing(case.operation.query.get(mutation.parameter), response)
        case "header", ("required",):
            # Schemathesis has removed one header or some, and its option -H or -a has put them back.
            names = mutation.original_value or [mutation.parameter]
            return all(name in response.request.headers for name in names)
    return False
