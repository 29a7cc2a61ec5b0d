"""Connexion's error handlers: turn exceptions of Connexion and of vendors' handlers into responses."""

import warnings
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from werkzeug.datastructures import Headers

from mockserver.contract.connexion_engine.hooks import EXCHANGE
from mockserver.contract.exchange import Exchange
from mockserver.contract.openapi.unreadable import wrong_body
from mockserver.vendor_api.failure import UNEXPECTED
from mockserver.vendor_api.problem import Problem

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # importing Connexion causes warnings: see `app`
    from connexion.exceptions import UnsupportedMediaTypeProblem
    from connexion.lifecycle import ConnexionResponse

FAILURES = "mockserver.failures"  # in the ASGI scope
# Each with its traceback, which is cut by what runs between the handler and the caller.
Failures = list[tuple[BaseException, TracebackType | None]]


async def refuse(request: Any, problem: Exception) -> ConnexionResponse:
    """Return the vendor's response to a problem."""
    exchange: Exchange = request.scope[EXCHANGE]
    assert isinstance(problem, Problem)
    try:
        exchange.refuse(problem)
    except UNEXPECTED as failure:  # Connexion does not catch what an error handler raises
        return await keep_failure(request, failure)
    return connexion_response(exchange)


async def refuse_as_connexion_does(request: Any, error: Exception) -> ConnexionResponse:
    """Return the vendor's response to a request that Connexion itself refuses."""
    if isinstance(error, UnsupportedMediaTypeProblem):
        exchange: Exchange = request.scope[EXCHANGE]
        assert exchange.operation is not None
        return await refuse(request, wrong_body(exchange.request.body, exchange.operation.body_types))
    status = getattr(error, "status_code", getattr(error, "status", 400))
    if status == 404:
        return await refuse(request, Problem("no_such_path"))
    return await refuse(request, Problem("method_not_allowed" if status == 405 else "bad_request"))


async def keep_failure(request: Any, failure: BaseException) -> ConnexionResponse:
    """Append an exception to FAILURES, so that the caller can raise it again, and return a 500."""
    if not _found_operation(request.scope):
        # Flask finds an operation for some paths that are unknown to Connexion. It then fails, because
        # Connexion has set no context. The right answer is that the path is unknown.
        return await refuse(request, Problem("no_such_path"))
    request.scope[FAILURES].append((failure, failure.__traceback__))
    return ConnexionResponse(500, content_type="text/plain", body="the mock failed")


def _found_operation(scope: Mapping[str, Any]) -> bool:
    return scope["extensions"].get("connexion_routing", {}).get("operation_id") is not None


def connexion_response(exchange: Exchange) -> ConnexionResponse:
    """Return the response of an exchange as Connexion's class, with repeated headers and their order."""
    response = exchange.response
    assert response is not None
    return ConnexionResponse(response.status, headers=Headers(response.headers), body=response.body)
