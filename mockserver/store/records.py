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
from mockserver.store.state import MAX_CHANGES, ORIGINAL, Overlay, State, TooManyChanges
from mockserver.store.view import RecordsView


class Records(RecordsView):
    """One collection as a call sees it, and changes it."""

    __slots__ = ()

    def put(self, record: Record) -> None:
        """Replace the record of the same key, or add it. TooManyChanges."""
        key = str(record[self._of.key])
        if self._change(key, record) is not None:
            return
        place, overlay = self._locate(self._of.key, key), self._overlay
        if place is not None:  # it was deleted: it stands again where it stood
            self._lay(
                replace(
                    overlay,
                    deleted_positions=tuple(one for one in overlay.deleted_positions if one != place),
                )
            )
        else:
            self._lay(replace(overlay, added=overlay.added.set(max(overlay.added, default=0) + 1, key)))

    def delete(self, key: str) -> None:
        """Take away the record of a key, which must exist. TooManyChanges."""
        self._change(key, None)
        place, overlay = self._locate(self._of.key, key), self._overlay
        if place is not None:
            deleted_positions = list(overlay.deleted_positions)
            insort(deleted_positions, place)
            self._lay(replace(overlay, deleted_positions=tuple(deleted_positions)))
        else:
            number = next(number for number, added in overlay.added.items() if added == key)
            added, changed = overlay.added.delete(number), overlay.changed.delete(key)
            self._lay(replace(overlay, added=added, changed=changed), -1)

    def changes(self) -> dict[str, Any]:
        """What differs from the original records: `changed` by key, `added` in order, `deleted` keys."""
        mine = dict(self._overlay.changed)
        added = self._later
        rest = sorted(mine.keys() - set(added))
        return {
            "changed": {key: mine[key] for key in rest if mine[key] is not None},
            "added": [mine[key] for key in added],
            "deleted": [key for key in rest if mine[key] is None],
        }

    def _lay(self, overlay: Overlay, more: int = 0) -> None:
        """Another layer in the place of this one, which holds so many changes more."""
        draft = self._draft
        state = draft.state
        overlays = {**state.overlays, self._base.id: overlay}
        draft.state = State(overlays, state.changes + more, state.products_made)

    def _change(self, key: str, record: Record | None) -> Record | None:
        """Put a record in its place, and keep its aliases findable; what was there before. TooManyChanges."""
        draft, overlay = self._draft, self._overlay
        before = overlay.changed.get(key, ORIGINAL)
        new_key = before is ORIGINAL
        if new_key:
            before = self._untouched(key)
            if draft.state.changes >= MAX_CHANGES:
                raise TooManyChanges(f"a sandbox holds at most {MAX_CHANGES} changed records")
        slot = (*self._base.id, key)
        first = draft.changed[slot][0] if slot in draft.changed else before
        draft.changed[slot] = first, record
        found = self._found_by(key, before, record)
        self._lay(
            Overlay(overlay.changed.set(key, record), overlay.added, overlay.deleted_positions, found),
            int(new_key),
        )
        return before

    def _found_by(self, key: str, before: Record | None, record: Record | None) -> Map[tuple[str, str], str]:
        """Where aliases lead to once a record was changed."""
        found = self._overlay.found
        for name in self._of.aliases:
            old, new = before and before.get(name), record and record.get(name)
            if old == new:
                continue
            if found.get((name, str(old))) == key:
                found = found.delete((name, str(old)))
            if new is not None:
                found = found.set((name, str(new)), key)
        return found
