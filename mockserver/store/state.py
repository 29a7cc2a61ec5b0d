"""The state of a sandbox's records: everything that differs from the original ones, as immutable values."""

from collections.abc import Mapping
from typing import Any

import msgspec
from immutables import Map

from mockserver.catalog.products import Catalog
from mockserver.store.base_records import BaseRecords, Record

MAX_CHANGES = 100_000


Place = tuple[str, str]


Slot = tuple[str, str, str]


class TooManyChanges(Exception):
    """A sandbox holds as many changed records as it will."""


class Overlay(msgspec.Struct, frozen=True):
    """All changes of one collection.

    `changed` holds the current record of a key, or None where it was deleted. `added` counts up
    the keys made later, `deleted_positions` are those of deleted records, in order, and `found` leads
    from a changed record's aliases to its key.
    """

    changed: Map[str, Record | None] = Map()
    added: Map[int, str] = Map()
    deleted_positions: tuple[int, ...] = ()
    found: Map[tuple[str, str], str] = Map()


UNCHANGED = Overlay()


ORIGINAL: Any = object()  # stands for a record that nobody has changed


class State(msgspec.Struct, frozen=True):
    """All changes of one sandbox, by vendor and collection, and how many records they are.

    `products_made` counts the products that were made for all vendors.
    """

    overlays: Mapping[Place, Overlay] = {}
    changes: int = 0
    products_made: int = 0


class Draft(msgspec.Struct):
    """One call's view of a sandbox: its records, with the changes that the call has made.

    `changed` has the records that it has changed, as they were and as they are; `seen` is the
    original record that was last asked for by its key, as what is looked at is often changed next.
    """

    catalog: Catalog
    state: State
    changed: dict[Slot, tuple[Record | None, Record | None]] = {}
    seen: tuple[BaseRecords, str, Record] | None = None

    def begin(self, state: State) -> None:
        """Look at another state, of which nothing is changed yet."""
        self.state, self.changed, self.seen = state, {}, None
