"""Records: what a vendor's collection holds in one sandbox, and the changes made to it.

A collection is the page's own records, then the generated ones, then those made later. Changes
lie on top, in an immutable state: a draft that is thrown away leaves no trace, and a copy of a
world costs nothing, however large it is.
"""

from bisect import insort
from typing import Any

from immutables import Map
from msgspec.structs import replace

from mockserver.store.base_records import Record
from mockserver.store.state import MOST_CHANGES, ORIGINAL, Layer, State, TooManyChanges
from mockserver.store.view import RecordsView


class Records(RecordsView):
    """One collection as a call sees it, and changes it."""

    __slots__ = ()

    def put(self, record: Record) -> None:
        """Replace the record of the same key, or add it. TooManyChanges."""
        key = str(record[self._of.key])
        if self._change(key, record) is not None:
            return
        place, layer = self._locate(self._of.key, key), self._layer
        if place is not None:  # it was deleted: it stands again where it stood
            self._lay(replace(layer, gone=tuple(one for one in layer.gone if one != place)))
        else:
            self._lay(replace(layer, added=layer.added.set(max(layer.added, default=0) + 1, key)))

    def delete(self, key: str) -> None:
        """Take away the record of a key, which must exist. TooManyChanges."""
        self._change(key, None)
        place, layer = self._locate(self._of.key, key), self._layer
        if place is not None:
            gone = list(layer.gone)
            insort(gone, place)
            self._lay(replace(layer, gone=tuple(gone)))
        else:
            number = next(number for number, added in layer.added.items() if added == key)
            added, changed = layer.added.delete(number), layer.changed.delete(key)
            self._lay(replace(layer, added=added, changed=changed), -1)

    def changes(self) -> dict[str, Any]:
        """What differs from the original records: `changed` by key, `added` in order, `deleted` keys."""
        mine = dict(self._layer.changed)
        added = self._later
        rest = sorted(mine.keys() - set(added))
        return {
            "changed": {key: mine[key] for key in rest if mine[key] is not None},
            "added": [mine[key] for key in added],
            "deleted": [key for key in rest if mine[key] is None],
        }

    def _lay(self, layer: Layer, more: int = 0) -> None:
        """Another layer in the place of this one, which holds so many changes more."""
        draft = self._draft
        state = draft.state
        layers = {**state.layers, self._shelf.place: layer}
        draft.state = State(layers, state.changes + more, state.made)

    def _change(self, key: str, record: Record | None) -> Record | None:
        """Put a record in its place, and keep its aliases findable; what was there before. TooManyChanges."""
        draft, layer = self._draft, self._layer
        before = layer.changed.get(key, ORIGINAL)
        new_key = before is ORIGINAL
        if new_key:
            before = self._untouched(key)
            if draft.state.changes >= MOST_CHANGES:
                raise TooManyChanges(f"a sandbox holds at most {MOST_CHANGES} changed records")
        slot = (*self._shelf.place, key)
        first = draft.changed[slot][0] if slot in draft.changed else before
        draft.changed[slot] = first, record
        found = self._found_by(key, before, record)
        self._lay(Layer(layer.changed.set(key, record), layer.added, layer.gone, found), int(new_key))
        return before

    def _found_by(self, key: str, before: Record | None, record: Record | None) -> Map[tuple[str, str], str]:
        """Where aliases lead to once a record was changed."""
        found = self._layer.found
        for name in self._of.aliases:
            old, new = before and before.get(name), record and record.get(name)
            if old == new:
                continue
            if found.get((name, str(old))) == key:
                found = found.delete((name, str(old)))
            if new is not None:
                found = found.set((name, str(new)), key)
        return found
