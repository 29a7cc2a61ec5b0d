"""Forms: fields made from a schema, what was typed in them as JSON, refusals as messages at the fields."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mockserver.console.control_client import Refused
from mockserver.console.markup import reasons
from mockserver.contract.openapi.schema import Schema
from mockserver.vendor_api.json_text import decode, encode, pretty
from mockserver.vendor_api.words import violation_in_words

Kind = Literal["text", "lines", "number", "choice", "json", "value", "any", "time"]
BYTE = re.compile(r"^(?:JSON is malformed: )?(?P<message>.*?)(?: \(byte (?P<byte>\d+)\))?$", re.DOTALL)
TRUNCATED = "Input data was truncated"
# Where the control API says that something is wrong: `body.fault.status: …`, `vendor/products: quantity: …`.
PLACE = re.compile(r"^(?:body\.|[\w-]+/[\w-]+: )?(?P<path>[\w-]+(?:\.[\w-]+)*):? (?P<text>.+)$", re.DOTALL)
JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:\n]|[^\s{}\[\],:"]+')
MAX_SEARCHED = 1024 * 1024  # characters of a text in which the line of an error is looked for
ELSEWHERE = (401, 403, 404)  # statuses of refusals that are about no field
NOT_SET = ""
JSON_BEGINS = ("{", "[", '"')  # what begins otherwise is a plain text, in a field for both


class Mistake(Exception):
    """Raised if what was typed cannot be read. The message says why, in words for the person who typed it."""


@dataclass
class Field:
    """One field of a form. `value` is its text, as it is shown and as it is sent.

    `empty` is what an empty field means: the field is left out of the JSON, or it is null, or an empty text.
    """

    name: str
    label: str
    kind: Kind = "text"
    value: str = ""
    hint: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    empty: Literal["out", "null", "text"] = "out"
    required: bool = False
    error: str = ""
    is_text: bool = True  # False for a choice between other values than texts, such as true and false
    attributes: Mapping[str, Any] = field(default_factory=dict)  # of the element in HTML

    def holding(self, values: Mapping[str, Any]) -> "Field":
        """Give the field its value among these, if it is there. Return the field."""
        if self.name in values:
            self.value = text_of(values[self.name], self.kind)
        return self

    def read(self, text: str) -> Any:
        """Return the JSON value of what was typed. Raise Mistake if it has none."""
        match self.kind:
            case "number":
                return _number(text.strip())
            case "json" | "value":
                return parse(text)
            case "any" if text.lstrip()[:1] in JSON_BEGINS:
                return parse(text)
            case "time":
                return text.strip()
            case "choice" if not self.is_text:
                return decode(text)
        return text


class Form:
    """A form with what was typed in it: its fields with their texts and errors, and their values as JSON.

    `error` is about the form as a whole, and `status` that of the page that shows it.
    """

    def __init__(self, fields: Iterable[Field]) -> None:
        self.fields = list(fields)
        self.values: dict[str, Any] = {}
        self.error, self.status = "", 200

    def fill(self, typed: Mapping[str, str], former: Mapping[str, Any] | None = None) -> bool:
        """Read what was typed. Return True if each field has a value.

        A text that was not touched keeps its former value, to the digit.
        """
        for one in self.fields:
            text = one.value = _newlines(typed.get(one.name, ""))
            if former and one.name in former and text == _newlines(text_of(former[one.name], one.kind)):
                self.values[one.name] = former[one.name]
            elif text.strip():
                self._read(one, text)
            else:
                self._read_empty(one, existed=former is not None and one.name in former)
        return self._valid()

    def _read(self, one: Field, text: str) -> None:
        try:
            self.values[one.name] = one.read(text)
        except Mistake as mistake:
            one.error = str(mistake)

    def _read_empty(self, one: Field, existed: bool) -> None:
        """Set the value of an empty field, or say that it must not be empty."""
        if one.empty == "null" and (existed or one.required):
            self.values[one.name] = None
        elif one.required and one.empty == "text":
            self.values[one.name] = one.value
        elif one.required:
            one.error = "must not be empty"

    def check(self, schema: Schema, value: Any, field: str = "") -> bool:
        """Say at the fields how a value breaks its schema. Return True if it does not.

        The value is that of the form as a whole, or of one field.
        """
        if not schema.accepts(value):
            for violation in schema.violations("body", field, value):
                self._refuse(f"{violation.name}: {violation_in_words(violation)}")
        return self._valid()

    def refuse(self, refused: Refused, field: str = "") -> None:
        """Put a refusal of the control API at the fields that it is about; all else above the form.

        The body of the call was the value of the form as a whole, or of one field. Raise the refusal again
        if no other text in the fields would help.
        """
        if refused.status in ELSEWHERE:
            raise refused
        for part in re.split(r"; (?=body\b)", refused.message):
            self._refuse(re.sub(r"^body\b", f"body.{field}", part) if field else part)
        self.status = refused.status

    def _refuse(self, message: str) -> None:
        found = PLACE.match(message)
        path = f"{found['path']}." if found else ""
        at = [one for one in self.fields if path.startswith(one.name + ".")]
        if found is None or not at:
            self.error = "; ".join(filter(None, (self.error, message)))
            return
        one = max(at, key=lambda one: len(one.name))
        inner = path.removeprefix(one.name).strip(".")
        if inner and len(one.value) <= MAX_SEARCHED:
            inner = f"line {line_of(one.value, inner)}: {inner}"
        one.error = "; ".join(filter(None, (one.error, f"{inner} {found['text']}".strip())))

    def _valid(self) -> bool:
        valid = not self.error and not any(one.error for one in self.fields)
        self.status = 200 if valid else 400
        return valid


def _newlines(text: str) -> str:
    """Return a text with the newlines that a browser makes of those in a form."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def fields_of(schema: Mapping[str, Any], value: Mapping[str, Any]) -> list[Field]:
    """Return a field for each property of an object's schema, of OpenAPI or JSON Schema, with its value."""
    required = schema.get("required", ())
    return [
        field_of(name, one, value.get(name, NOT_SET), name in required)
        for name, one in schema.get("properties", {}).items()
    ]


