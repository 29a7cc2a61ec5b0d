"""Edits: the changes of a request that would mend it, as data, and how they are made."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from difflib import get_close_matches
from functools import reduce
from typing import Any
from urllib.parse import quote, unquote_plus, urlencode

from msgspec.structs import replace

from mockserver.contract.openapi.body_types import FORM, JSON, body_type, read_form
from mockserver.contract.openapi.parameter import Parameter
from mockserver.sandbox.journal.entry import Edit, Origin, Place
from mockserver.vendor_api.json_text import decode, encode
from mockserver.vendor_api.problem import Problem, Violation
from mockserver.vendor_api.raw_request import RawRequest
from mockserver.vendor_api.request import Headers
from mockserver.vendor_api.words import nearest, schema_in_words, value_in_words

NO_VALUE = object()
SAMPLES: Mapping[str, Any] = {"boolean": True, "null": None, "array": [], "object": {}}
MAX_DIGITS = 18  # before the point, of a number that an edit changes
FORMATS = {"date": "2026-01-02", "date-time": "2026-01-02T03:04:05Z"}
NUMBER = re.compile(r"(-?[0-9]{1,15})(\.[0-9]{1,15})?")  # in a text such as `12.50 EUR`
QUERY_CHARACTERS = ",:@/"  # those that may stand in a query as they are, beside letters and digits


def edit_for(
    violation: Violation,
    parameter: Parameter | None,
    text: str,
    schema: Mapping[str, Any],
    bodies: Sequence[Any] = (),
) -> Edit | None:
    """Return the edit that mends a violation, or None if the spec does not tell a valid value.

    `schema` is that of the field of the body, or empty. `bodies` are the spec's examples of whole bodies.
    """
    place, name = violation.place, violation.name
    if violation.rule == "undeclared":
        meant = name_meant(violation)
        return Edit(place, name, meant or None, text, removed=not meant, renamed=bool(meant))
    if violation.rule == "repeated":
        return Edit(place, name, violation.value[0], text)
    if violation.rule == "not" and (together := violation.expected.get("required")):
        last = ".".join(part for part in (name, together[-1]) if part)
        return Edit(place, last, None, f"leave out {place} {last}", removed=True)
    if parameter is not None:
        allowed = schema_in_words(parameter.schema.draft4)
        return Edit(place, name, text_of_example(parameter), text, origin="example", allowed=allowed)
    if not name:
        return None
    near, other = _near_value(violation, schema), _other_value(violation, schema, bodies)
    if near is NO_VALUE and other is NO_VALUE:
        return None
    allowed = schema_in_words(schema) if schema else ""
    if near is not NO_VALUE:
        return Edit(place, name, near, text, allowed=allowed)
    return Edit(place, name, other, text, origin="example", allowed=allowed)


def edit_to(place: Place, name: str, value: Any, origin: Origin) -> Edit:
    """Return the edit that sets a value, with words for it."""
    text = f"send {place} {name}, for example {value_in_words(value)}"
    return Edit(place, name, value, text, origin=origin)


def name_meant(violation: Violation) -> str:
    """Return the declared name that an undeclared one stands for, or an empty string."""
    own = violation.name.rpartition(".")[2] if violation.place == "body" else violation.name
    return nearest(own, violation.expected or ())


def text_of_example(parameter: Parameter) -> str:
    """Return the spec's example of a parameter, or else a value that its schema allows, as it is sent."""
    example = sample_of(parameter.schema.draft4) if parameter.example is None else parameter.example
    return ",".join(map(str, example)) if isinstance(example, list) else value_in_words(example)


def _near_value(violation: Violation, schema: Mapping[str, Any]) -> Any:
    """Return a value for a field of the body that is made from the one that was sent, or NO_VALUE."""
    rule, expected, value = violation.rule, violation.expected, violation.value
    match rule:
        case "minimum" | "maximum":
            return expected
        case "multipleOf":
            return value // expected * expected if abs(value) < 10**MAX_DIGITS else NO_VALUE
        case "enum":
            near = get_close_matches(str(value), [one for one in expected if isinstance(one, str)], 1)
            return near[0] if near else NO_VALUE
        case "type":
            return _converted(value, schema or {"type": expected})
        case "minLength":
            return str(value).ljust(expected, "x")
        case "maxLength":
            return str(value)[:expected]
        case "oneOf" | "anyOf":
            return _converted(value, expected[0])
    return NO_VALUE


