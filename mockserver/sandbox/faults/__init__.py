"""Faults that can be injected. Each fault is a module in this folder and needs no registration."""

import importlib
import pkgutil
from functools import cache

from msgspec import NODEFAULT
from msgspec.structs import FieldInfo, fields

from mockserver.sandbox.faults.fault import Fault


@cache
def fault_types() -> dict[str, type[Fault]]:
    """Import all modules in this folder, and return their faults by the `type` in their JSON."""
    found = (
        importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)
    )
    classes = (value for module in found for value in vars(module).values() if isinstance(value, type))
    faults = {one for one in classes if issubclass(one, Fault) and one is not Fault}
    return {tag_of(one): one for one in sorted(faults, key=tag_of)}


def tag_of(fault: Fault | type[Fault]) -> str:
    """Return the `type` of a fault in the JSON of the control API."""
    return str(fault.__struct_config__.tag)


def as_markdown() -> str:
    """Return a Markdown table of all faults: the `type` of each, its other fields, and what it does."""
    rows = ["| fault | fields | what it does |", "|---|---|---|"]
    for name, fault in fault_types().items():
        rows.append(f"| `{name}` | {', '.join(map(_field_text, fields(fault)))} | {fault.summary} |")
    return "\n".join(rows)


def _field_text(field: FieldInfo) -> str:
    """Return the name of a field and, if the field is optional, its default."""
    if field.required:
        return f"`{field.encode_name}`"
    if field.default in (NODEFAULT, None, ""):
        return f"`{field.encode_name}` (optional)"
    default = f"{field.default:g}" if isinstance(field.default, float) else field.default
    return f"`{field.encode_name}` (default {default})"
