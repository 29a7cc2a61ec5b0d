"""Differences as pages show them: a name, and two texts."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from mockserver.control.sandboxes.diff import changed_fields
from mockserver.vendor_api.json_text import encode


class Difference(NamedTuple):
    """Something that differs. `before` and `after` are its values as texts, or None if it is not there."""

    what: str
    before: str | None
    after: str | None


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """Return the fields in which two records differ, such as `inventory[0].stock_quantity`."""
    return of_fields(changed_fields(before, after))


def of_fields(fields: Iterable[Mapping[str, Any]]) -> list[Difference]:
    """Return the fields of the control API's JSON, with their values as JSON texts."""
    return [Difference(one["field"], _text(one, "before"), _text(one, "after")) for one in fields]


def _text(field: Mapping[str, Any], name: str) -> str | None:
    return encode(field[name]).decode("utf-8", "replace") if name in field else None
