"""The shop's locations in their order."""

from datetime import datetime
from typing import Protocol

from mockserver.vendor_api import Record, Records


class RecordSource(Protocol):
    """A source of the shop's records: a Call, or the Commit of a webhook."""

    @property
    def now(self) -> datetime: ...

    def records(self, collection: str) -> Records: ...


def ordered_locations(source: RecordSource) -> list[Record]:
    """Return all locations, the default one first."""
    return sorted(source.records("locations"), key=location_place)


def location_place(location: Record) -> tuple[int, int]:
    return int(not location["default"]), int(location["id"])


def default_location(source: RecordSource) -> Record | None:
    """Return the shop's default location, or None if it has no locations."""
    return next(iter(ordered_locations(source)), None)
