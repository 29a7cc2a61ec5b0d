"""One operation of a spec, compiled: its parameters, its body, and the answers it may give."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from math import inf
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from mockserver.memory import remembered
from mockserver.schema import References, Schema
from mockserver.vendor import Problem, Request, Violation

# As far as a double reaches: JavaScript, PHP and Go read no further either.
INTEGER = re.compile(r"-?[0-9]{1,308}")
NUMBER = re.compile(r"-?[0-9]{1,200}(\.[0-9]{1,200})?([eE][+-]?[0-9]{1,2})?")
EVIDENCE = {name: name for name in ("documented", "observed", "inferred")}
JSON_TYPES = re.compile(r"application/(json|[\w.+-]+\+json)\s*(;.*)?", re.IGNORECASE)
Lines = tuple[tuple[str, str], ...]  # headers, each a name and a text
Sent = str | list[str]  # one text, or several
Value = tuple[Any, list[Violation]]  # or None, and what is wrong with it
FINE: list[Violation] = []
_decode = msgspec.json.Decoder(float_hook=Decimal).decode


@dataclass(frozen=True)
class Parameter:
    """One declared parameter, and how its text becomes a value."""

    place: Any
    name: str
    required: bool
    type: str
    empty_is_absent: bool
    default: Any
    schema: Schema
    description: str
    example: Any
    deprecated: bool
    usual: bool

    @cached_property
    def key(self) -> str:
        """The name under which its texts are found."""
        return self.name.lower() if self.place == "header" else self.name

    def read_one(self, text: str) -> Value:
        """As `read` does, of one text."""
        if self.least is not None and len(text) < 16 and text.isascii() and text.isdecimal():
            number = int(text)
            if number >= self.least:
                return number, FINE
        return self._read_word(text)

    @cached_property
    def _read_word(self) -> Callable[[str], Value]:
        """As `read` does; words come again, lists and numbers seldom do."""
        return remembered(self._read_text) if self.type == "string" else self._read_text

    def _read_text(self, text: str) -> Value:
        return self.read([text])

    @cached_property
    def least(self) -> float | None:
        """From where on every whole number passes, if that is all that is asked of one."""
        rules = dict(self.schema.draft4)
        least, step = rules.pop("minimum", -inf), rules.pop("multipleOf", 1)
        return least if step == 1 and rules in ({"type": "integer"}, {"type": "number"}) else None

    @cached_property
    def any_text(self) -> bool:
        """Whether every text but an empty one is its own value."""
        rules = dict(self.schema.draft4)
        return rules.pop("minLength", 0) <= 1 and rules == {"type": "string"}

    def read(self, texts: list[str]) -> Value:
        """The value of the texts sent under this name, or None, and what is wrong with it."""
        if self.empty_is_absent:
            texts = [text for text in texts if text]
        if self.type == "array":
            parts = [part for text in texts for part in map(str.strip, text.split(",")) if part]
            value: Any = parts or None
        else:
            value = self._cast(texts[0]) if texts else None
        if value is None:
            missing = [Violation(self.place, self.name, "required")] if self.required else []
            return self.default, missing
        if self.schema.accepts(value):
            return value, []
        wrong = list(self.schema.violations(self.place, self.name, value))
        return value, [one for one in wrong if one.rule == "type"] or wrong

    def _cast(self, text: str) -> Any:
        """Text that does not look like its type stays text, and fails the schema."""
        if self.type == "integer" and INTEGER.fullmatch(text):
            return int(text)
        if self.type == "number" and NUMBER.fullmatch(text):
            number = Decimal(text)
            return int(number) if number == number.to_integral_value() else float(number)
        return text


@dataclass(frozen=True)
class Reply:
    """One documented answer of an operation, or of the vendor's ground as a whole.

    `headers` are the required ones with an example of each, `examples` the bodies by name.
    """

    status: int
    evidence: str
    source: str
    description: str
    schema: Schema | None
    headers: Mapping[str, str]
    examples: Mapping[str, Any]

    def lacks(self, headers: Lines) -> str:
        """Which header is missing among these; empty if none is."""
        if self.headers:
            given = {name.lower() for name, _ in headers}
            for name in self.headers:
                if name.lower() not in given:
                    return f"header {name} is missing"
        return ""

    def difference(self, headers: Lines, body: Any) -> str:
        """How an answer with these headers differs from this; empty if it does not."""
        if lacking := self.lacks(headers):
            return lacking
        if self.schema is None or self.schema.accepts(body):
            return ""
        return self.schema.difference(body) or "the validators disagree about it"


@dataclass(frozen=True)
class Operation:
    """One method on one path."""

    id: str
    method: str
    template: str
    parameters: tuple[Parameter, ...]
    body: Schema | None
    undeclared_query_refused: bool
    replies: Mapping[int, Reply]

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


@remembered
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
        replies={
            int(status): compile_reply(int(status), references.resolve(reply), references)
            for status, reply in item["responses"].items()
        },
    )


def _parameter(item: dict[str, Any], references: References) -> Parameter:
    schema = references.resolve(item["schema"])
    if not isinstance(item.get("required", False), bool):
        raise ValueError(f"parameter {item['name']}: required is true or false")
    return Parameter(
        place=item["in"],
        name=item["name"],
        required=item.get("required", False),
        type=schema["type"],
        empty_is_absent=item.get("allowEmptyValue", False),
        default=schema.get("default"),
        schema=references.schema(schema),
        description=" ".join(item.get("description", "").split()),
        example=item.get("example"),
        deprecated=item.get("deprecated", False),
        usual=item.get("x-usual", False),
    )


def compile_reply(status: int, item: dict[str, Any], references: References) -> Reply:
    content = item.get("content", {}).get("application/json", {})
    headers = {name: references.resolve(header) for name, header in item.get("headers", {}).items()}
    return Reply(
        status=status,
        evidence=EVIDENCE[item["x-evidence"]],
        source=item.get("x-source", ""),
        description=" ".join(item["description"].split()),
        schema=references.schema(content["schema"]) if content else None,
        headers={name: str(one.get("example", "")) for name, one in headers.items() if one.get("required")},
        examples=dict(_examples(content)),
    )


def _examples(content: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    if "example" in content:
        yield "default", content["example"]  # as Prism calls the one that has no name
    yield from ((name, example["value"]) for name, example in content.get("examples", {}).items())
