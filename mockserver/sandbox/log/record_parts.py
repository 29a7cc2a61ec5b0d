"""The changed records of a sandbox as named parts: what differs between a state and its origin.

| part | value, as JSON |
|---|---|
| `changes/record/VENDOR/COLLECTION/KEY` | the record; null: deleted; false: as if nobody had changed it |
| `changes/added/VENDOR/COLLECTION/NUMBER` | the key of an added record; null: there is none |
| `changes/deleted/VENDOR/COLLECTION/INDEX` | true: the original record is deleted; false: it is not |
| `changes/alias/VENDOR/COLLECTION/NAME/VALUE` | the key of a changed record; null: there is none |
| `changes/next/VENDOR/COLLECTION` | the number of the next added record |

A part whose value would be that of the origin does not exist. So the parts are as many as the changes, and
a write makes as many as the records that it changes.
"""

from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote, unquote

import msgspec
from msgspec.json import encode

from mockserver.data.store.state import ORIGINAL, UNCHANGED, AliasId, CollectionId, Overlay, RecordId, State
from mockserver.sandbox.log.values import KEPT, NotKept, decode_value, encode_value, unkept

CHANGES = "changes/"
Parts = dict[str, bytes | None]
Touched = Collection[RecordId | AliasId]
Alias = tuple[str, str]  # name, value
AS_ORIGINAL = b"false"
STEP = 256
_key, _flag, _number = (msgspec.json.Decoder(type).decode for type in (str | None, bool, int))


def record_parts(origin: State, before: State, after: State, touched: Touched | None) -> Parts:
    """Return the parts that differ between two states of the same origin.

    `touched` are the records and aliases that may differ. With None, the states are compared.
    """
    parts: Parts = {}
    if touched is None:
        for id in before.overlays.keys() | after.overlays.keys():
            _Comparison(id, origin, before, after, parts).compare_all()
        return parts
    comparisons: dict[CollectionId, _Comparison] = {}
    for one in touched:
        comparison = comparisons.get(id := one[:2])
        if comparison is None:
            comparison = comparisons[id] = _Comparison(id, origin, before, after, parts)
        if len(one) == 3:
            comparison.compare_record(one[2])
        else:
            comparison.compare_alias(one[2:])
    for comparison in comparisons.values():
        comparison.compare_places(len(touched))
    return parts


class _Comparison:
    """Compares the changes to one collection before and after something. Adds what differs to parts."""

    __slots__ = ("_after", "_before", "_origin", "_parts", "_place")

    def __init__(self, id: CollectionId, origin: State, before: State, after: State, parts: Parts) -> None:
        self._place, self._parts = _place(id), parts
        self._origin = origin.overlays.get(id, UNCHANGED)  # this very one is in no state
        self._before = before.overlays.get(id, UNCHANGED)
        self._after = after.overlays.get(id, UNCHANGED)

    def compare_all(self) -> None:
        before, after = self._before, self._after
        if before is after:
            return
        for key in _differing(before.changed, after.changed):
            self.compare_record(key)
        for alias in _differing(before.aliases, after.aliases):
            self.compare_alias(alias)
        self.compare_places()

    def compare_record(self, key: str) -> None:
        record = self._after.changed.get(key, ORIGINAL)
        if record is not self._before.changed.get(key, ORIGINAL):
            same = record is self._origin.changed.get(key, ORIGINAL)
            text = None if same else _record_text(record, self._place, key)
            self._parts[f"changes/record/{self._place}/{key}"] = text

    def compare_alias(self, alias: Alias) -> None:
        name = f"alias/{self._place}/{_segment(alias[0])}/{alias[1]}"
        self._set(name, *(one.aliases.get(alias) for one in (self._origin, self._before, self._after)))

    def compare_places(self, touched: int | None = None) -> None:
        """Compare the places of records, of which at most `touched` may differ. None means all.

        Added records have got their numbers; deleted ones have left their indexes.
        """
        before, after = self._before, self._after
        overlays = self._origin, before, after
        if before.added is not after.added:
            for number in self._differing_numbers(touched):
                self._set(f"added/{self._place}/{number}", *(one.added.get(number) for one in overlays))
        if before.deleted_indexes is not after.deleted_indexes:
            for index in _differing_members(before.deleted_indexes, after.deleted_indexes):
                is_deleted = (_has(one.deleted_indexes, index) for one in overlays)
                self._set(f"deleted/{self._place}/{index}", *is_deleted)
        if before is UNCHANGED or after is UNCHANGED or before.next_added != after.next_added:
            found = (None if one is UNCHANGED else one.next_added for one in overlays)
            self._set(f"next/{self._place}", *found)

    def _differing_numbers(self, touched: int | None) -> Iterable[int]:
        """Return the numbers of added records that may differ.

        Numbers only grow, except that they begin anew when no added record is left. If that cannot have
        happened and nothing was deleted, the new ones are the last ones.
        """
        before, after = self._before, self._after
        more = after.next_added - before.next_added
        is_growth = touched is not None and touched < len(before.added)
        if is_growth and len(after.added) - len(before.added) == more:
            return range(before.next_added, after.next_added)
        return _differing(before.added, after.added)

    def _set(self, name: str, origin: Any, before: Any, after: Any) -> None:
        if before != after:
            self._parts[CHANGES + name] = None if after == origin else encode(after)


