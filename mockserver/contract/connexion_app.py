"""Connexion as an engine: a vendor as a real Connexion application.

Connexion gets the real request, finds the operation and orders the checks: security, parameters, body,
handler. At its public hooks it calls classes of ours, which collect violations with jsonschema from
Connexion's own view of the spec; error handlers of ours put what Connexion and the handlers raise into
the vendor's words. Nothing here uses the compiled parameters and schemas of the other engine.

This is the only module that imports Connexion.
"""

import logging
import re
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, unquote

from jsonschema import Draft4Validator

from mockserver.contract.contract import Contract
from mockserver.contract.exchange import Exchange
from mockserver.contract.response import Response
from mockserver.resources import InvalidFile
from mockserver.vendor_api.json_text import decode
from mockserver.vendor_api.problem import Problem, Violation
from mockserver.vendor_api.violations import first_difference, violations_of

with warnings.catch_warnings():
    # Connexion uses Starlette's test client, which warns of httpx, and a deprecated part of jsonschema.
    warnings.simplefilter("ignore")
    from connexion import ConnexionMiddleware
    from connexion import FlaskApp as FlaskApp
    from connexion.context import scope as current_scope
    from connexion.datastructures import MediaTypeDict
    from connexion.exceptions import InvalidSpecification, ProblemException, UnsupportedMediaTypeProblem
    from connexion.json_schema import Draft4RequestValidator
    from connexion.lifecycle import ConnexionResponse
    from connexion.middleware import MiddlewarePosition
    from connexion.middleware.swagger_ui import SwaggerUIMiddleware
    from connexion.resolver import Resolver
    from connexion.uri_parsing import OpenAPIURIParser
    from starlette.exceptions import HTTPException

EXCHANGE, FAILURES = "mockserver.exchange", "mockserver.failures"  # in the ASGI scope
JSON_TYPE = re.compile(r"application/(json|[\w.+-]+\+json)\s*(;.*)?", re.IGNORECASE)
WHOLE_NUMBER = re.compile(r"-?[0-9]{1,308}")
NUMBER = re.compile(r"-?[0-9]{1,200}(\.[0-9]{1,200})?([eE][+-]?[0-9]{1,2})?")
# Connexion logs every refusal in its own words, but refusing is an everyday answer of a vendor.
logging.getLogger("connexion").setLevel(logging.CRITICAL)


class ConnexionEngine:
    """Decides the step "contract" by Connexion: one application for each vendor. Raise InvalidFile."""

    name = "connexion"

    def __init__(self, contracts: Mapping[str, Contract]) -> None:
        self._apps = {name: flask_application(contract) for name, contract in contracts.items()}

    def answer(self, exchange: Exchange) -> Callable[[], Awaitable[None]]:
        """Return the step in which Connexion answers the exchange."""
        exchange.engine = self.name
        return partial(_answer, self._apps[exchange.vendor_name], exchange)

    def close(self) -> None:
        """Connexion ends its threads itself."""


def flask_application(contract: Contract, middleware: Callable[[Any], Any] | None = None) -> FlaskApp:
    """Return a vendor as a Connexion application. Raise InvalidFile if Connexion cannot serve the spec.

    The scope of a request must hold its EXCHANGE, and a list for FAILURES; `middleware` may put them there.
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
    except Exception as error:  # Connexion assumes much about a spec
        raise InvalidFile(f"{spec.file}: {type(error).__name__}: {error}") from None
    return app


class Security:
    """Connexion's hook for a security scheme: the vendor's own check, whatever the scheme."""

    def get_fn(self, scheme: Any, scopes: Any) -> Callable[[Any], dict[str, Any]]:
        def check(request: Any) -> dict[str, Any]:
            exchange: Exchange = request.scope[EXCHANGE]
            exchange.contract.vendor.authenticate(exchange.call)
            return {}

        return check


class NoArguments(OpenAPIURIParser):  # type: ignore[misc]
    """Connexion's hook for paths and queries: handlers take no arguments, their call has the values."""

    def resolve_query(self, query_data: dict[str, list[str]]) -> dict[str, Any]:
        return {}

    def resolve_path(self, path: dict[str, Any]) -> dict[str, Any]:
        return {}


