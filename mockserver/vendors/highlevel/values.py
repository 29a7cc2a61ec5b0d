"""Values as the vendor's JavaScript stores and shows them."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any


def number(value: Decimal | int | float) -> int | float:
    """Return a number as JavaScript writes it: `12.50` as 12.5, and `12.00` as 12."""
    double = float(value)
    return int(double) if double.is_integer() else double


def given(body: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return those of the named fields that a body has, numbers as JavaScript writes them.

    A null counts as not sent, as for class-validator's `IsOptional`.
    """
    fields = ((name, body.get(name)) for name in names)
    return {name: _plain(value) for name, value in fields if value is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return given(value, value)
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, Decimal) or (isinstance(value, int) and not isinstance(value, bool)):
        return number(value)
    return value


def pick(record: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return the named fields of a record, as far as it has them, in the order of the names."""
    return {name: record[name] for name in names if name in record}
