"""Functions that compare journal entries with a pattern and describe the differences.

A pattern maps field names to expected values. It can use the fields of `Entry` and also `path`, `query`,
`headers`, `body` (parsed JSON) and `remarks` (True if the entry has remarks).
"""

from collections.abc import Iterable, Mapping, Sequence
from heapq import nsmallest
from typing import Any
from urllib.parse import parse_qsl

from mockserver.sandbox.journal.entry import Entry, KeptEntry, Summary
from mockserver.vendor_api.json_text import decode
from mockserver.vendor_api.request import first_parameters

Pattern = Mapping[str, Any]
FIELDS_OF_THE_WHOLE = frozenset(("headers", "body"))  # all others are in a summary


def read_for(pattern: Pattern, kept: KeptEntry) -> Summary:
    """Return as much of an entry as a comparison with the pattern needs."""
    return kept.summary() if FIELDS_OF_THE_WHOLE.isdisjoint(pattern) else kept.entry(with_answer=False)


def matches(pattern: Pattern, kept: KeptEntry) -> bool:
    """Return True if an entry has all that a pattern asks for.

    A pattern without `direction` asks for an incoming call.
    """
    return (
        _goes_as(pattern, kept)
        and not kept.lacks(map(str.lower, pattern.get("headers", ())), body=pattern.get("body", "") != "")
        and not differences(pattern, read_for(pattern, kept))
    )


def _goes_as(pattern: Pattern, kept: KeptEntry) -> bool:
    return bool(kept.direction == pattern.get("direction", "incoming"))


def differences(pattern: Pattern, entry: Summary) -> list[dict[str, Any]]:
    """Return each difference between an entry and a pattern, as a dict with `field`, `wanted` and `got`."""
    found = []
    for name, wanted in pattern.items():
        got = _value(name, wanted, entry)
        if not (_contains(got, wanted) if name == "body" else got == wanted):
            found.append({"field": name, "wanted": wanted, "got": got})
    return found


def _value(name: str, wanted: Any, entry: Summary) -> Any:
    """Return the value of an entry's field. For `query` and `headers`, include only the wanted names."""
    match name:
        case "path":
            return entry.path
        case "query":
            query = first_parameters(entry.target.partition("?")[2])
            sent = dict(parse_qsl(query, keep_blank_values=True))
            return {key: sent.get(key) for key in wanted}
        case "headers":
            assert isinstance(entry, Entry)
            headers = {key.lower(): value for key, value in entry.request_headers}
            return {key: headers.get(key.lower()) for key in wanted}
        case "body":
            assert isinstance(entry, Entry)
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
        return decode(text)
    except ValueError:
        return text[:1000]


def nearest(pattern: Pattern, entries: Iterable[KeptEntry], most: int = 3) -> list[dict[str, Any]]:
    """Describe up to `most` entries that differ from a pattern, those with the fewest differences first."""
    read = (read_for(pattern, kept) for kept in entries if _goes_as(pattern, kept))
    missed = ((wrong, entry) for entry in read if (wrong := differences(pattern, entry)))
    closest = nsmallest(most, missed, key=lambda one: (len(one[0]), -one[1].arrived))
    return [{"id": entry.id, "call": f"{entry.method} {entry.target}", "differences": wrong}
            for wrong, entry in closest]  # fmt: skip


def first_gap(sequence: Sequence[Pattern], entries: Sequence[KeptEntry]) -> tuple[int, int] | None:
    """Match a sequence of patterns in order, and find the first pattern that has no match.

    The search for a pattern begins after the entry that matched the previous pattern. Return the index of
    the pattern without a match, and the index of the first entry that was searched for it. Return None if
    all patterns match.
    """
    start = 0
    for step, pattern in enumerate(sequence):
        found = next((n for n in range(start, len(entries)) if matches(pattern, entries[n])), None)
        if found is None:
            return step, start
        start = found + 1
    return None
