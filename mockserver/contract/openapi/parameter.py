"""Parameters: how a text becomes a value."""

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

# As far as a double reaches: JavaScript, PHP and Go read no further either.
INTEGER = re.compile(r"-?[0-9]{1,308}")


NUMBER = re.compile(r"-?[0-9]{1,200}(\.[0-9]{1,200})?([eE][+-]?[0-9]{1,2})?")


Value = tuple[Any, list[Violation]]  # or None, and what is wrong with it


FINE: list[Violation] = []


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
        return memoized(self._read_text) if self.type == "string" else self._read_text

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
