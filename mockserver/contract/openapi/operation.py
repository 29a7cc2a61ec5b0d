"""One operation of a spec, compiled: its parameters, its body, and the answers it may give."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from mockserver.contract.openapi.documented_response import DocumentedResponse, compile_response
from mockserver.contract.openapi.parameter import FINE, Parameter, Value, _parameter
from mockserver.contract.openapi.schema import References, Schema
from mockserver.vendor_api.memo import memoized
from mockserver.vendor_api.problem import Problem, Violation
from mockserver.vendor_api.request import Request

JSON_TYPES = re.compile(r"application/(json|[\w.+-]+\+json)\s*(;.*)?", re.IGNORECASE)
Sent = str | list[str]  # one text, or several
_decode = msgspec.json.Decoder(float_hook=Decimal).decode


@dataclass(frozen=True)
class Operation:
    """One method on one path."""

    id: str
    method: str
    template: str
    parameters: tuple[Parameter, ...]
    body: Schema | None
    undeclared_query_refused: bool
    responses: Mapping[int, DocumentedResponse]

    def read(self, request: Request, path: Mapping[str, str]) -> dict[str, dict[str, Any]]:
        """The declared parameters, by place.

        Problem: `bad_request` for a query that is not UTF-8, `not_found` for the path, else `invalid`.
        """
        query = _texts(request.query) if request.query else {}
        sent: dict[str, Mapping[str, Any]] = {"path": path, "query": query, "header": request.headers}
        values: dict[str, dict[str, Any]] = {"path": {}, "query": {}, "header": {}}
        violations = self._undeclared(query) if self.undeclared_query_refused else []
        for place, key, parameter, (value, wrong) in self._readers:
            if (given := sent[place].get(key)) is None:
                pass
            elif not isinstance(given, str):
                value, wrong = parameter.read(given)
            elif given and parameter.any_text:
                value, wrong = given, FINE
            else:
                value, wrong = parameter.read_one(given)
            if wrong:
                violations += wrong
            if value is not None:
                values[place][parameter.name] = value
        if violations:
            off_path = any(violation.place == "path" for violation in violations)
            raise Problem("not_found" if off_path else "invalid", violations=tuple(violations))
        return values

    def read_body(self, request: Request) -> Any:
        """The JSON body. Problem: `bad_request` if it cannot be read, `invalid` if it breaks the schema."""
        if self.body is None:
            return None
        if not request.body:
            raise Problem("bad_request", "The request body is missing")
        if not _is_json(request.headers.get("content-type", "application/json")):
            raise Problem("bad_request", "The request body must be application/json")
        try:
            body = _decode(request.body)
        except (msgspec.MsgspecError, RecursionError, ArithmeticError, UnicodeDecodeError):
            raise Problem("bad_request", "The request body is not valid JSON") from None
        if not self.body.accepts(body) and (violations := tuple(self.body.violations("body", "", body))):
            raise Problem("invalid", violations=violations)
        return body

    @cached_property
    def _readers(self) -> list[tuple[str, str, Parameter, Value]]:
        """Of each parameter its place, its key there, itself, and what it is when not sent."""
        return [(p.place, p.key, p, p.read([])) for p in self.parameters]

    @cached_property
    def _declared(self) -> frozenset[str]:
        return frozenset(p.name for p in self.parameters if p.place == "query")

    def _undeclared(self, query: Mapping[str, Sent]) -> list[Violation]:
        violations, declared = [], self._declared
        for name, sent in query.items():
            if name not in declared:
                first = sent[0] if isinstance(sent, list) else sent
                violations.append(Violation("query", name, "undeclared", value=first))
            elif isinstance(sent, list):
                violations.append(Violation("query", name, "repeated", value=sent))
        return violations


@memoized
def _is_json(content_type: str) -> bool:
    return JSON_TYPES.fullmatch(content_type) is not None


def _texts(query: str) -> Mapping[str, Sent]:
    """What was sent by name, in the order in which it came. Problem: it is not UTF-8."""
    pairs = _pairs(query)
    once: dict[str, Sent] = dict(pairs)
    if len(once) == len(pairs):
        return once
    texts: dict[str, list[str]] = {}
    for name, text in pairs:
        texts.setdefault(name, []).append(text)
    return {name: sent if len(sent) > 1 else sent[0] for name, sent in texts.items()}


def _pairs(query: str) -> list[tuple[str, str]]:
    if query.isascii() and "%" not in query and "+" not in query:
        return [pair.partition("=")[::2] for pair in query.split("&") if pair]
    try:
        return parse_qsl(query, keep_blank_values=True, errors="strict")
    except ValueError:
        raise Problem("bad_request") from None


def compile_operation(
    template: str, method: str, item: dict[str, Any], shared: list[Any], references: References
) -> Operation:
    body = references.resolve(item.get("requestBody"))
    schema = body["content"]["application/json"]["schema"] if body else None
    parameters = [references.resolve(parameter) for parameter in (*shared, *item.get("parameters", []))]
    return Operation(
        id=item["operationId"],
        method=method.upper(),
        template=template,
        parameters=tuple(_parameter(parameter, references) for parameter in parameters),
        body=references.schema(schema) if schema else None,
        undeclared_query_refused=item.get("x-undeclared-query") == "refused",
        responses={
            int(status): compile_response(int(status), references.resolve(reply), references)
            for status, reply in item["responses"].items()
        },
    )
