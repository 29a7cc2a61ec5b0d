"""The fields of a body that MerchantPro knows. Others are refused, or ignored if the query asks for that."""

from collections.abc import Iterator, Mapping
from typing import Any

from mockserver.vendor_api import Call, Problem, Violation

MAX_VIOLATIONS = 50


def known_fields(
    call: Call,
    known: tuple[str, ...],
    parts: str,
    known_of_parts: tuple[str, ...],
    never_ignored: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Return the fields of a body that are known. Raise Problem if others are refused.

    `parts` is the field with a list of objects, which have known fields of their own. `never_ignored` are
    fields that are refused even if the query asks to ignore unknown ones.
    """
    body, ignored = call.body, call.query.get("ignore_nonexistent_fields") == "1"
    unknown = [*_unknown(body, known, "")]
    for number, part in enumerate(body.get(parts) or ()):
        unknown += _unknown(part, known_of_parts, f"{parts}.{number}.")
    if refused := [one for one in unknown if not ignored or one.name in never_ignored]:
        raise Problem("invalid", violations=tuple(refused[:MAX_VIOLATIONS]))
    fields = _only(body, known)
    if fields.get(parts):
        fields[parts] = [_only(part, known_of_parts) for part in fields[parts]]
    return fields


def _only(fields: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name in names}


def _unknown(fields: Mapping[str, Any], known: tuple[str, ...], prefix: str) -> Iterator[Violation]:
    for name in fields:
        if name not in known:
            yield Violation("body", prefix + name, "undeclared", known)
