"""OpenAPI 3.0 schemas, translated to JSON Schema: validates values, and describes violations."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import jsonschema_rs

from mockserver.data.resources import floats
from mockserver.vendor_api.problem import Violation
from mockserver.vendor_api.violations import (
    best_error,
    bounded_validator,
    first_difference,
    violations_of,
)

DRAFT4 = "http://json-schema.org/draft-04/schema#"
MAX_SCHEMA_DEPTH = 40
MAX_LIST_VALIDATORS = 256  # kept for lists in refused values
NOT_RULES = ("nullable", "example", "description", "default")


_list_validators: dict[int, tuple[dict[str, Any], Any]] = {}  # key: id() of the schema of the items


def _all_valid(schema: dict[str, Any], items: list[Any]) -> bool:
    """Return True if a schema in JSON Schema draft 4 accepts all items of a list."""
    known = _list_validators.get(id(schema))
    if known is None:
        if len(_list_validators) >= MAX_LIST_VALIDATORS:
            _list_validators.clear()
        compiled = jsonschema_rs.Draft4Validator({"items": floats(schema)}, validate_formats=False)
        known = _list_validators[id(schema)] = schema, compiled  # the schema stays, and so its id is its own
    try:
        return bool(known[1].is_valid(items))
    except ValueError:  # an item contains surrogates
        return False


class Schema:
    """One schema, translated to JSON Schema draft 4 (`draft4`).

    jsonschema-rs decides if a value is valid, because it is fast; jsonschema describes the violations.
    Each validator is compiled on first use. Raise ValidationError if the schema itself is not valid.
    """

    def __init__(self, draft4: dict[str, Any]) -> None:
        self.draft4 = draft4
        self._fast: jsonschema_rs.Draft4Validator | None = None
        jsonschema_rs.meta.validate({"$schema": DRAFT4, **draft4})

    def _compiled(self) -> jsonschema_rs.Draft4Validator:
        # `format` is not checked, as in jsonschema. The vendor's handler checks a date, and words the error.
        self._fast = jsonschema_rs.Draft4Validator(floats(self.draft4), validate_formats=False)
        return self._fast

    @cached_property
    def _slow(self) -> Any:
        from jsonschema import Draft4Validator  # imported late, because only refusals need it

        return bounded_validator(Draft4Validator, _all_valid)(self.draft4)

    @cached_property
    def field_names(self) -> frozenset[str] | None:
        """The names of all fields that valid values may have, at any depth. None if they may have any."""
        try:
            return frozenset(_field_names(self.draft4))
        except _AnyField:
            return None

    def accepts(self, value: Any) -> bool:
        """Return True if a value is valid."""
        try:
            return (self._fast or self._compiled()).is_valid(value)
        except ValueError:  # the value contains surrogates, which stand for bytes that are not UTF-8
            return not self.difference(value)

    def difference(self, value: Any) -> str:
        """Return a message about the first violation of a value, or an empty string if it is valid."""
        error = best_error(self._slow.iter_errors(value))
        return first_difference(error) if error else ""

    def violations(self, place: Any, name: str, value: Any) -> list[Violation]:
        """Return the violations of an invalid value: at least one, at most `MAX_VIOLATIONS`.

        `name` and `place` are the parameter's.
        """
        found = violations_of(self._slow.iter_errors(value), place, name)
        # If the libraries disagree, refuse a value if one of them refuses it.
        return found or [Violation(place, name, "schema")]


class _AnyField(Exception):
    """Raised if valid values may have fields of any name."""


def _field_names(schema: dict[str, Any]) -> Iterator[str]:
    """Yield the names of all fields that valid values may have. Raise _AnyField."""
    if choices := [*schema.get("oneOf", ()), *schema.get("anyOf", ())]:
        for choice in choices:
            yield from _field_names(choice)
        return
    types = schema.get("type", "object")
    if "object" in types:
        if schema.get("additionalProperties") is not False:
            raise _AnyField
        for name, field in schema.get("properties", {}).items():
            yield name
            yield from _field_names(field)
    if "array" in types:
        yield from _field_names(schema.get("items", {}))


class References:
    """Resolves the references in one document, and compiles each of its schemas once."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._schemas: dict[int, Schema] = {}  # key: id() of a part of the document, which is never freed

    def resolve(self, node: Any) -> Any:
        """Return the target of a `$ref`. Return any other node unchanged.

        Raise ValueError if the `$ref` has no target.
        """
        while isinstance(node, dict) and "$ref" in node:
            found: Any = self._document
            for part in node["$ref"].removeprefix("#/").split("/"):
                name = part.replace("~1", "/").replace("~0", "~")
                if not isinstance(found, dict) or name not in found:
                    raise ValueError(f"$ref {node['$ref']} has no target: correct it, or add the target")
                found = found[name]
            node = found
        return node

    def schema(self, node: Any) -> Schema:
        """Compile a schema of the document. Raise ValidationError or ValueError if it is not valid."""
        node = self.resolve(node)
        known = self._schemas.get(id(node))
        if known is None:
            known = self._schemas[id(node)] = Schema(self._draft4(node, 0))
        return known

    def _draft4(self, schema: Any, depth: int) -> Any:
        """Resolve the references in a schema, and translate `nullable` to the type null."""
        if depth > MAX_SCHEMA_DEPTH:
            raise ValueError("recursive schemas are not supported")
        if isinstance(schema, list):
            return [self._draft4(item, depth + 1) for item in schema]
        if not isinstance(schema, dict):
            return schema
        schema = self.resolve(schema)
        out = {
            key: value if key == "enum" else self._draft4(value, depth + 1)
            for key, value in schema.items()
            if key not in NOT_RULES and key != "properties"
        }
        if "properties" in schema:
            properties = schema.get("properties", {}).items()
            out["properties"] = {name: self._draft4(one, depth + 1) for name, one in properties}
        if schema.get("nullable") is True:
            if isinstance(out.get("type"), str):
                out["type"] = [out["type"], "null"]
            if isinstance(out.get("enum"), list):
                out["enum"] = [*out["enum"], None]
        return out
