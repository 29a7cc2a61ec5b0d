"""Functions that collect violations of a JSON Schema, with jsonschema.

A body can break its schema in a hundred thousand places, or in the last of a hundred thousand items. So the
work is bounded: the search ends after `MAX_VIOLATIONS`, it can skip runs of valid items, and the validators
make no messages, because jsonschema's quote the whole value. Words for a violation are in `words`.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, partial
from itertools import islice
from typing import Any

from mockserver.vendor_api.problem import Violation
from mockserver.vendor_api.words import violation_in_words

MAX_VIOLATIONS = 50
RUN = 16  # items of a list that are skipped together if all are valid
END_OF_PATTERN = re.compile(r"(?<!\\)\$(?=$|\)|\|)")
# For each keyword: the type of the values that it checks, and a function that is true for a wrong value.
SIZES: dict[str, tuple[str, Callable[[Any, Any], bool]]] = {
    "minLength": ("string", lambda value, expected: len(value) < expected),
    "maxLength": ("string", lambda value, expected: len(value) > expected),
    "minItems": ("array", lambda value, expected: len(value) < expected),
    "maxItems": ("array", lambda value, expected: len(value) > expected),
    "minProperties": ("object", lambda value, expected: len(value) < expected),
    "maxProperties": ("object", lambda value, expected: len(value) > expected),
}
Schema = Mapping[str, Any]
AllValid = Callable[[dict[str, Any], list[Any]], bool]  # True if a schema accepts all items of a list


def warm_up() -> None:
    """Import now what the first refusal would import: that takes hundreds of times as long as the refusal."""
    import jsonschema  # noqa: F401


@cache
def bounded_validator(validator: Any, all_valid: AllValid | None = None) -> Any:
    """Return a validator class like this one, but with errors that have no messages.

    `pattern` is as OpenAPI defines it: in Python, `$` also matches before a newline at the end, and `\\d`
    matches digits of all scripts. `oneOf` and `anyOf` report the violations of the branch that is meant, if
    that is clear. Keywords that the class does not take from JSON Schema draft 4 are kept. Runs of items for
    which `all_valid` is true are skipped: it must be fast.
    """
    from jsonschema import Draft4Validator, validators  # imported late, because only refusals need it

    own: dict[str, Any] = {
        "type": _type, "enum": _enum, "pattern": _pattern, "additionalProperties": _additional_properties,
        "oneOf": _one_of, "anyOf": _any_of, "not": _not, "items": partial(_items, all_valid),
        **{name: _size_check(*rule) for name, rule in SIZES.items()},
    }  # fmt: skip
    standard, given = Draft4Validator.VALIDATORS, validator.VALIDATORS
    own = {name: check for name, check in own.items() if given.get(name) is standard[name]}
    return validators.extend(validator, own)  # type: ignore[no-untyped-call]


def violations_of(errors: Iterable[Any], place: Any, name: str) -> list[Violation]:
    """Return at most `MAX_VIOLATIONS` violations for errors of jsonschema, sorted by their paths.

    `place` and `name` say where the value was sent. The names of nested fields are appended to `name` with
    dots.
    """
    found = sorted(islice(errors, MAX_VIOLATIONS), key=_path)
    kept: dict[tuple[str, str], Violation] = {}
    for error in found:
        for violation in _violations(_best_of(error), place, name):
            if len(kept) == MAX_VIOLATIONS:
                return list(kept.values())
            # jsonschema has one error for each missing field, and each of them names all the fields.
            kept.setdefault((violation.name, violation.rule), violation)
    return list(kept.values())


def first_difference(error: Any) -> str:
    """Return a message with the path and the cause of an error, as precisely as possible."""
    violation = next(_violations(_best_of(error), "body", ""))
    return f"{violation.name or 'top level'}: {violation_in_words(violation)}"


def best_error(errors: Iterable[Any]) -> Any:
    """Return the most relevant of the first errors, or None if there are no errors."""
    from jsonschema.exceptions import best_match  # imported late, because only refusals need it

    return best_match(islice(errors, MAX_VIOLATIONS))


def _best_of(error: Any) -> Any:
    """Return the most relevant of the errors in an error: itself, if there are none."""
    return (best_error([error]) or error) if error.context else error


def _violations(error: Any, place: Any, name: str) -> Iterator[Violation]:
    where = ".".join(part for part in (name, _path(error)) if part)
    rule, expected, declared = error.validator, error.validator_value, error.schema.get("properties", {})
    if rule == "additionalProperties":
        patterns = error.schema.get("patternProperties", ())  # in the schema of OpenAPI documents
        extras = (name for name in error.instance if name not in declared)
        for extra in (name for name in extras if not any(re.search(one, str(name)) for one in patterns)):
            field = f"{where}.{extra}" if where else str(extra)
            yield Violation(place, field, "undeclared", tuple(declared))
    elif rule == "required":
        for missing in (field for field in expected if field not in error.instance):
            field = f"{where}.{missing}" if where else missing
            yield Violation(place, field, "required", declared.get(missing))
    else:
        # A large value must not be kept: the problem goes into the journal.
        value = type(error.instance)() if isinstance(error.instance, dict | list) else error.instance
        yield Violation(place, where, rule, expected, value)


def _path(error: Any) -> str:
    return ".".join(map(str, error.absolute_path))


def _error() -> Any:
    return _error_class()("")


@cache
def _error_class() -> Any:
    from jsonschema import ValidationError  # imported late, because only refusals need it

    return ValidationError


def _type(checker: Any, expected: Any, value: Any, schema: Schema) -> Iterator[Any]:
    names = [expected] if isinstance(expected, str) else expected
    if not any(checker.is_type(value, name) for name in names):
        yield _error()


def _enum(checker: Any, expected: list[Any], value: Any, schema: Schema) -> Iterator[Any]:
    if not any(one == value and isinstance(one, bool) == isinstance(value, bool) for one in expected):
        yield _error()


def _pattern(checker: Any, expected: str, value: Any, schema: Schema) -> Iterator[Any]:
    ends = END_OF_PATTERN.sub(r"\\Z", expected)
    if checker.is_type(value, "string") and not re.search(ends, value, re.ASCII):
        yield _error()


def _items(
    all_valid: AllValid | None, checker: Any, of_items: Any, value: Any, schema: Schema
) -> Iterator[Any]:
    """Check the items of a list, unless it is too long: it is refused anyway, and there is no end of it."""
    from jsonschema import Draft4Validator

    if not checker.is_type(value, "array") or len(value) > schema.get("maxItems", len(value)):
        return
    if all_valid is None or len(value) <= RUN or not isinstance(of_items, dict):
        yield from Draft4Validator.VALIDATORS["items"](checker, of_items, value, schema)
        return
    for first in range(0, len(value), RUN):
        run = value[first : first + RUN]
        if not all_valid(of_items, run):
            for index, item in enumerate(run, first):
                yield from checker.descend(item, of_items, path=index)


def _size_check(kind: str, is_wrong: Callable[[Any, Any], bool]) -> Callable[..., Iterator[Any]]:
    def check(checker: Any, expected: int, value: Any, schema: Schema) -> Iterator[Any]:
        if checker.is_type(value, kind) and is_wrong(value, expected):
            yield _error()

    return check


def _additional_properties(checker: Any, allowed: Any, value: Any, schema: Schema) -> Iterator[Any]:
    if not checker.is_type(value, "object"):
        return
    extras = (name for name in value if name not in schema.get("properties", {}))
    if isinstance(allowed, dict):
        for name in extras:
            yield from checker.descend(value[name], allowed, path=name)
    elif not allowed and next(extras, None) is not None:
        yield _error()


def _not(checker: Any, excluded: Schema, value: Any, schema: Schema) -> Iterator[Any]:
    if next(checker.descend(value, excluded), None) is None:
        yield _error()


def _any_of(checker: Any, branches: list[Schema], value: Any, schema: Schema) -> Iterator[Any]:
    if not _valid_branches(checker, branches, value):
        yield from _branch_errors(checker, branches, value)


def _one_of(checker: Any, branches: list[Schema], value: Any, schema: Schema) -> Iterator[Any]:
    valid = _valid_branches(checker, branches, value)
    if valid > 1:
        yield _error()
    elif not valid:
        yield from _branch_errors(checker, branches, value)


def _valid_branches(checker: Any, branches: list[Schema], value: Any) -> int:
    return sum(next(checker.descend(value, branch), None) is None for branch in branches)


def _branch_errors(checker: Any, branches: list[Schema], value: Any) -> Iterator[Any]:
    """Yield the errors of the branch that the value's type and its discriminator select.

    If they select none, or several, yield one error with the errors of all branches as its context.
    """
    fitting = [one for one in branches if next(checker.descend(value, {"type": one.get("type", [])}), None)
               is None or "type" not in one]  # fmt: skip
    if checker.is_type(value, "object") and len(fitting) > 1:
        meant = [one for one in fitting if not value.keys().isdisjoint(one.get("properties", {}))]
        fitting = meant if len(meant) == 1 else fitting
    if len(fitting) == 1:
        yield from checker.descend(value, fitting[0])
        return
    if fitting and checker.is_type(value, "object") and (name := _discriminator(fitting)):
        yield from _errors_by_discriminator(checker, fitting, value, name)
        return
    error = _error()
    error.context = [
        one for branch in fitting for one in islice(checker.descend(value, branch), MAX_VIOLATIONS)
    ]
    for one in error.context:
        one.parent = error
    yield error


def _discriminator(branches: list[Schema]) -> str | None:
    """Return the name of the field that has one allowed value in each branch, or None."""
    constant = ({name: 1 for name, one in branch.get("properties", {}).items()
                 if len(one.get("enum", ())) == 1} for branch in branches)  # fmt: skip
    first, *others = constant
    return next((name for name in first if all(name in one for one in others)), None)


def _errors_by_discriminator(
    checker: Any, branches: list[Schema], value: Mapping[str, Any], name: str
) -> Iterator[Any]:
    by_value = {branch["properties"][name]["enum"][0]: branch for branch in branches}
    choice = {**branches[0]["properties"][name], "enum": [*by_value]}
    wrong = [*checker.descend(value, {"properties": {name: choice}, "required": [name]})]
    if wrong:
        yield from wrong[:1]
    else:
        yield from checker.descend(value, by_value[value[name]])
