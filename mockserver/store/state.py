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
    """A sandbox already has `MAX_CHANGES` changed records."""


class Overlay(msgspec.Struct, frozen=True):
    """All changes to one collection.

    `changed` is the current record by key, or None for a deleted record. `added` holds the keys of records
    that are not original ones, by a number that grows with each. `deleted_indexes` are the indexes of the
    deleted original records, sorted. `aliases` maps the alias of a changed record to its key.
    `next_added` is the number for the next record in `added`.
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

    `changed` holds the records changed by this call, each as it was before and as it is now. `last_read`
    caches the original record that was last read by its key, because a call often changes what it has
    just read.
    """

    catalog: Catalog
    state: State
    changed: dict[RecordId, tuple[Record | None, Record | None]] = {}
    last_read: tuple[BaseRecords, str, Record] | None = None

    def begin(self, state: State) -> None:
        """Start over from `state`, without changes."""
        self.state, self.changed, self.last_read = state, {}, None
