"""Violations are bounded in number and size; patterns mean the same to both libraries that validate."""

import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from jsonschema import Draft4Validator, validators

from mockserver.contract.openapi import schema as schema_module
from mockserver.contract.openapi.schema import Schema
from mockserver.contract.openapi.spec import Spec
from mockserver.vendor_api.request import MAX_PARAMETERS, first_parameters
from mockserver.vendor_api.violations import MAX_VIOLATIONS, RUN, bounded_validator, violations_of

NAME = "^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (NAME, "a"), (NAME, "a\n"), (NAME, "\n"), (NAME, "a\r\n"), (NAME, "é"), (NAME, ""),
        (r"^\d+$", "12"), (r"^\d+$", "٣"), (r"^\d+$", "12\n"), ("^(a|b$)", "b\n"), ("^(a$|b)", "a\n"),
        (r"^a\$", "a$"), (r"^a\$$", "a$\n"), (r"^\w$", "ä"), ("^[$]", "$"), ("a", "ba\n"), ("^x", 5),
    ],
)  # fmt: skip
def test_pattern_accepts_the_same_texts_in_both_libraries(pattern: str, text: Any) -> None:
    schema = {"pattern": pattern}
    fast = jsonschema_rs.Draft4Validator(schema).is_valid(text)
    assert bounded_validator(Draft4Validator)(schema).is_valid(text) == fast
    if text == "a\n":
        assert re.search(pattern, text), "Python's own meaning of $ differs"


class Unprintable(str):
    """A text that must not become part of a message."""

    def __repr__(self) -> str:
        raise AssertionError("a message was made")


MANY = 5000
CHANGE = Spec("merchantpro").operations["update-inventory"].body
HOSTILE: dict[str, Any] = {
    "unknown fields": {Unprintable(n): 0 for n in range(MANY)},
    "long list": {"warehouses": [Unprintable("x")] * MANY},
    "list of wrong items": {"warehouses": [{"name": 1, "stock": "x"}] * 1000},
    "unknown fields in an alternative": {"stock": {Unprintable(n): 0 for n in range(MANY)}},
    "long text": {"inventory_enabled": Unprintable("x" * MANY), "stock": Unprintable("x" * MANY)},
    "no object": [Unprintable("x")] * MANY,
}


@pytest.mark.finding("A3")
@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_violations_are_bounded_and_quote_no_values(body: Any) -> None:
    assert CHANGE is not None
    found = CHANGE.violations("body", "", body)
    assert 1 <= len(found) <= MAX_VIOLATIONS
    assert all(not isinstance(one.value, dict | list) or not one.value for one in found), (
        "the journal keeps them"
    )


@pytest.mark.finding("A3")
def test_search_for_violations_ends_early() -> None:
    def errors() -> Iterator[Any]:
        for number in range(MAX_VIOLATIONS):
            yield from bounded_validator(Draft4Validator)({}).descend(0, {"type": "string"}, path=number)
        raise AssertionError("one error too many was asked for")

    assert len(violations_of(errors(), "body", "")) == MAX_VIOLATIONS


def test_items_of_a_list_that_is_too_long_are_not_checked() -> None:
    class Untouchable(dict[str, Any]):
        def __contains__(self, name: object) -> bool:
            raise AssertionError("an item was checked")

    schema = {"maxItems": 2, "items": {"type": "object", "required": ["name"]}}
    check = bounded_validator(Draft4Validator)(schema).iter_errors
    (violation,) = violations_of(check([Untouchable()] * 3), "body", "")
    assert violation.rule == "maxItems"
    assert [one.rule for one in violations_of(check([{}, {}]), "body", "")] == ["required", "required"]


def test_valid_items_of_a_long_list_are_skipped_in_runs() -> None:
    """jsonschema takes a hundred times as long for an item as jsonschema-rs: no event loop waits for it."""
    described: list[Any] = []

    def required(checker: Any, names: list[str], value: Any, schema: Any) -> Iterator[Any]:
        described.append(value)
        yield from Draft4Validator.VALIDATORS["required"](checker, names, value, schema)

    def rules_of(value: list[Any]) -> list[tuple[str, str]]:
        described.clear()
        errors = bounded_validator(counting, all_valid)({"items": schema}).iter_errors(value)
        return [(one.name, one.rule) for one in violations_of(errors, "body", "")]

    schema: dict[str, Any] = {"type": "object", "required": ["name"]}
    counting = validators.extend(Draft4Validator, {"required": required})  # type: ignore[no-untyped-call]
    fast = jsonschema_rs.Draft4Validator({"items": schema})

    def all_valid(of_items: dict[str, Any], items: list[Any]) -> bool:
        assert of_items is schema
        return fast.is_valid(items)

    assert rules_of([{"name": "x"}] * 20_000) == []
    assert len(described) == 0
    assert rules_of([{"name": "x"}] * 20_000 + [{}]) == [("20000.name", "required")]
    assert len(described) <= RUN
    far_apart = ([{"name": "x"}] * 99 + [{}]) * 200
    assert len(rules_of(far_apart)) == MAX_VIOLATIONS
    assert len(described) <= MAX_VIOLATIONS * RUN


@pytest.mark.parametrize("surrogate", [False, True])
def test_compiled_schemas_skip_valid_items(surrogate: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """All items of a run are looked at if one has surrogates, about which jsonschema-rs says nothing."""
    runs: list[int] = []
    all_valid = schema_module._all_valid
    monkeypatch.setattr(
        schema_module, "_all_valid", lambda *rest: runs.append(len(rest[1])) or all_valid(*rest)
    )
    schema = Schema({"items": {"type": "string", "pattern": "^[a-z]"}})
    items: list[Any] = ["x"] * 10_000 + [1] + ["y\udcff"] * surrogate
    (violation,) = schema.violations("body", "", items)
    assert (violation.name, violation.rule) == ("10000", "type")
    assert runs == [RUN] * (10_000 // RUN) + [1 + surrogate]


@pytest.mark.finding("A3")
def test_query_has_at_most_a_thousand_parameters() -> None:
    names = [f"p{number}" for number in range(MAX_PARAMETERS + 1)]
    assert first_parameters("&".join(names[:-1])) == "&".join(names[:-1])
    assert first_parameters("&".join(names)) == "&".join(names[:-1])
