"""Differences between two JSON values, field by field."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from mockserver.vendor_api.json_text import encode

MISSING = object()  # there is no such field


class Difference(NamedTuple):
    """A field that differs. `before` and `after` are its values as JSON texts, or None if it is not there."""

    path: str
    before: str | None
    after: str | None


def differences(before: Any, after: Any) -> list[Difference]:
    """Return the fields in which two JSON values differ, by path: `inventory.0.stock_quantity`."""
    return list(_differences("", before, after))


def _differences(path: str, before: Any, after: Any) -> Iterator[Difference]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in {**before, **after}:
            yield from _differences(_below(path, name), before.get(name, MISSING), after.get(name, MISSING))
    elif isinstance(before, list) and isinstance(after, list):
        for index in range(max(len(before), len(after))):
            pair = (one[index] if index < len(one) else MISSING for one in (before, after))
            yield from _differences(_below(path, index), *pair)
    elif _text(before) != _text(after):
        yield Difference(path, _text(before), _text(after))


def _below(path: str, name: Any) -> str:
    return f"{path}.{name}" if path else str(name)


def _text(value: Any) -> str | None:
    return None if value is MISSING else encode(value).decode("utf-8", "replace")
