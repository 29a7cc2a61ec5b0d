"""The quotas of the public demo: their values, what they limit, and how they are shown."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple, get_type_hints

from mockserver.vendor_api.words import time_in_words

KIB = 1024
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
UNITS = (("day", 24 * HOUR), ("hour", HOUR), ("minute", MINUTE), ("second", SECOND))
Kind = Literal["number", "bytes", "time"]


class About(NamedTuple):
    """A quota for people: what it limits, in which group it is shown, and the status of a refusal.

    Without a status, nothing is refused: a delay is shortened, for example. If `each` is True, each of
    several servers counts for itself: the quota protects a process. Otherwise it holds over all of them.
    """

    group: str
    what: str
    status: int | None = None
    each: bool = False


@dataclass(frozen=True)
class DemoQuotas:
    """The quotas of the public demo. Each is an option of `serve`: `sandboxes` is `--demo-sandboxes`."""

    sandboxes: Annotated[int, About("Sandboxes", "sandboxes of visitors at a time", 503)] = 500
    sandboxes_per_address: Annotated[int, About("Sandboxes", "sandboxes at a time for each address", 429)] = 3
    creations_per_hour: Annotated[int, About("Sandboxes", "new sandboxes an hour for each address", 429)] = 6
    creations_per_minute: Annotated[int, About("Sandboxes", "new sandboxes a minute in all", 429)] = 60
    idle: Annotated[timedelta, About("Sandboxes", "time without a call until a sandbox ends")] = 2 * HOUR
    life: Annotated[timedelta, About("Sandboxes", "time until a sandbox ends in any case")] = 24 * HOUR
    evict_after: Annotated[
        timedelta, About("Sandboxes", "time without a call until a sandbox has to make room for another")
    ] = 30 * MINUTE
    calls_per_second: Annotated[int, About("Calls", "calls a second for each sandbox", 429, each=True)] = 10
    burst: Annotated[
        int, About("Calls", "calls that each sandbox may make at once, after a pause", each=True)
    ] = 50
    calls_per_day: Annotated[int, About("Calls", "calls a day for each sandbox", 429)] = 5_000
    address_calls_per_second: Annotated[
        int, About("Calls", "calls a second for each address, to all sandboxes", 429, each=True)
    ] = 20
    address_burst: Annotated[
        int, About("Calls", "requests that each address may make at once, after a pause", each=True)
    ] = 100
    all_calls_per_second: Annotated[int, About("Calls", "requests a second in all", 503, each=True)] = 1_000
    concurrent_calls: Annotated[
        int, About("Calls", "calls in progress at a time for each address", 429, each=True)
    ] = 10
    all_concurrent_calls: Annotated[
        int, About("Calls", "calls in progress at a time in all", 503, each=True)
    ] = 200
    delay: Annotated[
        timedelta, About("Calls", "longest wait because of a fault; a call that waits counts twice")
    ] = 5 * SECOND
    products: Annotated[int, About("Data", "sellable items in the catalog", 507)] = 200
    changes: Annotated[int, About("Data", "changed records of a sandbox", 507)] = 1_000
    change_bytes: Annotated[
        int, About("Data", "size of the changed records of a sandbox, and of those in its snapshots", 507)
    ] = 512 * KIB
    snapshots: Annotated[int, About("Data", "snapshots of a sandbox", 507)] = 5
    fault_rules: Annotated[int, About("Data", "fault rules of a sandbox", 507)] = 20
    body_bytes: Annotated[
        int, About("Data", "size of a request's body, and of all fault rules of a sandbox", 413)
    ] = 64 * KIB
    import_bytes: Annotated[int, About("Data", "size of a file to import", 413)] = 512 * KIB
    journal_calls: Annotated[int, About("Data", "latest calls that a sandbox keeps")] = 200
    journal_bytes: Annotated[int, About("Data", "memory for the latest calls of a sandbox")] = 512 * KIB
    control_calls_per_second: Annotated[
        int,
        About(
            "Console", "requests a second for each address to the console and the control API", 429, each=True
        ),
    ] = 20
    exports_per_minute: Annotated[
        int, About("Console", "downloads a minute of a sandbox's data and calls", 429, each=True)
    ] = 4
    streams: Annotated[int, About("Console", "live streams at a time for each sandbox", 429, each=True)] = 2
    all_streams: Annotated[int, About("Console", "live streams at a time in all", 503, each=True)] = 200
    stream_time: Annotated[
        timedelta, About("Console", "time after which a live stream ends, and a browser begins the next")
    ] = 15 * MINUTE

    def shown(self, name: str) -> str:
        """Return the value of a quota as text for people, such as `1,000`, `64 KiB` or `2 hours`."""
        value = getattr(self, name)
        if isinstance(value, timedelta):
            return time_in_words(value.total_seconds())
        if kind_of(name) == "bytes":
            return f"{value // KIB:,} KiB" if value % KIB == 0 else f"{value:,} bytes"
        return f"{value:,}"

    def rows(self) -> "Iterator[Row]":
        """Yield all quotas, in groups, as the rows of a table."""
        for name, about in about_quotas().items():
            yield Row(name, about.group, option_of(name), about.what, self.shown(name), about.status)


class Row(NamedTuple):
    """A quota in the table that the demo's first page and the docs show."""

    name: str
    group: str
    option: str
    what: str
    value: str
    status: int | None


@cache
def about_quotas() -> dict[str, About]:
    """Return what there is to say about each quota, by its name."""
    return {name: hint.__metadata__[0] for name, hint in _hints().items()}


@cache
def _hints() -> dict[str, Any]:
    return get_type_hints(DemoQuotas, include_extras=True)


def status_of(name: str) -> int:
    """Return the status of the refusal of what a quota does not allow."""
    status = about_quotas()[name].status
    assert status is not None, f"nothing is refused because of {name}"
    return status


def kind_of(name: str) -> Kind:
    """Return what the value of a quota is."""
    if name.endswith("_bytes"):
        return "bytes"
    return "time" if _hints()[name].__origin__ is timedelta else "number"


def option_of(name: str) -> str:
    """Return the option of `serve` for a quota."""
    return f"--demo-{name.replace('_', '-')}"


def as_option_value(name: str) -> str:
    """Return the default of a quota as it is written on the command line: `500`, `64KiB`, `2h`."""
    value = getattr(DemoQuotas(), name)
    if isinstance(value, timedelta):
        number, unit = _in_largest_unit(value)
        return f"{number}{unit[0]}"
    return f"{value // KIB}KiB" if kind_of(name) == "bytes" else str(value)


def as_markdown() -> str:
    """Return the table of all quotas with their default values, for the docs."""
    lines = ["| quota | default | option | refused with | of several servers |", "|---|---|---|---|---|"]
    for row in DemoQuotas().rows():
        counted = "each counts" if about_quotas()[row.name].each else ""
        lines.append(f"| {row.what} | {row.value} | `{row.option}` | {row.status or ''} | {counted} |")
    return "\n".join(lines)


def _in_largest_unit(value: timedelta) -> tuple[int, str]:
    return next((value // size, unit) for unit, size in UNITS if not value % size)