class Parameters:
    """Connexion's hook for parameters: collects every violation, and gives the call its values."""

    def __init__(
        self, operations: Mapping[str, Any], parameters: list[dict[str, Any]], uri_parser: Any, **_: Any
    ) -> None:
        self._operations, self._parameters = operations, parameters

    def validate(self, scope: Mapping[str, Any]) -> None:
        exchange: Exchange = scope[EXCHANGE]
        sent = {
            "path": {name: [str(value)] for name, value in scope["path_params"].items()},
            "query": _query(scope["query_string"].decode("latin-1")),
            "header": {name: [value] for name, value in exchange.request.headers.items()},
        }
        values: dict[str, dict[str, Any]] = {"path": {}, "query": {}, "header": {}}
        violations = [*self._undeclared(scope, sent["query"])]
        for parameter in self._parameters:
            place, name = parameter["in"], parameter["name"]
            value, wrong = _read(parameter, sent[place].get(name.lower() if place == "header" else name, []))
            violations += wrong
            if value is not None:
                values[place][name] = value
        if violations:
            in_path = any(violation.place == "path" for violation in violations)
            raise Problem("not_found" if in_path else "invalid", violations=tuple(violations))
        call = exchange.call
        call.path, call.query, call.headers = values["path"], values["query"], values["header"]

    def _undeclared(self, scope: Mapping[str, Any], query: Mapping[str, list[str]]) -> Iterator[Violation]:
        operation = self._operations[scope["extensions"]["connexion_routing"]["operation_id"]]
        if operation.get("x-undeclared-query") != "refused":
            return
        declared = {parameter["name"] for parameter in self._parameters if parameter["in"] == "query"}
        for name, texts in query.items():
            if name not in declared:
                yield Violation("query", name, "undeclared", value=texts[0])
            elif len(texts) > 1:
                yield Violation("query", name, "repeated", value=texts)


def _query(query: str) -> dict[str, list[str]]:
    """Return the texts of a query by name. Raise Problem if it is not UTF-8."""
    texts: dict[str, list[str]] = {}
    try:
        for name, text in parse_qsl(query, keep_blank_values=True, errors="strict"):
            texts.setdefault(name, []).append(text)
    except ValueError:
        raise Problem("bad_request") from None
    return texts


def _read(parameter: Mapping[str, Any], texts: list[str]) -> tuple[Any, list[Violation]]:
    """Return the value of a parameter, and what is wrong with it."""
    schema, place, name = parameter["schema"], parameter["in"], parameter["name"]
    if parameter.get("allowEmptyValue"):
        texts = [text for text in texts if text]
    if schema["type"] == "array":
        items = [item for text in texts for item in map(str.strip, text.split(",")) if item]
        value: Any = items or None
    else:
        value = _cast(texts[0], schema["type"]) if texts else None
    if value is None:
        missing = [Violation(place, name, "required")] if parameter.get("required") else []
        return schema.get("default"), missing
    wrong = list(violations_of(Draft4Validator(schema).iter_errors(value), place, name))
    return value, [one for one in wrong if one.rule == "type"] or wrong


def _cast(text: str, wanted: str) -> Any:
    if wanted == "integer" and WHOLE_NUMBER.fullmatch(text):
        return int(text)
    if wanted == "number" and NUMBER.fullmatch(text):
        number = Decimal(text)
        return int(number) if number == number.to_integral_value() else float(number)
    return text


