"""Forms: what is typed becomes JSON by the schema, to the digit, and errors have their line."""

from typing import Any

import pytest

from mockserver.console.control_client import Refused
from mockserver.console.pages.forms import Field, Form, Mistake, field_of, fields_of, line_of, parse
from mockserver.vendor_api.json_text import decode, encode

SCHEMA = {
    "type": "object",
    "required": ["id", "name", "note", "on"],
    "properties": {
        "id": {"type": "integer", "minimum": 1, "maximum": 1000000},
        "name": {"type": "string"},
        "note": {"type": "string", "nullable": True, "description": "A remark"},
        "price": {"type": "number"},
        "kind": {"type": "string", "enum": ["a", "b"]},
        "on": {"type": "boolean"},
        "tags": {"type": "array"},
        "extra": {},
    },
}
VALUE = '{"id":7,"name":"A","note":null,"price":12.50,"kind":"b","on":true,"tags":["x"],"extra":"text"}'


def test_fields_have_the_kinds_and_hints_of_the_schema() -> None:
    fields = fields_of(SCHEMA, decode(VALUE))
    assert [(one.name, one.kind, one.value) for one in fields] == [
        ("id", "number", "7"), ("name", "text", "A"), ("note", "text", ""), ("price", "number", "12.50"),
        ("kind", "choice", "b"), ("on", "choice", "true"), ("tags", "json", '[\n  "x"\n]'),
        ("extra", "any", "text"),
    ]  # fmt: skip
    hints = {one.name: one.hint for one in fields}
    assert hints["id"] == "from 1 to 1,000,000"
    assert hints["note"] == "A remark; empty: null"
    assert hints["price"] == "empty: not set"
    choices = {one.name: [text for _, text in one.choices] for one in fields if one.kind == "choice"}
    assert choices == {"kind": ["not set", "a", "b"], "on": ["true", "false"]}


def filled(former: str, **typed: str) -> tuple[str, dict[str, str]]:
    """Return the JSON of a form after something was typed, and the errors at its fields."""
    record = decode(former)
    fields = fields_of(SCHEMA, record)
    form = Form(fields)
    sent = {one.name: "\r\n".join(one.value.splitlines(keepends=False)) for one in fields}  # as browsers do
    form.fill(sent | typed, record)
    return encode(form.values).decode(), {one.name: one.error for one in fields if one.error}


def test_form_that_was_not_touched_gives_the_same_bytes() -> None:
    assert filled(VALUE) == (VALUE, {})
    odd = '{"id":1,"name":" a\\r\\nb\\u202e ","note":"","price":1e2,"on":false,"extra":{"a":[1.0]}}'
    assert filled(odd) == (encode(decode(odd)).decode(), {})


@pytest.mark.parametrize(
    ("name", "typed", "value"),
    [
        ("id", "8", "8"), ("price", "0.10", "0.10"), ("price", " 1e2 ", "1E+2"), ("name", " a ", '" a "'),
        ("name", "", '""'), ("note", "", "null"), ("note", "null", '"null"'), ("kind", "a", '"a"'),
        ("on", "false", "false"), ("tags", "[1, 2.50]", "[1,2.50]"), ("extra", "<p>", '"<p>"'),
        ("extra", '{"a": 1}', '{"a":1}'), ("extra", '"{"', '"{"'), ("extra", "12", '"12"'),
    ],
)  # fmt: skip
def test_typed_text_becomes_json(name: str, typed: str, value: str) -> None:
    text, errors = filled(VALUE, **{name: typed})
    assert errors == {}
    assert encode(decode(text)[name]).decode() == value


@pytest.mark.parametrize("name", ["price", "kind", "tags", "extra"])
def test_empty_optional_field_is_left_out(name: str) -> None:
    text, errors = filled(VALUE, **{name: ""})
    assert (name in decode(text), errors) == (False, {})


