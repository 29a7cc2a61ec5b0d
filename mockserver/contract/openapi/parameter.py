"""Parameters: how the text of a parameter becomes a value."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from math import inf
from typing import Any

from mockserver.contract.openapi.schema import References, Schema
from mockserver.vendor_api.memo import memoized
from mockserver.vendor_api.problem import Violation

# As far as a double reaches: JavaScript, PHP and Go read no further.
INTEGER = re.compile(r"-?[0-9]{1,308}")
NUMBER = re.compile(r"-?[0-9]{1,200}(\.[0-9]{1,200})?([eE][+-]?[0-9]{1,2})?")
Value = tuple[Any, list[Violation]]  # the value or None, and what is wrong with it
NO_VIOLATIONS: list[Violation] = []


@dataclass(frozen=True)
class Parameter:
    """One declared parameter.

    `place` is path, query or header. With `empty_is_absent` an empty text counts as not sent. `usual`
    (`x-usual` in the spec) means that clients normally send it although it is optional.
    """

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
        """The name under which its texts are found: header names are in lower case."""
        return self.name.lower() if self.place == "header" else self.name

    def read_one(self, text: str) -> Value:
        """Return the value of a parameter that is sent once, as `read` does."""
        if self.minimum is not None and len(text) < 16 and text.isascii() and text.isdecimal():
            number = int(text)
            if number >= self.minimum:
                return number, NO_VIOLATIONS
        return self._read_text(text)

    @cached_property
    def _read_text(self) -> Callable[[str], Value]:
        """`read` of one text; words are remembered because they come again, numbers and lists seldom do."""

        def read(text: str) -> Value:
            return self.read([text])

        return memoized(read) if self.type == "string" else read

    @cached_property
    def minimum(self) -> float | None:
        """The smallest valid whole number, if the schema has no rule other than a minimum; otherwise None."""
        rules = dict(self.schema.draft4)
        minimum, step = rules.pop("minimum", -inf), rules.pop("multipleOf", 1)
        return minimum if step == 1 and rules in ({"type": "integer"}, {"type": "number"}) else None

    @cached_property
    def takes_any_text(self) -> bool:
        """True if every text but an empty one is valid as it is."""
        rules = dict(self.schema.draft4)
        return rules.pop("minLength", 0) <= 1 and rules == {"type": "string"}

    def read(self, texts: list[str]) -> Value:
        """Return the value of the texts that were sent, or the default, and what is wrong with it."""
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
        """Return a text as its type; if it does not look like it, it stays a text and fails the schema."""
        if self.type == "integer" and INTEGER.fullmatch(text):
            return int(text)
        if self.type == "number" and NUMBER.fullmatch(text):
            number = Decimal(text)
            return int(number) if number == number.to_integral_value() else float(number)
        return text


def compile_parameter(item: dict[str, Any], references: References) -> Parameter:
    """Return a parameter object of a spec, compiled. Raise KeyError or ValueError for a wrong part."""
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