class Body:
    """Connexion's hook for a JSON body: collects every violation, and gives the call its value."""

    def __init__(self, *, schema: dict[str, Any], **_: Any) -> None:
        self._schema = schema

    async def wrap_receive(self, receive: Any, *, scope: Any) -> tuple[Any, Any]:
        exchange: Exchange = scope[EXCHANGE]
        body = b"".join([part async for part in _parts(receive)])
        exchange.call.body = self._read(
            body, exchange.request.headers.get("content-type", "application/json")
        )

        async def receive_again() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        return receive_again, scope

    def _read(self, body: bytes, content_type: str) -> Any:
        if not body:
            raise Problem("bad_request", "The request body is missing")
        if not JSON_TYPE.fullmatch(content_type):
            raise Problem("bad_request", "The request body must be application/json")
        try:
            value = decode(body)
        except ValueError:
            raise Problem("bad_request", "The request body is not valid JSON") from None
        errors = Draft4RequestValidator(self._schema).iter_errors(value)
        if violations := tuple(violations_of(errors, "body", "")):
            raise Problem("invalid", violations=violations)
        return value


async def _parts(receive: Any) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        yield message.get("body", b"")
        more = message.get("more_body", False)


def _handler(operation_id: str) -> Callable[..., ConnexionResponse]:
    def run(**_: Any) -> ConnexionResponse:
        exchange: Exchange = current_scope[EXCHANGE]
        exchange.handle()
        return _connexion_response(exchange)

    return run


async def _refuse(request: Any, problem: Exception) -> ConnexionResponse:
    """Put a problem into the vendor's words."""
    exchange: Exchange = request.scope[EXCHANGE]
    assert isinstance(problem, Problem)
    try:
        exchange.refuse(problem)
    except Exception as failure:  # Connexion has no answer to an error handler that fails
        return await _keep_failure(request, failure)
    return _connexion_response(exchange)


async def _refuse_as_connexion_does(request: Any, error: Exception) -> ConnexionResponse:
    """Put what Connexion itself refuses into the vendor's words."""
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
    """Keep an exception for whoever called the application, and answer with a 500."""
    request.scope[FAILURES].append(failure)
    return ConnexionResponse(500, content_type="text/plain", body="the mock failed")


def _connexion_response(exchange: Exchange) -> ConnexionResponse:
    response = exchange.response
    assert response is not None
    headers = dict(response.headers)
    content_type = headers.pop("Content-Type", None)
    return ConnexionResponse(response.status, content_type=content_type, headers=headers, body=response.body)


async def _answer(app: FlaskApp, exchange: Exchange) -> None:
    """Send the request of an exchange through an application, and take its response."""
    request, failures = exchange.request, list[Exception]()
    messages: list[dict[str, Any]] = []
    path = request.target.partition("?")[0]
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in request.headers.items()]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET" if request.method == "HEAD" else request.method,
        "scheme": request.scheme,
        "path": unquote(path, errors="replace"),
        "raw_path": path.encode("latin-1"),
        "root_path": "",
        "query_string": request.query.encode("latin-1"),
        "headers": headers,
        "server": ("127.0.0.1", 80),
        "client": (exchange.raw.peer, 0),
        EXCHANGE: exchange,
        FAILURES: failures,
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": request.body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        messages.append(message)

    await app(scope, receive, send)
    if failures:
        raise failures[0]
    exchange.response = _response_of(messages, exchange.response)


def _response_of(messages: list[dict[str, Any]], written: Response | None) -> Response:
    """Return the response that ASGI messages carry; header names are written as the vendor writes them."""
    start, *rest = messages
    names = {name.lower(): name for name, _ in written.headers} if written else {}
    headers = ((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in start["headers"])
    kept = [(names.get(name, name), value) for name, value in headers if name != "content-length"]
    order = list(names.values())
    kept.sort(key=lambda header: order.index(header[0]) if header[0] in order else len(order))
    return Response(start["status"], tuple(kept), b"".join(message.get("body", b"") for message in rest))


def _operations(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the operations of a document by operationId."""
    items = (item for path in document["paths"].values() for item in path.values())
    return {item["operationId"]: item for item in items if isinstance(item, dict) and "operationId" in item}


def _floats(document: Any) -> Any:
    """Return a document with floats in the place of decimals, as Connexion wants them."""
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


__all__ = ["EXCHANGE", "FAILURES", "ConnexionEngine", "flask_application"]