@pytest.mark.parametrize(
    ("name", "typed", "error"),
    [
        ("id", "", "must not be empty"),
        ("id", "x", "must be a number, such as 12 or 12.50, not x"),
        ("id", "true", "must be a number, such as 12 or 12.50, not true"),
        ("tags", "[\n1\n2]", "line 3: expected ',' or ']'"),
        ("extra", '{"a"', "line 1: the JSON ends too early"),
    ],
)
def test_text_that_is_no_value_is_an_error(name: str, typed: str, error: str) -> None:
    assert filled(VALUE, **{name: typed})[1] == {name: error}


@pytest.mark.console(22)
@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('{\n "a": 1\n "b": 2}', "line 3: expected ',' or '}'"),
        ('{"ä€": "🙂",\n\n]', "line 3: object keys must be strings"),
        ('{"a":\n', "line 2: the JSON ends too early"),
        ("[1,]", "line 1: trailing comma in array"),
        ("{} x", "line 1: trailing characters"),
        ("[" * 200 + "]" * 200, "the JSON is nested more than 100 levels deep"),
    ],
)
def test_error_in_json_has_its_line(text: str, error: str) -> None:
    with pytest.raises(Mistake) as caught:
        parse(text)
    assert str(caught.value) == error


@pytest.mark.parametrize(
    ("path", "line"),
    [("id", 2), ("list.0.a", 4), ("list.0.b.c.1", 6), ("list.1.a", 7), ("list.0.none", 4), ("none", 1)],
)
def test_line_of_a_value_is_found(path: str, line: int) -> None:
    text = """{
  "id": "a, {\\"b\\": [",
  "list": [
    {"a": 1,
     "b": {"c": [1,
        2], "d": {}, "e": []}},
    {"a": 2}
  ]
}"""
    assert line_of(text, path) == line


def refused(message: str, *fields: Field, field: str = "") -> tuple[str, dict[str, str]]:
    form = Form(fields)
    form.refuse(Refused(400, "invalid", message), field)
    assert form.status == 400
    return form.error, {one.name: one.error for one in form.fields if one.error}


@pytest.mark.parametrize(
    ("message", "error", "errors"),
    [
        ("body.a: must be 1", "", {"a": "must be 1"}),
        ("body.a: is bad; body.b.c: is worse", "", {"a": "is bad", "b.c": "is worse"}),
        ("body.b: is bad", "body.b: is bad", {}),
        ("body.a: must be x; did you mean y?", "", {"a": "must be x; did you mean y?"}),
        ("vendor/things: a: must be 1", "", {"a": "must be 1"}),
        ("vendor/things: 'a' is taken", "vendor/things: 'a' is taken", {}),
        ("a in the record is 2", "", {"a": "in the record is 2"}),
        ("body.j.0.x: is bad", "", {"j": "line 2: 0.x is bad"}),
    ],
)
def test_refusal_is_put_at_the_field_that_it_is_about(
    message: str, error: str, errors: dict[str, str]
) -> None:
    fields = Field("a", "A"), Field("b.c", "C"), Field("j", "J", "json", '[\n{"x": 1}]')
    assert refused(message, *fields) == (error, errors)


def test_refusal_of_a_whole_document_is_put_at_its_field() -> None:
    document = Field("document", "Document", "json", '{\n"a": 1}')
    message = "body.a: is bad; body.b: is missing"
    error = "line 2: a is bad; line 1: b is missing"
    assert refused(message, document, field="document") == ("", {"document": error})


@pytest.mark.parametrize("status", [401, 403, 404])
def test_refusal_that_no_other_text_would_mend_is_raised_again(status: int) -> None:
    with pytest.raises(Refused):
        Form([Field("a", "A")]).refuse(Refused(status, "missing", "body.a: is bad"))


def test_value_of_a_choice_that_is_not_offered_stays() -> None:
    made: Any = field_of("kind", {"type": "string", "enum": ["a"]}, "z", required=True)
    assert made.value == "z"