def _other_value(violation: Violation, schema: Mapping[str, Any], bodies: Sequence[Any]) -> Any:
    """Return a value that the spec allows for a field of the body: from its examples, if it is missing."""
    rule, expected = violation.rule, violation.expected
    if rule == "required":
        names = violation.name.split(".")
        found = (reduce(_member, names, body) for body in bodies)
        if (value := next((value for value in found if value is not None), None)) is not None:
            return value
    match rule:
        case "required":
            return sample_of(expected) if expected else NO_VALUE
        case "enum":
            return expected[0]
        case "type":
            return sample_of(schema or {"type": expected})
        case "oneOf" | "anyOf":
            return sample_of(expected[0])
    return NO_VALUE


def _converted(value: Any, schema: Mapping[str, Any]) -> Any:
    """Return a value that a schema allows, with the number or text that was sent, or NO_VALUE."""
    types = schema.get("type", ())
    if "string" in types and isinstance(value, int | Decimal) and not isinstance(value, bool):
        return str(value)
    number = _number_in(value, types) if isinstance(value, str | Decimal) else None
    if number is None or not {"integer", "number"} & {*([types] if isinstance(types, str) else types)}:
        return NO_VALUE
    return min(max(number, schema.get("minimum", number)), schema.get("maximum", number))


def _number_in(value: str | Decimal, types: Any) -> int | Decimal | None:
    """Return the number that a value is, or that its text has, or None if there is none, or one too large.

    A whole one is cut towards zero. A short text may be a number that fits in no memory: `1e999999999`.
    """
    try:
        number = Decimal(value)
    except ArithmeticError:
        found = NUMBER.search(str(value))
        if found is None:
            return None
        number = Decimal(found[0])
    if not number.is_finite() or abs(number.adjusted()) >= MAX_DIGITS:
        return None
    return number if "number" in types and number % 1 else int(number)


def sample_of(schema: Mapping[str, Any]) -> Any:
    """Return a simple value that a schema (JSON Schema draft 4) allows, if it has no unusual rules."""
    if "enum" in schema:
        return schema["enum"][0]
    if choices := schema.get("oneOf") or schema.get("anyOf"):
        return sample_of(choices[0])
    types = schema.get("type", "string")
    kind = types if isinstance(types, str) else types[0]
    if kind == "object":
        fields = schema.get("properties", {})
        return {name: sample_of(fields.get(name, {})) for name in schema.get("required", ())}
    if kind == "array":
        return [sample_of(schema.get("items", {}))] * schema.get("minItems", 0)
    if kind in ("integer", "number"):
        return min(max(1, schema.get("minimum", 1)), schema.get("maximum", 1))
    if kind == "string":
        return FORMATS.get(schema.get("format", ""), "x" * max(1, schema.get("minLength", 1)))
    return SAMPLES[kind]


def edited(raw: RawRequest, edits: Iterable[Edit], prefix: str, template: str | None) -> RawRequest:
    """Return a request with these edits.

    `prefix` is the part of its path that is not the vendor's. `template` is the path in the spec that its
    path matches with the edits, or None.
    """
    edits, before = [*edits], _type_of(raw)
    for edit in edits:
        match edit.place:
            case "method":
                raw = replace(raw, method=edit.value)
            case "path" if not edit.name:
                raw = replace(raw, path=prefix + edit.value)
            case "path" if template is not None:
                raw = replace(raw, path=_with_path_value(raw.path, template, edit))
            case "query":
                raw = replace(raw, query="&".join(_query(raw.query, edit)))
            case "header":
                raw = replace(raw, headers=_headers(raw.headers, edit))
    return _with_body(raw, [edit for edit in edits if edit.place == "body"], before)


def _with_path_value(path: str, template: str, edit: Edit) -> str:
    """Return a path with another value of one variable of its template. It may begin with a prefix."""
    pattern, segments = template.split("/")[1:], path.split("/")
    for place, part in enumerate(pattern, len(segments) - len(pattern)):
        if part == f"{{{edit.name}}}":
            segments[place] = quote(edit.value, safe="")
    return "/".join(segments)


