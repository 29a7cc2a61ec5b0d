"""The classes that Connexion calls to check security, parameters and body.

They collect violations with jsonschema, and use the spec as parsed by Connexion. They share no parameters
or schemas with the compiled engine, so that a comparison of the two engines can find mistakes.
"""

import asyncio
import re
import warnings
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from math import isfinite
from typing import Any
from urllib.parse import parse_qs, parse_qsl

from jsonschema import Draft4Validator

from mockserver.contract.exchange import MAX_QUICK_BYTES, Exchange
from mockserver.contract.openapi.unreadable import form_not_utf8, not_json, query_not_utf8, wrong_body
from mockserver.vendor_api.json_text import decode
from mockserver.vendor_api.problem import Problem, Violation
from mockserver.vendor_api.request import first_parameters
from mockserver.vendor_api.violations import MAX_VIOLATIONS, bounded_validator, violations_of

with warnings.catch_warnings():
    # Importing Connexion causes warnings: Starlette's test client warns about httpx, and Connexion uses a
    # deprecated part of jsonschema.
    warnings.simplefilter("ignore")
    from connexion.json_schema import Draft4RequestValidator
    from connexion.uri_parsing import OpenAPIURIParser

PARAMETERS, BODIES = map(bounded_validator, (Draft4Validator, Draft4RequestValidator))
EXCHANGE = "mockserver.exchange"  # in the ASGI scope
JSON_TYPE = re.compile(r"application/(json|[\w.+-]+\+json)\s*(;.*)?", re.IGNORECASE)
FORM_TYPE = re.compile(r"application/x-www-form-urlencoded\s*(;.*)?", re.IGNORECASE)
REPLACED_HEADERS = (b"content-type", b"host", b"upgrade", b"connection")
NUMBER = re.compile(r"(-?[0-9]+)(\.[0-9]+)?([eE][+-]?[0-9]+)?")


