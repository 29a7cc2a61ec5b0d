"""OpenAPI 3.0 schemas as JSON Schema, and what a value does against them."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from functools import cached_property
from itertools import islice
from typing import Any

import jsonschema_rs

from mockserver.vendor_api.problem import Violation

DRAFT4 = "http://json-schema.org/draft-04/schema#"
MAX_DEPTH = 40
NO_RULES = ("nullable", "example", "description", "default", "x-collection")
MAX_VIOLATIONS = 50


class Schema:
    """One schema, for two uses: to list violations, and to say yes or no fast.

    It is compiled for a use when it is first put to it. ValidationError: it is no schema.
    """

    def __init__(self, draft4: dict[str, Any]) -> None:
        self.draft4 = draft4
        jsonschema_rs.meta.validate({"$schema": DRAFT4, **draft4})

    @cached_property
    def _fast(self) -> jsonschema_rs.Draft4Validator:
        return jsonschema_rs.Draft4Validator(floats(self.draft4))

    @cached_property
    def _slow(self) -> Any:
        from jsonschema import Draft4Validator  # late: only what is wrong needs words

        return Draft4Validator(self.draft4)

    def accepts(self, value: Any) -> bool:
        try:
            return self._fast.is_valid(value)
        except UnicodeEncodeError:  # bytes that are no text, carried along as surrogates
            return not self.difference(value)

    def difference(self, value: Any) -> str:
        """The first thing wrong with a value, in words; empty if nothing is."""
        error = _best(self._slow.iter_errors(value))
        return first_difference(error) if error else ""

    def violations(self, place: Any, name: str, value: Any) -> Iterator[Violation]:
        """What is wrong with a value, at most `MAX_VIOLATIONS`. Names of inner fields follow `name`."""
        for error in sorted(islice(self._slow.iter_errors(value), MAX_VIOLATIONS), key=_path):
            yield from _violations(_best([error]) or error, place, name)


def first_difference(error: Any) -> str:
    """Where a JSON Schema error lies at its deepest, and what it is."""
    deepest = _best([error]) or error
    return f"{_path(deepest) or 'the whole'}: {deepest.message}"


def _best(errors: Iterable[Any]) -> Any:
    from jsonschema.exceptions import best_match

    return best_match(errors)


def _violations(error: Any, place: Any, name: str) -> Iterator[Violation]:
    where = ".".join(part for part in (name, _path(error)) if part)
    rule, expected = error.validator, error.validator_value
    if rule == "additionalProperties":
        known = error.schema.get("properties", {})
        for extra in (field for field in error.instance if field not in known):
            yield Violation(place, f"{where}.{extra}" if where else extra, "undeclared")
    elif rule == "required":
        for missing in (field for field in expected if field not in error.instance):
            yield Violation(place, f"{where}.{missing}" if where else missing, "required")
    else:
        yield Violation(place, where, rule, expected, error.instance)


def _path(error: Any) -> str:
    return ".".join(map(str, error.absolute_path))


class References:
    """What the references of one document lead to; each schema is made once."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._schemas: dict[int, Schema] = {}  # by the id of a part of the document, which stays

    def resolve(self, node: Any) -> Any:
        """What a `$ref` stands for; anything else is itself. KeyError: it leads nowhere."""
        while isinstance(node, dict) and "$ref" in node:
            found: Any = self._document
            for part in node["$ref"].removeprefix("#/").split("/"):
                found = found[part.replace("~1", "/").replace("~0", "~")]
            node = found
        return node

    def schema(self, node: Any) -> Schema:
        """A schema of the document. ValidationError, ValueError: it is none that can be used."""
        node = self.resolve(node)
        known = self._schemas.get(id(node))
        if known is None:
            known = self._schemas[id(node)] = Schema(self._draft4(node, 0))
        return known

    def _draft4(self, schema: Any, depth: int) -> Any:
        """The schema with references put in place and `nullable` said in JSON Schema's way."""
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
            if key not in NO_RULES and key != "properties"
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
    """The same with floats for decimals, as other libraries want them."""
    if isinstance(schema, dict):
        return {key: floats(value) for key, value in schema.items()}
    if isinstance(schema, list):
        return [floats(item) for item in schema]
    return float(schema) if isinstance(schema, Decimal) else schema
