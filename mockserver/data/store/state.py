"""The state of a sandbox's records: all differences from the original records, as immutable values."""

import secrets
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import msgspec
from immutables import Map

from mockserver.data.catalog.products import Catalog
from mockserver.data.store.base_records import BaseRecords, Record

MAX_CHANGES = 100_000  # changed, added and deleted records in one sandbox

CollectionId = tuple[str, str]  # vendor, collection
RecordId = tuple[str, str, str]  # vendor, collection, key
AliasId = tuple[str, str, str, str]  # vendor, collection, name of the alias, value


class TooManyChanges(Exception):
    """Raised if a sandbox already has as many changed records as it may have."""


class TooManyBytes(TooManyChanges):
    """Raised if the changed records of a sandbox would be larger than they may be."""


class ChangeLimits(msgspec.Struct, frozen=True):
    """The most that may be changed of a sandbox's records.

    `records` is the number of changed records. `bytes` is their size as JSON; None means no limit.
    """

    records: int = MAX_CHANGES
    bytes: int | None = None


DEFAULT_CHANGE_LIMITS = ChangeLimits()


class Overlay(msgspec.Struct, frozen=True):
    """All changes to one collection.

    `changed` maps keys to records: the current version of each changed or added record, and None for each
    deleted record. `added` maps a number to the key of each added record. Later records have larger numbers.
    `next_added` is the number for the next added record. `deleted_indexes` lists the indexes of deleted
    original records in ascending order. `aliases` maps (alias name, value) to the key of a changed record.
    """

    changed: Map[str, Record | None] = Map()
    added: Map[int, str] = Map()
    deleted_indexes: tuple[int, ...] = ()
    aliases: Map[tuple[str, str], str] = Map()
    next_added: int = 1


UNCHANGED = Overlay()
ORIGINAL: Any = object()  # stands for a record that has not been changed


class State(msgspec.Struct, frozen=True, dict=True):
    """All changes in one sandbox.

    `changes` is the number of changed records in all overlays. `size` is their size as JSON, in bytes; it is
    counted only where it is limited. `products_made` is the number of products that the control API has
    added. Each of them was added at every vendor.
    """

    overlays: Mapping[CollectionId, Overlay] = {}
    changes: int = 0
    products_made: int = 0
    size: int = 0

    @cached_property
    def token(self) -> str:
        """A random name for this very value. Two states with the same content have different ones."""
        return secrets.token_hex(8)

    def named(self, token: str) -> "State":
        """Return this state, which has no token yet, with a known token."""
        self.__dict__["token"] = token
        return self


class Draft(msgspec.Struct):
    """One call's view of a sandbox: its records, with the changes made by this call.

    `changed` holds the records that this call changed: it maps a record id to (record before, record after).
    `aliases` holds the values of aliases that it gave to a record or took from one.
    `last_read` caches one record: the original record that was last read by its key. A call often reads a
    record and then changes it. `limits` is how much may be changed.
    """

    catalog: Catalog
    state: State
    changed: dict[RecordId, tuple[Record | None, Record | None]] = {}
    last_read: tuple[BaseRecords, str, Record] | None = None
    limits: ChangeLimits = DEFAULT_CHANGE_LIMITS
    aliases: set[AliasId] = set()

    def begin(self, state: State) -> None:
        """Discard all changes, and start again from `state`."""
        self.state, self.changed, self.last_read, self.aliases = state, {}, None, set()