def normal_headers(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return the headers that Connexion gets. `exchange.request` has the original ones.

    The media type is in lower case, and Content-Type is left out if it is malformed: Connexion compares
    media types case-sensitively, and raises an exception for a malformed one. `Body` checks the original.
    The Host is fixed, and there is no Upgrade: Werkzeug refuses a host name that IDNA does not allow, and
    finds no operation for a WebSocket.
    """
    content_type = dict(headers).get(b"content-type", b"")
    media_type, semicolon, parameters = content_type.partition(b";")
    normal = [(name, value) for name, value in headers if name not in REPLACED_HEADERS]
    normal.append((b"host", b"localhost"))
    if media_type.count(b"/") == 1:
        normal.append((b"content-type", media_type.strip().lower() + semicolon + parameters))
    return normal


def path_for_connexion(exchange: Exchange, path: str) -> str:
    """Return the path without a slash at its end if the spec says that one may follow.

    Connexion would redirect the client to the path without the slash.
    """
    return path.rstrip("/") if exchange.path and exchange.path.slash_may_follow else path


class Security:
    """Connexion's hook for security: runs the vendor's own check, for any security scheme."""

    def get_fn(self, scheme: Any, scopes: Any) -> Callable[[Any], dict[str, Any]]:
        def check(request: Any) -> dict[str, Any]:
            exchange: Exchange = request.scope[EXCHANGE]
            exchange.contract.vendor.authenticate(exchange.call)
            return {}

        return check


class NoArguments(OpenAPIURIParser):  # type: ignore[misc]
    """Connexion's hook for handler arguments: passes none, because handlers read values from the call."""

    def resolve_query(self, query_data: dict[str, list[str]]) -> dict[str, Any]:
        return {}

    def resolve_path(self, path: dict[str, Any]) -> dict[str, Any]:
        return {}

    def resolve_form(self, form_data: dict[str, list[str]]) -> dict[str, Any]:
        return {}


class Parameters:
    """Connexion's hook for parameters: collects every violation, and stores the values in the call."""

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
            kept = tuple(violations[:MAX_VIOLATIONS])
            raise Problem("not_found" if in_path else "invalid", violations=kept)
        call = exchange.call
        call.path, call.query, call.headers = values["path"], values["query"], values["header"]

    def _undeclared(self, scope: Mapping[str, Any], query: Mapping[str, list[str]]) -> Iterator[Violation]:
        operation = self._operations[scope["extensions"]["connexion_routing"]["operation_id"]]
        if operation.get("x-undeclared-query") != "refused":
            return
        in_query = [one for one in self._parameters if one["in"] == "query"]
        declared = tuple(one["name"] for one in in_query)
        lists = {one["name"] for one in in_query if one["schema"]["type"] == "array"}
        for name, texts in query.items():
            if name not in declared:
                yield Violation("query", name, "undeclared", declared, texts[0])
            elif len(texts) > 1 and name not in lists:
                yield Violation("query", name, "repeated", value=texts)


def _query(query: str) -> dict[str, list[str]]:
    """Map the parameter names in a query to lists of values. Raise Problem if it is not UTF-8."""
    texts: dict[str, list[str]] = {}
    try:
        for name, text in parse_qsl(first_parameters(query), keep_blank_values=True, errors="strict"):
            texts.setdefault(name, []).append(text)
    except ValueError:
        raise query_not_utf8() from None
    return texts


def _read(parameter: Mapping[str, Any], texts: list[str]) -> tuple[Any, list[Violation]]:
    """Return the value of a parameter, and its violations of the spec."""
    schema, place, name = parameter["schema"], parameter["in"], parameter["name"]
    if parameter.get("allowEmptyValue"):
        texts = [text for text in texts if text]
    if schema["type"] == "array":
        items = [item for text in texts for item in map(str.strip, text.split(",")) if item]
        needs_items = bool(texts) and schema.get("minItems", 0) > 0
        value: Any = items if items or needs_items else None
    else:
        value = _cast(texts[0], schema["type"]) if texts else None
    if value is None:
        missing = [Violation(place, name, "required")] if parameter.get("required") else []
        return schema.get("default"), missing
    wrong = violations_of(PARAMETERS(schema).iter_errors(value), place, name)
    return value, [one for one in wrong if one.rule == "type"] or wrong


def _cast(text: str, wanted: str) -> Any:
    if wanted == "boolean" and text in ("true", "false"):
        return text == "true"
    found = NUMBER.fullmatch(text) if wanted in ("integer", "number") else None
    if not found or not isfinite(float(text)):
        return text
    if wanted == "integer":
        return text if found[2] or found[3] else int(Decimal(text))
    number = float(text)
    return int(number) if number.is_integer() else number


class Body:
    """Connexion's hook for a body, JSON or a form: collects every violation, and stores it in the call."""

    def __init__(self, *, schema: dict[str, Any], **_: Any) -> None:
        self._schema = schema

    async def wrap_receive(self, receive: Any, *, scope: Any) -> tuple[Any, Any]:
        exchange: Exchange = scope[EXCHANGE]
        body = b"".join([part async for part in _parts(receive)])
        assert exchange.operation is not None
        types = exchange.operation.body_types
        content_type = exchange.request.headers.get("content-type", types[0])
        if len(body) > MAX_QUICK_BYTES:
            exchange.call.body = await asyncio.to_thread(self._read, body, content_type, types)
        else:
            exchange.call.body = self._read(body, content_type, types)

        async def receive_again() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        return receive_again, scope

    def _read(self, body: bytes, content_type: str, types: Sequence[str]) -> Any:
        if FORM_TYPE.fullmatch(content_type):
            value: Any = _form(body)
        elif not (body and JSON_TYPE.fullmatch(content_type)):
            raise wrong_body(body, types)
        else:
            try:
                value = decode(body)
            except ValueError as error:
                raise not_json(body, error) from None
        errors = BODIES(self._schema).iter_errors(value)
        if violations := tuple(violations_of(errors, "body", "")):
            raise Problem("invalid", violations=violations)
        return value


def _form(body: bytes) -> dict[str, str | list[str]]:
    """Return the fields of a form. A field that is sent several times is a list. Raise Problem."""
    try:
        fields = parse_qs(first_parameters(body.decode()), keep_blank_values=True, errors="strict")
    except ValueError:
        raise form_not_utf8() from None
    return {name: texts if len(texts) > 1 else texts[0] for name, texts in fields.items()}


async def _parts(receive: Any) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        yield message.get("body", b"")
        more = message.get("more_body", False)
