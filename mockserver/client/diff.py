"""The differences between two moments of a sandbox."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlencode

from mockserver.client.models import Change
from mockserver.client.transport import ControlApi

PAGE_SIZE = 1000
SETTINGS = ("clock", "limits", "faults", "dialect")
Values = tuple[Any, Any]  # before and after; None for a value that was not there


@dataclass(frozen=True, slots=True)
class RecordDiff(Change):
    """A record that differs. `fields` has the values of each field that does, such as `warehouses[0].stock`.

    It is empty if the record was there at one of the two moments only.
    """

    fields: Mapping[str, Values]

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Self:
        """Make a RecordDiff from the control API's JSON."""
        fields = {one["field"]: (one.get("before"), one.get("after")) for one in record["fields"]}
        return cls(**{**record, "fields": fields})


@dataclass(frozen=True, slots=True)
class Diff:
    """All that differs between two moments. It is false if nothing does.

    `clock`, `limits`, `faults` and `dialect` are pairs of settings, each None if it is the same.
    """

    records: tuple[RecordDiff, ...]
    clock: Values | None
    limits: Values | None
    faults: Values | None
    dialect: Values | None

    def __bool__(self) -> bool:
        return any((self.records, self.clock, self.limits, self.faults, self.dialect))


def read_diff(request: ControlApi, path: str, moments: Mapping[str, str | None]) -> Diff:
    """Return what differs between two moments. A moment that is None is left out of the query."""
    wanted = {name: value for name, value in moments.items() if value is not None}
    records: list[RecordDiff] = []
    offset = 0
    while offset is not None:
        page = request("GET", f"{path}?{urlencode({**wanted, 'limit': PAGE_SIZE, 'offset': offset})}")
        records += map(RecordDiff.of, page["records"])
        offset = page["next"]
    settings = [page[name] and (page[name]["before"], page[name]["after"]) for name in SETTINGS]
    return Diff(tuple(records), *settings)
