"""Functions that turn JSON Schema errors into violations and messages."""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import islice
from typing import Any

from mockserver.vendor_api.problem import Violation

MAX_VIOLATIONS = 50
END_OF_PATTERN = re.compile(r"(?<!\\)\$(?=$|\)|\|)")


@cache
def with_openapi_patterns(validator: Any) -> Any:
    """Return a validator class like this one, but with `pattern` as OpenAPI defines it.

    jsonschema uses Python's rules. There, `$` also matches before a newline at the end, and `\\d` matches
    digits of all scripts.
    """
    from jsonschema import ValidationError, validators  # imported late, because only refusals need it

    def pattern(checker: Any, expected: str, value: Any, schema: Any) -> Iterator[Any]:
        ends = END_OF_PATTERN.sub(r"\\Z", expected)
        if checker.is_type(value, "string") and not re.search(ends, value, re.ASCII):
            yield ValidationError(f"{value!r} does not match {expected!r}")

    return validators.extend(validator, {"pattern": pattern})  # type: ignore[no-untyped-call]


def violations_of(errors: Iterable[Any], place: Any, name: str) -> Iterator[Violation]:
    """Yield the violations for at most `MAX_VIOLATIONS` errors of jsonschema, sorted by their paths.

    `place` and `name` say where the value was sent. The names of nested fields are appended to `name` with
    dots.
    """
    for error in sorted(islice(errors, MAX_VIOLATIONS), key=_path):
        yield from _violations(best_error([error]) or error, place, name)


def first_difference(error: Any) -> str:
    """Return a message with the path and the cause of an error, as precisely as possible."""
    deepest = best_error([error]) or error
    return f"{_path(deepest) or 'top level'}: {deepest.message}"


def best_error(errors: Iterable[Any]) -> Any:
    """Return the most relevant error, or None if there are no errors."""
    from jsonschema.exceptions import best_match  # imported late, because only refusals need it

    return best_match(errors)


def _violations(error: Any, place: Any, name: str) -> Iterator[Violation]:
    where = ".".join(part for part in (name, _path(error)) if part)
    rule, expected = error.validator, error.validator_value
    if rule == "additionalProperties":
        known = error.schema.get("properties", {})
        for extra in (field for field in error.instance if field not in known):
            yield Violation(place, f"{where}.{extra}" if where else extra, "undeclared")
    elif rule == "required":
        for missing in (field for field in expected if field not in error.instance):
            yield Violation(place, f"{where}.{missing}" if where else missing, "required")
    else:
        yield Violation(place, where, rule, expected, error.instance)


def _path(error: Any) -> str:
    return ".".join(map(str, error.absolute_path))
