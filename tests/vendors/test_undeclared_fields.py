"""Fields that the schema of a body does not declare: they are refused, or they change nothing."""

from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest

from mockserver import app
from mockserver.client import Sandbox
from mockserver.contract.openapi.body_types import JSON
from mockserver.contract.openapi.operation import Operation
from mockserver.contract.vendor_files import VendorFiles
from mockserver.vendor_api.json_text import encode

FILES = VendorFiles()
SPECS = {vendor: FILES.spec(vendor) for vendor in app.vendor_names()}
OPERATIONS = {
    (vendor, operation.id): operation
    for vendor, spec in SPECS.items()
    for operation in spec.operations.values()
    if operation.body and operation.body_types[0] == JSON
}
WRONG: dict[str, Any] = {"no": ["value", 1]}  # fits no field


def declared_names(schema: Any) -> Iterator[str]:
    """Yield the names of all fields that a part of a spec declares, also those of nested objects."""
    if isinstance(schema, Mapping):
        if isinstance(properties := schema.get("properties"), Mapping):
            yield from properties
        for part in schema.values():
            yield from declared_names(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from declared_names(part)


def with_undeclared(body: dict[str, Any], schema: Mapping[str, Any], names: set[str]) -> dict[str, Any]:
    """Return a body with these fields too, except for those that its schema declares.

    In a body that is only the envelope of an object, this object gets them.
    """
    parts = schema.get("allOf", [schema])
    own = {name: one for part in parts for name, one in part.get("properties", {}).items()}
    if len(own) == 1 and isinstance(inner := body[name := next(iter(own))], dict):
        return {name: with_undeclared(inner, own[name], names)}
    return {**body, **dict.fromkeys(sorted(names - own.keys()), WRONG)}


def path_of(operation: Operation) -> str:
    """Return the path that the spec shows as an example."""
    values = {one.name: str(one.example) for one in operation.parameters if one.place == "path"}
    return operation.template.format(**values)


@pytest.mark.parametrize(("vendor", "name"), OPERATIONS)
def test_undeclared_field_is_refused_or_changes_nothing(
    mock_sandbox: Sandbox, vendor: str, name: str
) -> None:
    operation, access = OPERATIONS[vendor, name], mock_sandbox.vendors[vendor]
    assert operation.body
    body, names = operation.body_examples[0], {*declared_names(SPECS[vendor].document)}
    stuffed = with_undeclared(body, operation.body.draft4, names)
    assert stuffed != body

    def outcome(content: Any) -> tuple[int, str, Any]:
        mock_sandbox.reset()
        mock_sandbox.clock.freeze("2030-01-01T00:00:00Z")
        headers = {**access.headers, "Content-Type": JSON}
        url = access.base_url + path_of(operation)
        response = httpx.request(operation.method, url, headers=headers, content=encode(content))
        return response.status_code, response.text, mock_sandbox.export()["records"]

    plain, found = outcome(body), outcome(stuffed)
    assert plain[0] < 300, plain[1]
    assert found[0] in (400, 422) or found == plain, found[1]
