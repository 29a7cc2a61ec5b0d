"""Parameters: converts a parameter from a string to its type, and checks it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from math import inf, isinf
from typing import Any

from mockserver.contract.openapi.schema import References, Schema
from mockserver.vendor_api.memo import memoized
from mockserver.vendor_api.problem import Violation

# As in JSON, but leading zeros are allowed. A number beyond the range of a double is not a number, because
# JavaScript, PHP and Go read it as infinity.
SPELLINGS = {
    "integer": re.compile(r"-?[0-9]+"), "number": re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?"),
}  # fmt: skip
Value = tuple[Any, list[Violation]]  # the value or None, and its violations of the spec
PLACES = ("path", "query", "header")
NO_VIOLATIONS: list[Violation] = []


@dataclass(frozen=True)
class Parameter:
    """One declared parameter.

    `place` is path, query or header. If `empty_is_absent` is True, an empty string counts as not sent.
    `usual` (`x-usual` in the spec) means that clients normally send the parameter, although it is
    optional.
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
        """The name to look up in a request: for a header, the name in lower case."""
        return self.name.lower() if self.place == "header" else self.name

    @cached_property
    def read_one(self) -> Callable[[str], Value]:
        """A function that returns the same as `read([text])`, but faster.

        Results are cached for parameters of type `string`.
        """
        minimum = self.minimum

        def read(text: str) -> Value:
            return self.read([text])

        if minimum is None:
            return memoized(read) if self.type == "string" else read

        def read_number(text: str) -> Value:
            if len(text) < 16 and text.isascii() and text.isdecimal() and (number := int(text)) >= minimum:
                return number, NO_VIOLATIONS
            return read(text)

        return read_number

    @cached_property
    def minimum(self) -> float | None:
        """The schema's minimum, or -inf if it has no minimum. None if it has other rules for integers."""
        rules = {name: rule for name, rule in self.schema.draft4.items() if name != "format"}
        minimum, step = rules.pop("minimum", -inf), rules.pop("multipleOf", 1)
        return minimum if step == 1 and rules in ({"type": "integer"}, {"type": "number"}) else None

    @cached_property
    def takes_any_text(self) -> bool:
        """True if every non-empty string is a valid value and needs no conversion."""
        rules = dict(self.schema.draft4)
        return rules.pop("minLength", 0) <= 1 and rules == {"type": "string"}

    def read(self, texts: list[str]) -> Value:
        """Return the parameter's value, and the value's violations of the spec.

        `texts` are the strings that were sent. If there are none, the value is the default.
        """
        if self.empty_is_absent:
            texts = [text for text in texts if text]
        if self.type == "array":
            value: Any = [part for text in texts for part in map(str.strip, text.split(",")) if part]
            if not value and (not texts or self.schema.accepts([])):
                value = None
        else:
            value = self._cast(texts[0]) if texts else None
        if value is None:
            missing = [Violation(self.place, self.name, "required")] if self.required else []
            return self.default, missing
        if self.schema.accepts(value):
            return value, []
        wrong = self.schema.violations(self.place, self.name, value)
        return value, [one for one in wrong if one.rule == "type"] or wrong

    def _cast(self, text: str) -> Any:
        """Convert a string to the parameter's type, or return it unchanged if that is impossible.

        The schema reports an unconverted string as a value of the wrong type.
        """
        if self.type == "boolean" and text in ("true", "false"):
            return text == "true"
        spelling = SPELLINGS.get(self.type)
        if spelling is None or not spelling.fullmatch(text) or isinf(number := float(text)):
            return text
        if self.type == "integer":
            return int(Decimal(text))  # unlike int(text), for any number of leading zeros
        return int(number) if number.is_integer() else number


def compile_parameter(item: dict[str, Any], references: References) -> Parameter:
    """Compile a parameter object of a spec. Raise KeyError or ValueError if a part is missing or wrong."""
    schema = references.resolve(item["schema"])
    if item["in"] not in PLACES:
        raise ValueError(f"parameter {item['name']}: in must be path, query or header, not {item['in']}")
    if not isinstance(item.get("required", False), bool):
        raise ValueError(f"parameter {item['name']}: required must be true or false")
    return Parameter(
        place=item["in"],
        name=item["name"],
        required=item.get("required", False),
        type=schema["type"],
        empty_is_absent=item.get("allowEmptyValue", False),
        default=schema.get("default"),
        schema=references.schema(schema),
        description=" ".join(item.get("description", "").split()),
        example=next(iter(examples_of(item)), None),
        deprecated=item.get("deprecated", False),
        usual=item.get("x-usual", False),
    )


def examples_of(item: dict[str, Any]) -> tuple[Any, ...]:
    """Return the examples of a parameter or of a body: `example`, or the values of the named `examples`."""
    named = tuple(one["value"] for one in item.get("examples", {}).values())
    return (item["example"],) if item.get("example") is not None else named