def field_of(name: str, schema: Mapping[str, Any], value: Any, required: bool) -> Field:
    """Return the field of one property."""
    named = schema.get("type", ())
    types = {named} if isinstance(named, str) else {*named}
    nullable = "null" in types or schema.get("nullable") is True
    types -= {"null"}
    made = Field(name, name, required=required, empty="null" if nullable else "out")
    if types == {"boolean"}:
        made.kind, made.is_text, choices = "choice", False, ["true", "false"]
    elif types == {"string"} and "enum" in schema:
        made.kind, choices = "choice", [one for one in schema["enum"] if one is not None]
    elif types == {"string"}:
        made.kind = "lines" if len(str(value).splitlines()) > 1 else "text"
        if not nullable and required:
            made.empty = "text"
    elif types and types <= {"integer", "number"}:
        made.kind = "number"
    else:
        made.kind = "json" if types or "allOf" in schema or "anyOf" in schema else "any"
    if made.kind == "choice":
        unset = () if required and not nullable else ((NOT_SET, "null" if nullable else "not set"),)
        made.choices = (*unset, *((one, one) for one in choices))
    made.hint = _hint(schema, made)
    made.value = "" if value is None or value is NOT_SET else text_of(value, made.kind)
    return made


def _hint(schema: Mapping[str, Any], made: Field) -> str:
    words = [schema["description"]] if "description" in schema else []
    if made.kind == "any":
        words.append('a text; JSON if it begins with { [ or "')
    if made.kind == "number" and ("minimum" in schema or "maximum" in schema):
        bounds = (("from", "minimum"), ("to", "maximum"))
        words.append(" ".join(f"{word} {_grouped(schema[name])}" for word, name in bounds if name in schema))
    if made.kind != "choice" and not (made.required and made.empty != "null"):
        words.append("empty: null" if made.empty == "null" else "empty: not set")
    return reasons(words)


def _grouped(number: float) -> str:
    return f"{number:,}".removesuffix(".0")


def text_of(value: Any, kind: Kind) -> str:
    """Return the text of a value as a field of this kind shows it, numbers with all their digits."""
    if kind == "json" or (kind == "any" and not _is_plain(value)):
        return pretty(value).decode("utf-8", "replace").rstrip("\n")
    if kind == "time":
        return str(value)[:19]
    if kind == "value":
        return encode(value).decode("utf-8", "replace")
    if value is None:
        return ""
    return value if isinstance(value, str) else encode(value).decode()


def _is_plain(value: Any) -> bool:
    return isinstance(value, str) and not value.lstrip().startswith(JSON_BEGINS)


def parse(text: str) -> Any:
    """Parse JSON that a person has typed. Raise Mistake with the line of the first error."""
    try:
        return decode(text)
    except ValueError as error:
        raise Mistake(_with_line(text, str(error))) from None


def _with_line(text: str, error: str) -> str:
    """Return an error of the JSON decoder with its line instead of its byte: `line 3: expected ','`."""
    found = BYTE.match(error)
    if error.startswith(TRUNCATED):
        return f"line {text.count(chr(10)) + 1}: the JSON ends too early"
    if found is None or found["byte"] is None:
        return error
    line = text.encode("utf-8", "surrogatepass")[: int(found["byte"])].count(b"\n") + 1
    return f"line {line}: {found['message']}"


def line_of(text: str, path: str) -> int:
    """Return the line of a JSON text in which the value at a path begins, or the nearest value around it."""
    lines = dict(_lines(text))
    names = path.split(".")
    while names and ".".join(names) not in lines:
        names.pop()
    return lines.get(".".join(names), 1)


def _lines(text: str) -> Iterator[tuple[str, int]]:
    """Yield the path and the line of each value within a JSON text."""
    line, last = 1, ""
    path: list[Any] = []  # an index for each list around a value, a name for each object
    for token in JSON_TOKEN.findall(text):
        if token == "\n":
            line += 1
            continue
        if last in ("{", "[", ",") and token not in ("}", "]"):
            if last == "{" or isinstance(path[-1], str):
                path[-1] = json.loads(token)
            yield ".".join(map(str, path)), line
        if token in ("{", "["):
            path.append("" if token == "{" else 0)
        elif token in ("}", "]"):
            path.pop()
        elif token == "," and isinstance(path[-1], int):
            path[-1] += 1
        last = token


def _number(text: str) -> Any:
    try:
        value = decode(text)
    except ValueError:
        value = None
    if isinstance(value, bool) or value is None or isinstance(value, str | list | dict):
        raise Mistake(f"must be a number, such as 12 or 12.50, not {text[:40]}")
    return value
