"""A vendor as a real Connexion application.

Connexion gets the real request, finds the operation, and calls our `hooks` in its own order: security,
parameters, body, handler. Error handlers turn the exceptions of Connexion and of vendors' handlers into
the vendor's error responses.
"""

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from typing import Any

from mockserver.contract.connexion_engine.hooks import EXCHANGE, Body, NoArguments, Parameters, Security
from mockserver.contract.contract import Contract
from mockserver.contract.exchange import Exchange
from mockserver.resources import InvalidFile
from mockserver.vendor_api.problem import Problem
from mockserver.vendor_api.violations import first_difference

with warnings.catch_warnings():
    # Importing Connexion causes warnings: Starlette's test client warns about httpx, and Connexion uses a
    # deprecated part of jsonschema.
    warnings.simplefilter("ignore")
    from connexion import ConnexionMiddleware
    from connexion import FlaskApp as FlaskApp
    from connexion.context import scope as current_scope
    from connexion.datastructures import MediaTypeDict
    from connexion.exceptions import InvalidSpecification, ProblemException, UnsupportedMediaTypeProblem
    from connexion.lifecycle import ConnexionResponse
    from connexion.middleware import MiddlewarePosition
    from connexion.middleware.swagger_ui import SwaggerUIMiddleware
    from connexion.resolver import Resolver
    from starlette.exceptions import HTTPException

FAILURES = "mockserver.failures"  # in the ASGI scope
# Connexion logs every refusal as an error, but for a mock a refused call is nothing unusual.
logging.getLogger("connexion").setLevel(logging.CRITICAL)


def flask_application(contract: Contract, middleware: Callable[[Any], Any] | None = None) -> FlaskApp:
    """Return a vendor as a Connexion application. Raise InvalidFile if Connexion cannot serve the spec.

    The ASGI scope of each request must have two keys: EXCHANGE with the Exchange, and FAILURES with a
    list. Unexpected exceptions are appended to this list. `middleware` can add both keys to the scope.
    """
    spec = contract.spec
    middlewares = [one for one in ConnexionMiddleware.default_middlewares if one is not SwaggerUIMiddleware]
    try:
        with _no_warnings():
            app = FlaskApp(f"mockserver.{spec.name}", middlewares=middlewares)
            if middleware:
                app.add_middleware(middleware, position=MiddlewarePosition.BEFORE_EXCEPTION)
            app.add_error_handler(Problem, _refuse)
            app.add_error_handler(ProblemException, _refuse_as_connexion_does)
            app.add_error_handler(HTTPException, _refuse_as_connexion_does)
            app.add_error_handler(Exception, _keep_failure)
            app.add_api(
                _floats(spec.document),
                base_path="",
                resolver=Resolver(_handler),
                uri_parser_class=NoArguments,
                security_map=dict.fromkeys(("basic", "bearer", "apiKey"), Security),
                validator_map={
                    "parameter": partial(Parameters, _operations(spec.document)),
                    "body": MediaTypeDict({"*/*": Body}),
                },
            )
    except InvalidSpecification as error:
        raise InvalidFile(f"{spec.file}: {first_difference(error)}") from None
    except Exception as error:  # an unusual spec can make Connexion raise any exception
        raise InvalidFile(f"{spec.file}: {type(error).__name__}: {error}") from None
    return app


def _handler(operation_id: str) -> Callable[..., ConnexionResponse]:
    def run() -> ConnexionResponse:
        exchange: Exchange = current_scope[EXCHANGE]
        exchange.handle()
        return _connexion_response(exchange)

    return run


async def _refuse(request: Any, problem: Exception) -> ConnexionResponse:
    """Return the vendor's response to a problem."""
    exchange: Exchange = request.scope[EXCHANGE]
    assert isinstance(problem, Problem)
    try:
        exchange.refuse(problem)
    except Exception as failure:  # Connexion does not catch what an error handler raises
        return await _keep_failure(request, failure)
    return _connexion_response(exchange)


async def _refuse_as_connexion_does(request: Any, error: Exception) -> ConnexionResponse:
    """Return the vendor's response to a request that Connexion itself refuses."""
    if isinstance(error, UnsupportedMediaTypeProblem):
        exchange: Exchange = request.scope[EXCHANGE]
        missing = not exchange.request.body
        text = "The request body is missing" if missing else "The request body must be application/json"
        return await _refuse(request, Problem("bad_request", text))
    status = getattr(error, "status_code", getattr(error, "status", 400))
    if status == 404:
        return await _refuse(request, Problem("no_such_path"))
    return await _refuse(request, Problem("method_not_allowed" if status == 405 else "bad_request"))


async def _keep_failure(request: Any, failure: Exception) -> ConnexionResponse:
    """Return a 500. Append the exception to FAILURES, so that the caller can raise it again."""
    if not _found_operation(request.scope):
        # Connexion does not know this path, but Flask has found an operation for it. The operation failed,
        # because Connexion has set no context. The right answer is that there is no such path.
        return await _refuse(request, Problem("no_such_path"))
    request.scope[FAILURES].append(failure)
    return ConnexionResponse(500, content_type="text/plain", body="the mock failed")


def _found_operation(scope: Mapping[str, Any]) -> bool:
    routing = scope["extensions"].get("connexion_routing", {})
    # If a path ends with a newline, Starlette finds an operation that does not have this path. We ignore
    # the operation; its base path is not empty.
    return routing.get("operation_id") is not None and routing["api_base_path"] == ""


def _connexion_response(exchange: Exchange) -> ConnexionResponse:
    response = exchange.response
    assert response is not None
    headers = dict(response.headers)
    content_type = headers.pop("Content-Type", None)
    return ConnexionResponse(response.status, content_type=content_type, headers=headers, body=response.body)


def _operations(document: Mapping[str, Any]) -> dict[str, Any]:
    """Map the operationIds in a document to operation objects."""
    items = (item for path in document["paths"].values() for item in path.values())
    return {item["operationId"]: item for item in items if isinstance(item, dict) and "operationId" in item}


def _floats(document: Any) -> Any:
    """Return a copy of a document with floats instead of decimals, which Connexion does not support."""
    if isinstance(document, dict):
        return {key: _floats(value) for key, value in document.items()}
    if isinstance(document, list):
        return [_floats(item) for item in document]
    return float(document) if isinstance(document, Decimal) else document


@contextmanager
def _no_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