def state_with(
    state: State, origin: State, parts: Mapping[str, bytes | None], totals: Iterable[int]
) -> State:
    """Return a state after parts have changed, whose names are here without their prefix.

    Raise ValueError or another error if they are damaged.
    """
    grouped: dict[CollectionId, list[tuple[str, str, bytes | None]]] = {}
    for name, part in parts.items():
        kind, vendor, collection, *last = name.split("/", 3)
        id = unquote(vendor), unquote(collection)
        grouped.setdefault(id, []).append((kind, last[0] if last else "", part))
    overlays = dict(state.overlays)
    for id, members in grouped.items():
        overlay = _overlay_with(overlays.get(id, UNCHANGED), origin.overlays.get(id), members)
        if overlay is None:
            overlays.pop(id, None)
        else:
            overlays[id] = overlay
    changes, products_made, size = totals
    return State(overlays, changes, products_made, size)


def _overlay_with(
    overlay: Overlay, origin: Overlay | None, members: list[tuple[str, str, bytes | None]]
) -> Overlay | None:
    """Return the changes to a collection after parts have changed, or None if there are none at all."""
    first, gone = origin or UNCHANGED, False
    changed, added, aliases = overlay.changed.mutate(), overlay.added.mutate(), overlay.aliases.mutate()
    deleted, next_added = None, overlay.next_added
    for kind, last, part in members:
        match kind:
            case "record":
                record = first.changed.get(last, ORIGINAL) if part is None else _record(part)
                _put(changed, last, record, ORIGINAL)
            case "added":
                number = int(last)
                _put(added, number, first.added.get(number) if part is None else _key(part))
            case "alias":
                name, value = last.split("/", 1)
                alias = unquote(name), value
                _put(aliases, alias, first.aliases.get(alias) if part is None else _key(part))
            case "deleted":
                deleted = set(overlay.deleted_indexes) if deleted is None else deleted
                index = int(last)
                is_deleted = _has(first.deleted_indexes, index) if part is None else _flag(part)
                (deleted.add if is_deleted else deleted.discard)(index)
            case "next":
                next_added = first.next_added if part is None else _number(part)
                gone = part is None and origin is None
            case _:
                raise ValueError(f"there is no kind of change {kind[:50]}")
    if gone:
        return None
    indexes = overlay.deleted_indexes if deleted is None else tuple(sorted(deleted))
    return Overlay(changed.finish(), added.finish(), indexes, aliases.finish(), next_added)


def _put(mutation: Any, key: Any, value: Any, nothing: Any = None) -> None:
    if value is nothing:
        mutation.pop(key, None)
    else:
        mutation[key] = value


def _record_text(record: Any, place: str, key: str) -> bytes:
    try:
        return AS_ORIGINAL if record is ORIGINAL else encode_value(record)
    except NotKept:
        field, kind = next(unkept(record))
        what = f"record {key} of {unquote(place)} has a {kind} in its field {field}"
        raise NotKept(f"{what}: a store keeps only {KEPT}") from None


def _record(text: bytes) -> Any:
    if text == AS_ORIGINAL:
        return ORIGINAL
    record = decode_value(text)
    if record is not None and not isinstance(record, dict):
        raise ValueError("a record is not an object")
    return record


def _differing(before: Mapping[Any, Any], after: Mapping[Any, Any]) -> set[Any]:
    """Return the keys whose values are not the same objects."""
    if before is after:
        return set()
    found = {key for key, value in after.items() if before.get(key, ORIGINAL) is not value}
    return found | {key for key in before if key not in after}


def _differing_members(before: tuple[int, ...], after: tuple[int, ...]) -> set[int]:
    """Return the members of only one of two ascending tuples. This skips what both begin and end with."""
    start = _common(before, after)
    before, after = before[start:], after[start:]
    end = _common(before[::-1], after[::-1])
    return set(before[: len(before) - end]) ^ set(after[: len(after) - end])


def _common(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    """Return how many members two tuples have in common at their beginning, or a few less than that."""
    place, shorter = 0, min(len(one), len(other))
    while place < shorter and one[place : place + STEP] == other[place : place + STEP]:
        place += STEP
    return min(place, shorter)


def _has(ascending: tuple[int, ...], member: int) -> bool:
    place = bisect_left(ascending, member)
    return place < len(ascending) and ascending[place] == member


@lru_cache(1000)
def _place(id: CollectionId) -> str:
    return "/".join(map(_segment, id))


def _segment(text: str) -> str:
    """Return a text for the middle of a name, without slashes."""
    return text if text.isidentifier() else quote(text, safe="")
