"""Matching: which entries fit a pattern, and how the others differ."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from mockserver.sandbox.journal.entry import Entry

_decode = msgspec.json.Decoder(float_hook=Decimal).decode


def difference(pattern: Mapping[str, Any], entry: Entry) -> list[dict[str, Any]]:
    """Each field in which an entry is not what a pattern asks for: its name, what was wanted, what came."""
    return [
        {"field": name, "wanted": wanted, "got": got}
        for name, wanted in pattern.items()
        for got in [_got(name, wanted, entry)]
        if not _fits(name, wanted, got)
    ]


def _got(name: str, wanted: Any, entry: Entry) -> Any:
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


def _fits(name: str, wanted: Any, got: Any) -> bool:
    if name == "body":
        return _contains(got, wanted)
    return bool(got == wanted)


def _contains(got: Any, wanted: Any) -> bool:
    """Whether JSON has at least what is wanted: more keys may be there, lists are whole."""
    if isinstance(wanted, Mapping) and isinstance(got, Mapping):
        return all(key in got and _contains(got[key], value) for key, value in wanted.items())
    return bool(got == wanted)


def _json(text: str) -> Any:
    try:
        return _decode(text)
    except (msgspec.MsgspecError, RecursionError, ArithmeticError, ValueError):
        return text[:1000]


def nearest(pattern: Mapping[str, Any], entries: Iterable[Entry], most: int = 3) -> list[dict[str, Any]]:
    """The entries that miss a pattern by least, the latest first, and how they differ."""
    missed = [
        (len(wrong), -entry.serial, entry, wrong)
        for entry in entries
        if (wrong := difference(pattern, entry))
    ]
    closest = sorted(missed, key=lambda one: one[:2])[:most]
    return [{"id": entry.id, "call": f"{entry.method} {entry.target}", "differences": wrong}
            for _, _, entry, wrong in closest]  # fmt: skip


def first_gap(sequence: list[Mapping[str, Any]], entries: list[Entry]) -> tuple[int, list[Entry]] | None:
    """The first pattern that no entry after the ones before it fits, and those entries; None: all fit."""
    rest = entries
    for step, pattern in enumerate(sequence):
        found = next((n for n, entry in enumerate(rest) if not difference(pattern, entry)), None)
        if found is None:
            return step, rest
        rest = rest[found + 1 :]
    return None
