"""The spec of the control API: specs/control.yaml, completed.

The schemas of all faults are added, and every operation refuses undeclared query parameters.
"""

import copy
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from mockserver.contract.openapi.spec import Spec
from mockserver.data.resources import content_of, parse, spec_file
from mockserver.sandbox.faults import fault_types
from mockserver.sandbox.faults.fault import Fault


def control_spec() -> Spec:
    """Return the spec of the control API. Raise InvalidFile if its file is not valid."""
    file = spec_file("control")
    return _compiled(file, content_of(file), tuple(fault_types().items()))


@lru_cache(1)
def _compiled(file: Path, content: bytes, types: tuple[tuple[str, type[Fault]], ...]) -> Spec:
    document = parse(file, content)
    schemas = document.get("components", {}).get("schemas", {})
    faults = {name: fault_schema(fault) for name, fault in types}
    short = [{"$ref": f"#/components/schemas/{name}"} for name in ("FaultName", "FaultStatus")]
    schemas["Fault"] = {"oneOf": [*faults.values(), *short]}
    names = [name for name, schema in faults.items() if schema["required"] == ["type"]]
    schemas["FaultName"] = {**schemas.get("FaultName", {}), "type": "string", "enum": names}
    for path in document["paths"].values():
        for operation in path.values():
            if "operationId" in operation:
                operation["x-undeclared-query"] = "refused"
    return Spec("control", file, document)


def fault_schema(fault: type[Fault]) -> dict[str, Any]:
    """Return the OpenAPI schema of a fault's JSON, generated from the fields of its class."""
    _, components = msgspec.json.schema_components([fault])
    schema = copy.deepcopy(next(one for one in components.values() if one.get("title") == fault.__name__))
    properties = {name: _plain(field) for name, field in schema["properties"].items()}
    return {
        "type": "object",
        "description": fault.summary,
        "required": ["type", *(name for name in schema.get("required", ()) if name != "type")],
        "additionalProperties": False,
        "properties": properties,
    }


def _plain(field: dict[str, Any]) -> dict[str, Any]:
    """Convert the JSON Schema of a fault's field to OpenAPI 3.0.

    An optional field may be left out of the JSON, but must not be null.
    """
    field = {key: _whole(value) for key, value in field.items() if key != "default"}
    if "anyOf" in field:
        (field,) = [one for one in field["anyOf"] if one.get("type") != "null"]
    if "enum" in field:
        field["type"] = "string"
    return field


def _whole(value: Any) -> Any:
    """Return a float that is a whole number as an int, and any other value unchanged."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