def _query(query: str, edit: Edit) -> Iterator[str]:
    """Yield the pairs of a query with one parameter set, at its old place if it has one, or left out."""
    wanted = not (edit.removed or edit.renamed)
    for pair in query.split("&") if query else ():
        if unquote_plus(pair.partition("=")[0]) != edit.name:
            yield pair
        elif edit.renamed:
            yield "=".join([quote(edit.value, safe=""), *pair.split("=", 1)[1:]])
        elif wanted:
            wanted = False
            yield _pair(edit)
    if wanted:
        yield _pair(edit)


def _pair(edit: Edit) -> str:
    return f"{quote(edit.name, safe='')}={quote(edit.value, safe=QUERY_CHARACTERS)}"


def _headers(headers: Headers, edit: Edit) -> Headers:
    name = edit.name.lower()
    pairs = {key: value for key, value in headers.items() if key != name}
    return headers_of(pairs if edit.removed else {**pairs, name: edit.value})


def headers_of(values: Mapping[str, str]) -> Headers:
    """Return headers with these values. The names are in lower case."""
    headers = Headers()
    headers.update(values)
    headers.size = sum(map(len, headers)) + sum(map(len, headers.values()))
    return headers


def _with_body(raw: RawRequest, edits: Iterable[Edit], before: str) -> RawRequest:
    """Return a request with an edited body, of the type that the headers name.

    `before` is the type that it had. A body that cannot be edited is left as it is, and so is JSON that was
    sent as a form, which is what `curl -d` does. A body is read and written once: the search for a smallest
    change makes many edits of long bodies.
    """
    body: Any = NO_VALUE
    after = _type_of(raw)
    if before != after and {before, after} == {JSON, FORM} and not (after == JSON and _is_json(raw)):
        body = _read(raw.body or b"", before)
    for edit in edits:
        if not edit.name:
            body = decode(encode(edit.value))  # a copy, because later edits change it
            continue
        if body is NO_VALUE:
            body = _read(raw.body or b"", after)
            if body is NO_VALUE:
                continue
        _set(body, edit.name.split("."), edit)
    if body is NO_VALUE:
        return raw
    as_form = after == FORM and isinstance(body, dict)
    sent = urlencode(body, doseq=True).encode() if as_form else encode(body)
    about = {"content-length": str(len(sent))} if "content-length" in raw.headers else {}
    return replace(raw, body=sent, headers=headers_of({**raw.headers, **about}))


def _type_of(raw: RawRequest) -> str:
    """Return the type of a request's body; JSON, if it names none that the mock knows."""
    return body_type(raw.headers.get("content-type", "")) or JSON


def _is_json(raw: RawRequest) -> bool:
    """Return True if a body is JSON of an object or a list, whatever type the headers name."""
    return isinstance(_read(raw.body or b"", JSON), dict | list)


def _read(body: bytes, kind: str) -> Any:
    """Return the value of a body, or NO_VALUE if it cannot be read."""
    try:
        return read_form(body) if kind == FORM else decode(body)
    except (ValueError, Problem):
        return NO_VALUE


def _set(value: Any, names: list[str], edit: Edit) -> None:
    """Set a field in a JSON value, or leave it out. Do nothing if there is no place for it."""
    for name in names[:-1]:
        value = _member(value, name)
    last = names[-1]
    if isinstance(value, dict):
        if edit.removed:
            value.pop(last, None)
        elif edit.renamed:
            _rename(value, last, edit.value)
        else:
            value[last] = edit.value
    elif isinstance(value, list) and last.isdecimal() and int(last) < len(value):
        value[int(last)] = edit.value


def _rename(fields: dict[str, Any], old: str, new: str) -> None:
    """Give a field another name, at its old place. A field that has the name already stays as it is."""
    if old in fields and new not in fields:
        pairs = [(new if name == old else name, value) for name, value in fields.items()]
        fields.clear()
        fields.update(pairs)


def _member(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return value.get(name)
    inside = isinstance(value, list) and name.isdecimal() and int(name) < len(value)
    return value[int(name)] if inside else None
