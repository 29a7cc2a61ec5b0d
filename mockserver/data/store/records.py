"""The records of one collection in one sandbox, which can be read and changed.

A collection consists of the records from the fixture file, generated records and added records, in this
order. Changes are stored apart from the original records, as an immutable value. So a failed call can simply
drop its changes, and a sandbox of any size can be copied in no time.
"""

from bisect import bisect_left
from typing import Any

from immutables import Map
from msgspec.json import encode
from msgspec.structs import replace

from mockserver.data.store.base_records import Record
from mockserver.data.store.state import ORIGINAL, Overlay, State, TooManyBytes, TooManyChanges
from mockserver.data.store.view import RecordsView


class Records(RecordsView):
    """The records of one collection as a call sees them, with methods to change them."""

    __slots__ = ()

    def put(self, record: Record) -> None:
        """Replace the record that has the same key. If there is no such record, add `record` at the end.

        An original record that was deleted returns to its old position. Raise TooManyChanges if the sandbox
        has reached the limits of its changes.
        """
        key = str(record[self._collection.key])
        if self._change(key, record) is not None:
            return
        index, overlay = self._index_of(self._collection.key, key), self._overlay
        if index is not None:
            deleted, place = overlay.deleted_indexes, bisect_left(overlay.deleted_indexes, index)
            self._set_overlay(replace(overlay, deleted_indexes=deleted[:place] + deleted[place + 1 :]))
        else:
            number = overlay.next_added
            added = overlay.added.set(number, key)
            self._set_overlay(replace(overlay, added=added, next_added=number + 1))

    def delete(self, *keys: str) -> None:
        """Delete the records with these keys, which must exist.

        To delete many, call this once: each call copies the list of all deleted records. Raise TooManyChanges
        if the sandbox has reached the limits of its changes.
        """
        indexes = [index for key in dict.fromkeys(keys) if (index := self._delete(key)) is not None]
        if indexes:
            overlay = self._overlay
            deleted_indexes = tuple(sorted((*overlay.deleted_indexes, *indexes)))
            self._set_overlay(replace(overlay, deleted_indexes=deleted_indexes))

    def _delete(self, key: str) -> int | None:
        """Delete a record. Return its index if it is an original record; it is not yet listed as deleted."""
        self._change(key, None)
        index, overlay = self._index_of(self._collection.key, key), self._overlay
        if index is None:
            number = next(number for number, added in overlay.added.items() if added == key)
            added, changed = overlay.added.delete(number), overlay.changed.delete(key)
            following = overlay.next_added if added else 1
            self._set_overlay(replace(overlay, added=added, changed=changed, next_added=following), -1)
        return index

    def restore_original(self, key: str) -> None:
        """Undo all changes to an original record, so that it is as if nobody had changed or deleted it."""
        overlay = self._overlay
        current = overlay.changed.get(key, ORIGINAL)
        if current is ORIGINAL:
            return
        original, draft = self._original_with_key(key), self._draft
        record_id = (*self._base.id, key)
        draft.changed[record_id] = draft.changed.get(record_id, (current, None))[0], original
        deleted_indexes = overlay.deleted_indexes
        if current is None:
            index = self.index_of(key)
            deleted_indexes = tuple(one for one in deleted_indexes if one != index)
        aliases = self._aliases_after(key, current, None)
        changed = overlay.changed.delete(key)
        self._set_overlay(
            replace(overlay, changed=changed, deleted_indexes=deleted_indexes, aliases=aliases), -1
        )

    def changes(self) -> dict[str, Any]:
        """Return the differences from the original records.

        `changed` maps keys to records, `added` lists records in the order in which they were added, and
        `deleted` lists keys.
        """
        current = dict(self._overlay.changed)
        added = self._added_keys
        original_keys = sorted(current.keys() - set(added))
        return {
            "changed": {key: current[key] for key in original_keys if current[key] is not None},
            "added": [current[key] for key in added],
            "deleted": [key for key in original_keys if current[key] is None],
        }

    def _set_overlay(self, overlay: Overlay, more_changes: int = 0, size: int | None = None) -> None:
        draft = self._draft
        state = draft.state
        overlays = {**state.overlays, self._base.id: overlay}
        size = state.size if size is None else size
        draft.state = State(overlays, state.changes + more_changes, state.products_made, size)

    def _change(self, key: str, record: Record | None) -> Record | None:
        """Store the new version of a record, or None if it is deleted. Return the old version.

        Raise TooManyChanges if the sandbox has reached the limits of its changes.
        """
        draft, overlay = self._draft, self._overlay
        before = overlay.changed.get(key, ORIGINAL)
        first_change = before is ORIGINAL
        if first_change:
            before = self._original_with_key(key)
            if draft.state.changes >= (most := draft.limits.records):
                raise TooManyChanges(
                    f"a sandbox holds at most {most} changed records; reset it or use another one"
                )
        size = None if draft.limits.bytes is None else self._size_after(before, record, first_change)
        record_id = (*self._base.id, key)
        before_call = draft.changed[record_id][0] if record_id in draft.changed else before
        draft.changed[record_id] = before_call, record
        aliases = self._aliases_after(key, before, record)
        self._set_overlay(
            Overlay(
                overlay.changed.set(key, record),
                overlay.added,
                overlay.deleted_indexes,
                aliases,
                overlay.next_added,
            ),
            int(first_change),
            size,
        )
        return before

    def _size_after(self, before: Record | None, record: Record | None, first_change: bool) -> int:
        """Return the size of all changed records after a record has changed. Raise TooManyChanges."""
        limits, size = self._draft.limits, self._draft.state.size
        size += (len(encode(record)) if record else 0) - (
            len(encode(before)) if before and not first_change else 0
        )
        if record and limits.bytes is not None and size > limits.bytes:
            raise TooManyBytes(
                f"the changed records of a sandbox have at most {limits.bytes} bytes; reset it or use another"
            )
        return size

    def _aliases_after(
        self, key: str, before: Record | None, record: Record | None
    ) -> Map[tuple[str, str], str]:
        """Return the new `Overlay.aliases` after a record has changed from `before` to `record`."""
        aliases = self._overlay.aliases
        for name in self._collection.aliases:
            old, new = before and before.get(name), record and record.get(name)
            if old == new:
                continue
            if aliases.get((name, str(old))) == key:
                aliases = aliases.delete((name, str(old)))
            if new is not None:
                aliases = aliases.set((name, str(new)), key)
            self._draft.aliases.update((*self._base.id, name, str(value)) for value in (old, new))
        return aliases
