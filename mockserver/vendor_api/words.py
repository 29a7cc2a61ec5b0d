"""Words for the rules of a spec: error messages say in plain English what is expected."""

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

from mockserver.vendor_api.problem import Violation

# As the inside of a character class: controls above ASCII, and what reorders text or has no width.
INVISIBLE = "\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff"
UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
MAX_NAMES = 30  # names that one message lists
MAX_VALUE_LENGTH = 60  # characters of a value that one message quotes
TYPES = {
    "integer": "a whole number",
    "number": "a number",
    "string": "a string",
    "boolean": "true or false",
    "object": "an object",
    "array": "a list",
    "null": "null",
}
FORMATS = {"date": "a date, such as 2026-01-02", "date-time": "a time, such as 2026-01-02T03:04:05Z"}
BOUNDS = {
    "minimum": "must be at least {}",
    "maximum": "must be at most {}",
    "multipleOf": "must be a multiple of {}",
    "minLength": "must have at least {} characters",
    "maxLength": "must have at most {} characters",
    "minItems": "must have at least {} items",
    "maxItems": "must have at most {} items",
    "minProperties": "must have at least {} fields",
    "maxProperties": "must have at most {} fields",
    "pattern": "must match {}",
}
SPECIAL = {("minLength", 1): "must not be empty", ("multipleOf", 1): "must be a whole number"}


def violation_in_words(violation: Violation) -> str:
    """Say how a value breaks the spec, without its name: `must be at least 0`."""
    rule, expected = violation.rule, violation.expected
    match rule:
        case "required":
            return f"is missing: send {schema_in_words(expected)}" if expected else "is missing"
        case "undeclared":
            name = violation.name.rpartition(".")[2] if violation.place == "body" else violation.name
            return f"is not known{alternatives(name, expected)}" if expected else "is not known"
        case "repeated":
            return "must be sent only once"
        case "type":
            return f"must be {_types(expected)}{_not(violation.value)}"
        case "enum":
            return f"must be {_choice(expected)}{_instead_of(violation.value, expected)}"
        case "oneOf" | "anyOf":
            return f"must be {schema_in_words({rule: expected})}"
    if rule == "not" and (names := expected.get("required")):
        return f"must not have {' and '.join(names)} together"
    if rule in BOUNDS:
        return (SPECIAL.get((rule, expected)) or BOUNDS[rule].format(expected)) + _not(violation.value)
    return "does not fit the spec"


def alternatives(name: str, names: Iterable[str]) -> str:
    """Return `: use one of …` with the existing names, the most similar ones first.

    Return an empty string if there are none.
    """
    known = [str(one) for one in names]
    near = get_close_matches(name[:MAX_VALUE_LENGTH], known, len(known), 0.5) if known else []
    ordered = [*near, *(one for one in known if one not in near)]
    return f": use {_listed(ordered)}{_suggestion(name, known)}" if known else ""


def schema_in_words(schema: Mapping[str, Any]) -> str:
    """Describe the values that a schema allows: `a whole number from 0, or {"adjust_by": whole number}`."""
    if choices := schema.get("oneOf") or schema.get("anyOf"):
        return ", or ".join(dict.fromkeys(map(schema_in_words, choices)))
    if "enum" in schema:
        return _choice(schema["enum"])
    fields = schema.get("properties", {})
    if required := [name for name in schema.get("required", ()) if name in fields]:
        shown = [f'"{name}": {_in_braces(fields[name])}' for name in required]
        return "{" + ", ".join(shown + ["…"] * (len(fields) > len(required))) + "}"
    words = FORMATS.get(schema.get("format", "")) or _types(schema.get("type", ()))
    return words + _range(schema)


def _range(schema: Mapping[str, Any]) -> str:
    if schema.get("minLength"):
        return " that is not empty"
    bounds = (("minimum", "from"), ("maximum", "to"))
    return "".join(f" {word} {schema[name]:,}" for name, word in bounds if name in schema)


def _types(expected: Any) -> str:
    names = [expected] if isinstance(expected, str) else list(expected)
    return " or ".join(TYPES.get(name, name) for name in names) or "any value"


def _choice(values: Iterable[Any]) -> str:
    return _listed([value_in_words(value) for value in values])


def _listed(names: list[str]) -> str:
    if len(names) == 1:
        return names[0]
    return f"one of {', '.join(names[:MAX_NAMES])}{', …' if len(names) > MAX_NAMES else ''}"


def _not(value: Any) -> str:
    """Return `, not 5` for a number or a boolean. A string is not quoted: it may be a secret."""
    return f", not {value_in_words(value)}" if isinstance(value, int | float | Decimal) else ""


def _instead_of(value: Any, expected: Iterable[Any]) -> str:
    if value in (None, {}, []):
        return ""
    return f", not {value_in_words(value)}{_suggestion(str(value), map(str, expected))}"


def _suggestion(name: str, known: Iterable[str]) -> str:
    near = nearest(name, known)
    return f"; did you mean {near}?" if near else ""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the known name that a misspelt one stands for, or an empty string."""
    near = get_close_matches(name[:MAX_VALUE_LENGTH], list(known)[:1000], 1)
    return near[0] if near else ""


def value_in_words(value: Any) -> str:
    """Return a string or decimal as it is, and any other value as JSON; long ones are cut."""
    plain = isinstance(value, str | Decimal)
    text = str(value) if plain else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= MAX_VALUE_LENGTH else f"{text[:MAX_VALUE_LENGTH]}…"


def _in_braces(schema: Mapping[str, Any]) -> str:
    """Describe the value of a field, without an article; if only one string is allowed, quote it."""
    if len(schema.get("enum", ())) == 1:
        return json.dumps(schema["enum"][0], ensure_ascii=False)
    return schema_in_words(schema).removeprefix("a ").removeprefix("an ")


def time_in_words(seconds: float, units: int = 2) -> str:
    """Return a length of time in its largest units: `1 day`, `1 hour 30 minutes`, `0.5 seconds`."""
    if seconds < 60:
        return f"{seconds:g} second{'' if seconds == 1 else 's'}"
    parts, left = [], seconds
    for unit, length in UNITS:
        count, left = divmod(left, length)
        if count:
            parts.append(f"{count:,.0f} {unit}{'' if count == 1 else 's'}")
    return " ".join(parts[:units])
