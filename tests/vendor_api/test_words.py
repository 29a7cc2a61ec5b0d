"""Violations and schemas in words."""

from decimal import Decimal
from typing import Any

import pytest

from mockserver.vendor_api.problem import Violation
from mockserver.vendor_api.words import schema_in_words, time_in_words, violation_in_words

QUANTITY = {"type": "integer", "minimum": 0}
ADJUSTMENT = {"type": "object", "required": ["adjust_by"], "properties": {"adjust_by": {"type": "integer"}}}
SCHEMAS: dict[str, Any] = {
    'a whole number from 0, or {"adjust_by": whole number}': {"oneOf": [QUANTITY, ADJUSTMENT]},
    "a number from 0 to 1": {"type": "number", "minimum": 0, "maximum": 1},
    "one of on, off": {"enum": ["on", "off"]},
    "1": {"enum": [1]},
    "a string that is not empty": {"type": "string", "minLength": 1},
    "a string or null": {"type": ["string", "null"]},
    "a date, such as 2026-01-02": {"type": "string", "format": "date"},
    "true or false": {"type": "boolean"},
    '{"type": "fixed", "seconds": number, …}': {
        "type": "object",
        "required": ["type", "seconds"],
        "properties": {"type": {"enum": ["fixed"]}, "seconds": {"type": "number"}, "more": {}},
    },
    "an object": {"type": "object", "properties": {"name": {}}},
    "a list": {"type": "array", "items": QUANTITY},
    "any value": {},
}


@pytest.mark.finding("B11")
@pytest.mark.parametrize(("words", "schema"), SCHEMAS.items())
def test_schema_in_words(words: str, schema: Any) -> None:
    assert schema_in_words(schema) == words


VIOLATIONS: dict[str, Violation] = {
    "is missing": Violation("query", "altId", "required"),
    "is missing: send one of insert, remove": Violation(
        "body", "c", "required", {"enum": ["insert", "remove"]}
    ),
    "is not known": Violation("query", "x", "undeclared"),
    "is not known: use limit; did you mean limit?": Violation("query", "limt", "undeclared", ("limit",)),
    "is not known: use one of price, name, stock; did you mean price?": Violation(
        "body", "items.0.prise", "undeclared", ("name", "stock", "price")
    ),
    "must be sent only once": Violation("query", "limit", "repeated", None, ["1", "2"]),
    "must be a whole number": Violation("body", "n", "type", "integer", "twelve"),
    "must be a whole number, not 1.50": Violation("body", "n", "type", "integer", Decimal("1.50")),
    "must be a whole number, not true": Violation("body", "n", "type", "integer", True),
    "must be a string or null, not 5": Violation("body", "n", "type", ["string", "null"], 5),
    "must be at least 0, not -1": Violation("body", "n", "minimum", 0, -1),
    "must be at most 9, not 10": Violation("body", "n", "maximum", 9, 10),
    "must be a whole number, not 0.5": Violation("query", "n", "multipleOf", 1, 0.5),
    "must be a multiple of 5, not 6": Violation("query", "n", "multipleOf", 5, 6),
    "must not be empty": Violation("query", "n", "minLength", 1, ""),
    "must have at most 3 characters": Violation("query", "n", "maxLength", 3, "abcd"),
    "must have at most 1000 items": Violation("body", "n", "maxItems", 1000),
    "must have at most 20 fields": Violation("body", "n", "maxProperties", 20),
    "must match ^a$": Violation("body", "n", "pattern", "^a$", "b"),
    "must be one of on, off, not of; did you mean off?": Violation("body", "n", "enum", ["on", "off"], "of"),
    "must be 1, not 2": Violation("body", "n", "enum", [1], 2),
    "must be a whole number, or true or false": Violation(
        "body", "n", "oneOf", [{"type": "integer"}, {"type": "boolean"}], "x"
    ),
    "does not fit the spec": Violation("body", "n", "schema"),
}


@pytest.mark.finding("B11")
@pytest.mark.parametrize(("words", "violation"), VIOLATIONS.items())
def test_violation_in_words(words: str, violation: Violation) -> None:
    assert violation_in_words(violation) == words


def test_long_values_and_lists_are_cut() -> None:
    names = [str(number) for number in range(1000)]
    words = violation_in_words(Violation("body", "n", "enum", names, "x" * 10_000))
    assert len(words) < 300


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 seconds"), (0.5, "0.5 seconds"), (1, "1 second"), (59, "59 seconds"), (60, "1 minute"),
        (61, "1 minute 1 second"), (5400, "1 hour 30 minutes"), (86_400, "1 day"),
        (3 * 86_400 + 7200 + 60 + 1, "3 days 2 hours"), (2000 * 86_400.0, "2,000 days"),
    ],
)  # fmt: skip
def test_time_in_words(seconds: float, words: str) -> None:
    assert time_in_words(seconds) == words


def test_time_in_one_unit() -> None:
    assert time_in_words(3 * 3600 + 59, units=1) == "3 hours"
