"""Schemas as tables: one row for each field, with its rules in words."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mockserver.contract.openapi.schema import References
from mockserver.vendor_api.words import schema_in_words, value_in_words

MAX_DEPTH = 8
ITEM = "[]"  # stands for any item of a list


@dataclass(frozen=True)
class SchemaRow:
    """One field of a JSON value. `path` leads to it: `products[].name`."""

    path: str
    depth: int
    rules: str
    required: bool
    description: str


def schema_rows(schema: Any, references: References) -> list[SchemaRow]:
    """Return the rows of an object or a list: all fields in it, those of its parts too."""
    return [*_inside(references.resolve(schema), references, "", 0)]


def rules_in_words(schema: Mapping[str, Any]) -> str:
    """Say which values a schema allows."""
    words = "an object" if schema.get("properties") else schema_in_words(schema)
    if schema.get("type") == "array":
        words = "a list"
        if "minItems" in schema and schema["minItems"] == schema.get("maxItems"):
            words = f"a list of {schema['minItems']} items"
        elif "maxItems" in schema:
            words = f"a list of up to {schema['maxItems']:,} items"
    if schema.get("multipleOf") == 1:
        words = words.replace("a number", "a whole number")
    parts = [words.removeprefix("a ").removeprefix("an ")]
    if "pattern" in schema:
        parts.append(f"matches {schema['pattern']}")
    if schema.get("nullable"):
        parts.append("or null")
    if "default" in schema:
        parts.append(f"default {value_in_words(schema['default'])}")
    return ", ".join(parts)


def _inside(schema: Any, references: References, path: str, depth: int) -> Iterator[SchemaRow]:
    """Yield a row for each field of an object, or of the items of a list, and for all in them."""
    if depth > MAX_DEPTH:
        return
    if "items" in schema:
        yield from _inside(references.resolve(schema["items"]), references, path + ITEM, depth)
    for choice in (*schema.get("oneOf", ()), *schema.get("anyOf", ()), *schema.get("allOf", ())):
        yield from _inside(references.resolve(choice), references, path, depth)
    required = schema.get("required", ())
    for name, part in schema.get("properties", {}).items():
        field = references.resolve(part)
        where = f"{path}.{name}".lstrip(".")
        description = " ".join(field.get("description", "").split())
        yield SchemaRow(
            where, depth, rules_in_words(_resolved(field, references)), name in required, description
        )
        yield from _inside(field, references, where, depth + 1)


def _resolved(schema: Mapping[str, Any], references: References) -> Mapping[str, Any]:
    """Return a schema whose choices are no references."""
    choices = {
        name: [references.resolve(one) for one in schema[name]]
        for name in ("oneOf", "anyOf")
        if name in schema
    }
    return {**schema, **choices}
