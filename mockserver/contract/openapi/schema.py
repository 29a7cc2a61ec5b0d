"""OpenAPI 3.0 schemas as JSON Schema: whether a value fits, and what is wrong if it does not."""

from collections.abc import Iterator
from decimal import Decimal
from functools import cached_property
from typing import Any

import jsonschema_rs

from mockserver.vendor_api.problem import Violation
from mockserver.vendor_api.violations import best_error, first_difference, violations_of

DRAFT4 = "http://json-schema.org/draft-04/schema#"
MAX_DEPTH = 40
NOT_RULES = ("nullable", "example", "description", "default", "x-collection")


class Schema:
    """One schema in JSON Schema's words (`draft4`).

    jsonschema-rs says yes or no, jsonschema says why not; each is compiled when it is first needed.
    Raise ValidationError if it is not a valid schema.
    """

    def __init__(self, draft4: dict[str, Any]) -> None:
        self.draft4 = draft4
        jsonschema_rs.meta.validate({"$schema": DRAFT4, **draft4})

    @cached_property
    def _fast(self) -> jsonschema_rs.Draft4Validator:
        return jsonschema_rs.Draft4Validator(floats(self.draft4))

    @cached_property
    def _slow(self) -> Any:
        from jsonschema import Draft4Validator  # late: only a refusal needs it

        return Draft4Validator(self.draft4)

    def accepts(self, value: Any) -> bool:
        """Return True if a value fits."""
        try:
            return self._fast.is_valid(value)
        except UnicodeEncodeError:  # bytes that are not text, carried along as surrogates
            return not self.difference(value)

    def difference(self, value: Any) -> str:
        """Return the first thing that is wrong with a value; an empty text if nothing is."""
        error = best_error(self._slow.iter_errors(value))
        return first_difference(error) if error else ""

    def violations(self, place: Any, name: str, value: Any) -> Iterator[Violation]:
        """Yield what is wrong with a value, as `violations_of` does."""
        return violations_of(self._slow.iter_errors(value), place, name)


class References:
    """Follows the references of one document; each schema is compiled once."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._schemas: dict[int, Schema] = {}  # by the id of a part of the document, which lives as long

    def resolve(self, node: Any) -> Any:
        """Return what a `$ref` stands for; anything else is itself. Raise ValueError if it leads nowhere."""
        while isinstance(node, dict) and "$ref" in node:
            found: Any = self._document
            for part in node["$ref"].removeprefix("#/").split("/"):
                name = part.replace("~1", "/").replace("~0", "~")
                if not isinstance(found, dict) or name not in found:
                    raise ValueError(f"$ref {node['$ref']} leads nowhere: correct it, or add what it names")
                found = found[name]
            node = found
        return node

    def schema(self, node: Any) -> Schema:
        """Return a schema of the document, compiled. Raise ValidationError or ValueError if it is wrong."""
        node = self.resolve(node)
        known = self._schemas.get(id(node))
        if known is None:
            known = self._schemas[id(node)] = Schema(self._draft4(node, 0))
        return known

    def _draft4(self, schema: Any, depth: int) -> Any:
        """Return a schema with its references put in place, and `nullable` as JSON Schema says it."""
        if depth > MAX_DEPTH:
            raise ValueError("schemas that contain themselves are not supported")
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
            properties = schema["properties"].items()
            out["properties"] = {name: self._draft4(one, depth + 1) for name, one in properties}
        if schema.get("nullable") is True:
            if isinstance(out.get("type"), str):
                out["type"] = [out["type"], "null"]
            if isinstance(out.get("enum"), list):
                out["enum"] = [*out["enum"], None]
        return out


def floats(schema: Any) -> Any:
    """Return a document with floats in the place of decimals, as other libraries want them."""
    if isinstance(schema, dict):
        return {key: floats(value) for key, value in schema.items()}
    if isinstance(schema, list):
        return [floats(item) for item in schema]
    return float(schema) if isinstance(schema, Decimal) else schema
