"""One operation of a spec, compiled: its parameters, its body and its documented responses."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

from mockserver.contract.openapi.body_types import FORM, JSON, body_type, form_schema, read_form
from mockserver.contract.openapi.documented_response import DocumentedResponse, compile_response
from mockserver.contract.openapi.parameter import (
    NO_VIOLATIONS,
    Parameter,
    compile_parameter,
    examples_of,
)
from mockserver.contract.openapi.place import at
from mockserver.contract.openapi.schema import References, Schema
from mockserver.contract.openapi.unreadable import not_json, query_not_utf8, wrong_body
from mockserver.vendor_api.json_text import decode
from mockserver.vendor_api.problem import Problem, Violation
from mockserver.vendor_api.request import Request, first_parameters
from mockserver.vendor_api.violations import MAX_VIOLATIONS

SCOPES = ("page", "neighbour")  # `x-scope`; the first is the default
MAX_BODY_BYTES = 64 * 1024  # of an operation whose spec states no limit of its own
Texts = str | list[str]  # a parameter's value as sent, or a list if it is sent several times


@dataclass(frozen=True)
class Operation:
    """One method of one path.

    `body` is the schema of its body, or None if it takes no body. `body_types` are the media types that the
    body may have, JSON or a form; the first one counts if a request does not name any. `max_body` is the
    largest size of a body in bytes (`x-max-body` in the spec). `body_examples` are the bodies that the spec
    shows. `secured` is False if the spec says `security: []`: such a call needs no credential in a header.
    `scope` is `page` if the page that the mock emulates documents the operation, or `neighbour` if another
    source does.
    """

    id: str
    method: str
    template: str
    parameters: tuple[Parameter, ...]
    body: Schema | None
    body_types: tuple[str, ...]
    max_body: int
    body_examples: tuple[Any, ...]
    undeclared_query_refused: bool
    secured: bool
    responses: Mapping[int, DocumentedResponse]
    scope: str

    def read(self, request: Request, path: Mapping[str, str]) -> dict[str, dict[str, Any]]:
        """Return the values of the declared parameters, by place (`path`, `query`, `header`) and name.

        Raise Problem `bad_request` if the query is not UTF-8, `not_found` if a path value is invalid, or
        `invalid` with the first violations if only other parameters are invalid.
        """
        query = _texts_by_name(first_parameters(request.query)) if request.query else {}
        sent: dict[str, Mapping[str, Any]] = {"path": path, "query": query, "header": request.headers}
        values: dict[str, dict[str, Any]] = {"path": {}, "query": {}, "header": {}}
        violations = self._undeclared(query) if self.undeclared_query_refused else []
        for place, key, name, takes_any_text, read_one, read, value, wrong in self._defaults:
            if (texts := sent[place].get(key)) is None:
                pass
            elif not isinstance(texts, str):
                value, wrong = read(texts)
            elif texts and takes_any_text:
                value, wrong = texts, NO_VIOLATIONS
            else:
                value, wrong = read_one(texts)
            if wrong:
                violations += wrong
            if value is not None:
                values[place][name] = value
        if violations:
            in_path = any(violation.place == "path" for violation in violations)
            kept = tuple(violations[:MAX_VIOLATIONS])
            raise Problem("not_found" if in_path else "invalid", violations=kept)
        return values

    def read_body(self, request: Request) -> Any:
        """Return the body, or None if the operation takes no body.

        In JSON, fractions become Decimals. A form is an object of strings; a field that is sent several times
        is a list. A request without a body sends an empty form.

        Raise Problem `bad_request` if the body cannot be read, or `invalid` if it breaks the schema.
        """
        if self.body is None:
            return None
        sent = request.headers.get("content-type")
        kind = self.body_types[0] if sent is None else body_type(sent)
        if kind not in self.body_types or not (request.body or kind == FORM):
            raise wrong_body(request.body, self.body_types)
        if kind == FORM:
            body = read_form(request.body)
        else:
            try:
                body = decode(request.body)
            except ValueError as error:
                raise not_json(request.body, error) from None
        self.check_body(body)
        return body

    def check_body(self, body: Any) -> None:
        """Raise Problem `invalid` with all violations if a body breaks its schema."""
        if self.body and not self.body.accepts(body):
            raise Problem("invalid", violations=tuple(self.body.violations("body", "", body)))

    @cached_property
    def _defaults(self) -> list[tuple[Any, ...]]:
        """For each parameter, what `read` needs of it, then its value and violations if it is not sent."""
        return [
            (p.place, p.key, p.name, p.takes_any_text, p.read_one, p.read, *p.read([]))
            for p in self.parameters
        ]

    @cached_property
    def headers(self) -> tuple[str, ...]:
        """The names of the declared headers."""
        return tuple(p.name for p in self.parameters if p.place == "header")

    @cached_property
    def _lists(self) -> frozenset[str]:
        return frozenset(p.name for p in self.parameters if p.place == "query" and p.type == "array")

    @cached_property
    def _declared(self) -> tuple[str, ...]:
        return tuple(p.name for p in self.parameters if p.place == "query")

    def _undeclared(self, query: Mapping[str, Texts]) -> list[Violation]:
        violations, declared = [], self._declared
        for name, texts in query.items():
            if name not in declared:
                first = texts[0] if isinstance(texts, list) else texts
                violations.append(Violation("query", name, "undeclared", declared, first))
            elif isinstance(texts, list) and name not in self._lists:
                violations.append(Violation("query", name, "repeated", value=texts))
        return violations


def _texts_by_name(query: str) -> Mapping[str, Texts]:
    """Map the parameter names in a query to their values. Raise Problem if it is not UTF-8."""
    pairs = _pairs(query)
    once: dict[str, Texts] = dict(pairs)
    if len(once) == len(pairs):
        return once
    texts: dict[str, list[str]] = {}
    for name, text in pairs:
        texts.setdefault(name, []).append(text)
    return {name: several if len(several) > 1 else several[0] for name, several in texts.items()}


def _pairs(query: str) -> list[tuple[str, str]]:
    if query.isascii() and "%" not in query and "+" not in query:
        return [pair.partition("=")[::2] for pair in query.split("&") if pair]
    try:
        return parse_qsl(query, keep_blank_values=True, errors="strict")
    except ValueError:
        raise query_not_utf8() from None


def compile_operation(
    template: str, method: str, item: dict[str, Any], shared: list[Any], references: References
) -> Operation:
    """Compile an operation object of a spec. `shared` are the parameters declared for its whole path.

    Raise WrongPart, KeyError or ValueError if a part is missing or wrong.
    """
    body = references.resolve(item.get("requestBody"))
    contents = body["content"] if body else {}
    content = _only_content(contents, references) if body else {}
    schema = content["schema"] if body else None
    max_body = body.get("x-max-body", MAX_BODY_BYTES) if body else 0
    if type(max_body) is not int or max_body < 0:
        raise ValueError(f"x-max-body must be a number of bytes, not {max_body}")
    parameters = [references.resolve(parameter) for parameter in (*shared, *item.get("parameters", []))]
    if (scope := item.get("x-scope", SCOPES[0])) not in SCOPES:
        raise ValueError(f"x-scope is {scope}: it must be {' or '.join(SCOPES)}")
    responses = {}
    for status, response in item["responses"].items():
        with at(f"response {status}"):
            responses[int(status)] = compile_response(int(status), references.resolve(response), references)
    return Operation(
        id=item["operationId"],
        method=method.upper(),
        template=template,
        parameters=tuple(compile_parameter(parameter, references) for parameter in parameters),
        body=references.schema(schema) if schema else None,
        body_types=tuple(contents),
        max_body=max_body,
        body_examples=examples_of(content),
        undeclared_query_refused=item.get("x-undeclared-query") == "refused",
        secured=item.get("security") != [],
        responses=responses,
        scope=scope,
    )


def _only_content(contents: Mapping[str, Any], references: References) -> dict[str, Any]:
    """Return the one description of a body that all its media types share.

    Raise KeyError or ValueError if there is none, if they differ, or if a form has a field that is not text.
    """
    if unknown := [name for name in contents if name not in (JSON, FORM)]:
        raise ValueError(f"a body of the type {unknown[0]} is not supported: use {JSON} or {FORM}")
    if not contents:
        raise KeyError(JSON)
    first: dict[str, Any]
    first, *others = contents.values()
    if any(references.resolve(one["schema"]) != references.resolve(first["schema"]) for one in others):
        raise ValueError("all types of a body must have the same schema: correct it")
    if FORM in contents:
        form_schema(references.schema(first["schema"]).draft4)
    return first
