"""A vendor as a real Connexion application.

Connexion gets the real request, finds the operation, and calls our `hooks` in its own order: security,
parameters, body, handler. The `error_handlers` turn exceptions into responses.
"""

import logging
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from mockserver.contract.connexion_engine.error_handlers import (
    connexion_response,
    keep_failure,
    refuse,
    refuse_as_connexion_does,
)
from mockserver.contract.connexion_engine.hooks import EXCHANGE, Body, NoArguments, Parameters, Security
from mockserver.contract.contract import Contract
from mockserver.contract.exchange import Exchange
from mockserver.data.resources import InvalidFile, floats
from mockserver.vendor_api.failure import description
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
    from connexion.exceptions import InvalidSpecification, ProblemException
    from connexion.lifecycle import ConnexionResponse
    from connexion.middleware import MiddlewarePosition
    from connexion.middleware.routing import RoutingMiddleware
    from connexion.middleware.swagger_ui import SwaggerUIMiddleware
    from connexion.resolver import Resolver
    from flask import Response as FlaskResponse
    from starlette.exceptions import HTTPException

# Connexion logs every refusal as an error, but for a mock a refused call is nothing unusual.
logging.getLogger("connexion").setLevel(logging.CRITICAL)


class Routing(RoutingMiddleware):  # type: ignore[misc]
    """Connexion's routing, but a line break in a path is a character like any other.

    In Starlette's patterns, `.*` stops at a line break, and `$` ignores one at the end.
    """

    def add_api(self, *arguments: Any, **options: Any) -> None:
        super().add_api(*arguments, **options)
        for mount in self.router.routes:
            for route in (mount, *mount.routes):
                route.path_regex = re.compile(route.path_regex.pattern.removesuffix("$") + r"\Z", re.DOTALL)


class PlainResponse(FlaskResponse):
    """A Flask response that has a Content-Type only if it is given one."""

    default_mimetype = None


def flask_application(contract: Contract, middleware: Callable[[Any], Any] | None = None) -> FlaskApp:
    """Return a vendor as a Connexion application. Raise InvalidFile if Connexion cannot serve the spec.

    The ASGI scope of each request must have two keys: EXCHANGE with the Exchange, and FAILURES with a
    list of type Failures. Unexpected exceptions are appended to it. `middleware` can add both keys.
    """
    spec = contract.spec
    middlewares = [
        Routing if one is RoutingMiddleware else one
        for one in ConnexionMiddleware.default_middlewares
        if one is not SwaggerUIMiddleware
    ]
    try:
        with _no_warnings():
            app = FlaskApp(f"mockserver.{spec.name}", middlewares=middlewares)
            app.app.response_class = PlainResponse
            if middleware:
                app.add_middleware(middleware, position=MiddlewarePosition.BEFORE_EXCEPTION)
            app.add_error_handler(Problem, refuse)
            app.add_error_handler(ProblemException, refuse_as_connexion_does)
            app.add_error_handler(HTTPException, refuse_as_connexion_does)
            app.add_error_handler(Exception, keep_failure)
            app.add_api(
                floats(spec.document),
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
        # Connexion raises a copy of jsonschema's error that lacks a part, so prefer the original.
        original = error.__context__ if hasattr(error.__context__, "absolute_path") else error
        raise InvalidFile(f"{spec.file}: {first_difference(original)}") from None
    except Exception as error:  # an unusual spec can make Connexion raise any exception
        raise InvalidFile(f"{spec.file}: {description(error)}") from None
    return app


def _handler(operation_id: str) -> Callable[..., ConnexionResponse]:
    def run() -> ConnexionResponse:
        exchange: Exchange = current_scope[EXCHANGE]
        exchange.handle()
        return connexion_response(exchange)

    return run


def _operations(document: Mapping[str, Any]) -> dict[str, Any]:
    """Map the operationIds in a document to operation objects."""
    items = (item for path in document["paths"].values() for item in path.values())
    return {item["operationId"]: item for item in items if isinstance(item, dict) and "operationId" in item}


@contextmanager
def _no_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
