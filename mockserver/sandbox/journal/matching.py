"""Functions that compare journal entries with a pattern and describe the differences.

A pattern maps field names to expected values. It can use the fields of `Entry` and also `path`, `query`,
`headers`, `body` (parsed JSON) and `remarks` (True if the entry has remarks).
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from mockserver.sandbox.journal.entry import Entry

Pattern = Mapping[str, Any]
_decode = msgspec.json.Decoder(float_hook=Decimal).decode


def differences(pattern: Pattern, entry: Entry) -> list[dict[str, Any]]:
    """Return each difference between an entry and a pattern, as a dict with `field`, `wanted` and `got`."""
    found = []
    for name, wanted in pattern.items():
        got = _value(name, wanted, entry)
        if not (_contains(got, wanted) if name == "body" else got == wanted):
            found.append({"field": name, "wanted": wanted, "got": got})
    return found


def _value(name: str, wanted: Any, entry: Entry) -> Any:
    """Return the value of an entry's field. For `query` and `headers`, include only the wanted names."""
    match name:
        case "path":
            return entry.target.partition("?")[0]
        case "query":
            sent = dict(parse_qsl(entry.target.partition("?")[2], keep_blank_values=True))
            return {key: sent.get(key) for key in wanted}
        case "headers":
            headers = {key.lower(): value for key, value in entry.request_headers}
            return {key: headers.get(key.lower()) for key in wanted}
        case "body":
            return _json(entry.request_body)
        case "remarks":
            return bool(entry.remarks)
    return getattr(entry, name)


def _contains(got: Any, wanted: Any) -> bool:
    """Return True if `got` contains `wanted`: objects may have extra keys, but lists must be equal."""
    if isinstance(wanted, Mapping) and isinstance(got, Mapping):
        return all(key in got and _contains(got[key], value) for key, value in wanted.items())
    return bool(got == wanted)


def _json(text: str) -> Any:
    """Return the parsed JSON, or the first 1000 characters if `text` is not JSON."""
    try:
        return _decode(text)
    except (msgspec.MsgspecError, RecursionError, ArithmeticError, ValueError):
        return text[:1000]


def nearest(pattern: Pattern, entries: Iterable[Entry], most: int = 3) -> list[dict[str, Any]]:
    """Describe up to `most` entries that differ from a pattern, those with the fewest differences first."""
    missed = [
        (len(wrong), -entry.serial, entry, wrong)
        for entry in entries
        if (wrong := differences(pattern, entry))
    ]
    closest = sorted(missed, key=lambda one: one[:2])[:most]
    return [{"id": entry.id, "call": f"{entry.method} {entry.target}", "differences": wrong}
            for _, _, entry, wrong in closest]  # fmt: skip


def first_gap(sequence: list[Pattern], entries: list[Entry]) -> tuple[int, list[Entry]] | None:
    """Match a sequence of patterns in order, and find the first pattern that has no match.

    The search for a pattern begins after the entry that matched the previous pattern. Return the index of
    the pattern without a match, and the entries that were searched for it. Return None if all patterns match.
    """
    for step, pattern in enumerate(sequence):
        index = next((n for n, entry in enumerate(entries) if not differences(pattern, entry)), None)
        if index is None:
            return step, entries
        entries = entries[index + 1 :]
    return None
