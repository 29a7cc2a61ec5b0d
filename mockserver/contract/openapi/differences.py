"""Differences of a dialect: what the live vendor does otherwise than its documentation says.

A spec lists them in `x-dialects`. Each says what it rests on, and changes the document. The changed document
is the spec of the dialect, so its answers are checked in the same way.
"""

from collections.abc import Mapping, Sequence
from operator import is_
from typing import Any, Literal

import msgspec

from mockserver.contract.openapi.place import at

OBSERVED = "observed"
Json = Any


class SpecChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One change of a document, at the place `target`.

    The place is a JSON pointer. A segment may be `*`, which is every part that has the rest of the pointer
    and is not a reference. In a list, it may be `name=value`, which is the item with this field, or `-`,
    which is the place behind the last item.

    Exactly one of the others is given. `update` has fields that are added or replaced; an object in an object
    is updated, not replaced. `value` takes the place of what is there, or is added. `remove` is True to
    remove it.
    """

    target: str
    update: dict[str, Any] | None = None
    value: Any = msgspec.UNSET
    remove: bool = False

    def __post_init__(self) -> None:
        given = (self.update is not None, self.value is not msgspec.UNSET, self.remove)
        if sum(given) != 1:
            raise ValueError(f"{self.target} needs one of update, value and remove: give one")
        if self.remove and self.target.endswith("/*"):
            raise ValueError(f"{self.target} removes everything: name what to remove")
        if not self.target.startswith("/"):
            raise ValueError(f"{self.target} is not a JSON pointer: begin it with a slash")


class Difference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that the live vendor does otherwise than its documentation says.

    `summary` says what. `evidence` and `source` say what this rests on, as those of responses. `changes` are
    those of the spec; there are none if only texts differ.

    `note` tells a client that the documented form is not what the live vendor sends. It stands beside each
    call of one of the `operations` that is answered with one of the `statuses`. If one of these lists is
    empty, it stands beside all. If `refuses` is True, the live vendor refuses some calls of these operations
    that are documented as accepted. Such calls get a note too.
    """

    summary: str
    evidence: Literal["documented", "observed", "inferred"]
    source: str
    changes: tuple[SpecChange, ...] = ()
    operations: tuple[str, ...] = ()
    statuses: tuple[int, ...] = ()
    note: str = ""
    refuses: bool = False

    def concerns(self, operation: str, status: int | None = None) -> bool:
        """Return True if an operation is one of those that differ, and the status, if one is given."""
        return (not self.operations or operation in self.operations) and (
            status is None or not self.statuses or status in self.statuses
        )


