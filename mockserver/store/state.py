"""The state of a sandbox's records: all differences from the original records, as immutable values."""

from collections.abc import Mapping
from typing import Any

import msgspec
from immutables import Map

from mockserver.catalog.products import Catalog
from mockserver.store.base_records import BaseRecords, Record

MAX_CHANGES = 100_000  # changed, added and deleted records in one sandbox

CollectionId = tuple[str, str]  # vendor, collection
RecordId = tuple[str, str, str]  # vendor, collection, key


class TooManyChanges(Exception):
    """Raised if a sandbox already has `MAX_CHANGES` changed records."""


class Overlay(msgspec.Struct, frozen=True):
    """All changes to one collection.

    `changed` maps the key of each changed or added record to its current version, or to None if deleted.
    `added` maps increasing numbers to the keys of added records, in the order in which they were added.
    `deleted_indexes` lists the indexes of deleted original records in ascending order. `aliases` maps
    (alias name, value) to the key of a changed record. `next_added` is the number for the next
    added record.
    """

    changed: Map[str, Record | None] = Map()
    added: Map[int, str] = Map()
    deleted_indexes: tuple[int, ...] = ()
    aliases: Map[tuple[str, str], str] = Map()
    next_added: int = 1


UNCHANGED = Overlay()
ORIGINAL: Any = object()  # stands for a record that has not been changed


class State(msgspec.Struct, frozen=True):
    """All changes in one sandbox.

    `changes` is the number of changed records in all overlays. `products_made` counts the products that
    were created through the control API for all vendors at once.
    """

    overlays: Mapping[CollectionId, Overlay] = {}
    changes: int = 0
    products_made: int = 0


class Draft(msgspec.Struct):
    """One call's view of a sandbox: its records, with the changes made by this call.

    `changed` maps the id of each record that the call has changed to (record before, record after).
    `last_read` caches the original record that was last read by its key, because a call often reads a record
    and then changes it.
    """

    catalog: Catalog
    state: State
    changed: dict[RecordId, tuple[Record | None, Record | None]] = {}
    last_read: tuple[BaseRecords, str, Record] | None = None

    def begin(self, state: State) -> None:
        """Discard all changes, and start again from `state`."""
        self.state, self.changed, self.last_read = state, {}, None
