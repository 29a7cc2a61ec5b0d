"""The media types of bodies that the mock reads: JSON and forms."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from mockserver.contract.openapi.unreadable import form_not_utf8
from mockserver.vendor_api.memo import memoized
from mockserver.vendor_api.request import first_parameters

JSON, FORM = "application/json", "application/x-www-form-urlencoded"
BODY_KINDS = {JSON: "JSON", FORM: "a form"}  # in words
PATTERNS = {
    JSON: re.compile(r"application/(json|[\w.+-]+\+json)\s*(;.*)?", re.IGNORECASE),
    FORM: re.compile(rf"{re.escape(FORM)}\s*(;.*)?", re.IGNORECASE),
}


@memoized
def body_type(content_type: str) -> str:
    """Return which type a Content-Type header names, JSON or FORM; an empty string if it is another one."""
    return next((name for name, pattern in PATTERNS.items() if pattern.fullmatch(content_type)), "")


def read_form(body: bytes) -> dict[str, str | list[str]]:
    """Return the fields of a form by name. The value of a field that is sent several times is a list.

    Like parameters in a query, those after the first 1000 are ignored. Raise Problem if it is not UTF-8.
    """
    try:
        text = first_parameters(body.decode())
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict")
    except ValueError:
        raise form_not_utf8() from None
    fields: dict[str, str | list[str]] = {}
    for name, value in pairs:
        before = fields.get(name)
        if before is None:
            fields[name] = value
        elif isinstance(before, list):
            before.append(value)
        else:
            fields[name] = [before, value]
    return fields


def form_schema(schema: Mapping[str, Any]) -> None:
    """Raise ValueError if a schema (JSON Schema draft 4) cannot be that of a form, whose fields are texts."""
    if schema.get("type") != "object":
        raise ValueError("the schema of a form must have the type object: correct it")
    for name, field in schema.get("properties", {}).items():
        if field.get("type") != "string":
            raise ValueError(f"the field {name} of a form must have the type string: correct it")