def read_differences(document: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Return the differences that a document lists, after trying their changes.

    Raise WrongPart if one of them is malformed, or changes what is not there.
    """
    section = document.get("x-dialects", {})
    with at("x-dialects"):
        if not isinstance(section, dict) or section.keys() - {OBSERVED}:
            raise ValueError("it must be an object with the list `observed`: correct it")
        items = section.get(OBSERVED) or []
        if not isinstance(items, list):
            raise ValueError("`observed` must be a list: begin each difference with a dash")
    found, known = [], _operation_ids(document)
    for number, item in enumerate(items, 1):
        with at(f"x-dialects observed, difference {number}"):
            try:
                found.append(difference := msgspec.convert(item, Difference))
            except msgspec.ValidationError as error:
                raise ValueError(f"{error}: correct it") from None
            for name in difference.operations:
                if name not in known:
                    raise ValueError(f"there is no operation {name}: use an operationId of this spec")
    changed_document(document, found)
    return tuple(found)


def _operation_ids(document: Mapping[str, Any]) -> set[str]:
    items = (item for path in document.get("paths", {}).values() for item in path.values())
    return {item["operationId"] for item in items if isinstance(item, dict) and "operationId" in item}


def changed_document(document: Mapping[str, Any], differences: Sequence[Difference]) -> dict[str, Any]:
    """Return a copy of a document with all changes. It shares the parts that do not change.

    Raise WrongPart if a change finds nothing at its target.
    """
    changed = {key: value for key, value in document.items() if key != "x-dialects"}
    for number, difference in enumerate(differences, 1):
        for change in difference.changes:
            with at(f"x-dialects observed, difference {number}, target {change.target}"):
                changed = _Changer(change).changed(changed)
    return changed


class _Changer:
    """Makes one change."""

    def __init__(self, change: SpecChange) -> None:
        self._change = change
        self._keys = [part.replace("~1", "/").replace("~0", "~") for part in change.target[1:].split("/")]

    def changed(self, document: dict[str, Any]) -> dict[str, Any]:
        """Return a copy of a document with the change. Raise ValueError if there is no such place."""
        found: dict[str, Any] = self._at(document, 0, among_many=False)
        if found is document:
            raise ValueError("there is nothing in this spec at that place: correct the target")
        return found

    def _at(self, node: Json, depth: int, *, among_many: bool) -> Json:
        """Return a copy of a node with the change, or the node itself if the place is not in it."""
        if among_many and isinstance(node, dict) and "$ref" in node:
            return node
        if depth == len(self._keys):
            return self._final(node)
        key, last = self._keys[depth], depth + 1 == len(self._keys)
        if key == "*" and isinstance(node, dict | list):
            return self._at_each(node, depth)
        if isinstance(node, dict):
            return self._in_object(node, key, depth, last=last, among_many=among_many)
        if isinstance(node, list):
            return self._in_list(node, key, depth, last=last, among_many=among_many)
        return node

    def _at_each(self, node: Json, depth: int) -> Json:
        def changed(part: Json) -> Json:
            return self._at(part, depth + 1, among_many=True)

        if isinstance(node, dict):
            parts = {name: changed(part) for name, part in node.items()}
            return node if all(parts[name] is part for name, part in node.items()) else parts
        items = [changed(part) for part in node]
        return node if all(map(is_, items, node)) else items

    def _in_object(
        self, node: dict[Any, Any], name: str, depth: int, *, last: bool, among_many: bool
    ) -> dict[Any, Any]:
        key = next((one for one in node if str(one) == name), None)
        if last and self._change.remove and key is not None:
            return {one: value for one, value in node.items() if one != key}
        if key is None:
            return {**node, name: self._change.value} if last and self._adds else node
        part = self._at(node[key], depth + 1, among_many=among_many)
        return node if part is node[key] else {**node, key: part}

    def _in_list(self, node: list[Any], name: str, depth: int, *, last: bool, among_many: bool) -> list[Any]:
        if name == "-":
            return [*node, self._change.value] if last and self._adds else node
        index = next((number for number, item in enumerate(node) if _is_item(item, number, name)), None)
        if index is None:
            return node
        if last and self._change.remove:
            return [*node[:index], *node[index + 1 :]]
        part = self._at(node[index], depth + 1, among_many=among_many)
        return node if part is node[index] else [*node[:index], part, *node[index + 1 :]]

    @property
    def _adds(self) -> bool:
        return self._change.value is not msgspec.UNSET

    def _final(self, node: Json) -> Json:
        update = self._change.update
        if update is None:
            return self._change.value
        if not isinstance(node, dict):
            raise ValueError("update needs an object at that place: use value")
        return _updated(node, update)


def _is_item(item: Any, number: int, name: str) -> bool:
    field, equals, value = name.partition("=")
    if not equals:
        return name == str(number)
    return isinstance(item, dict) and str(item.get(field)) == value


def _updated(node: dict[str, Any], update: dict[str, Any]) -> dict[str, Any]:
    found = dict(node)
    for key, value in update.items():
        before = found.get(key)
        both = isinstance(before, dict) and isinstance(value, dict)
        found[key] = _updated(before, value) if both else value  # type: ignore[arg-type]
    return found
