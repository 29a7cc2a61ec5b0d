"""Selection of journal entries by sandbox and pattern.

A pattern is a JSON object with the schema `Pattern` of specs/control.yaml. Its `sandbox` selects the
journals to search; its other fields are compared with each entry.
"""

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from mockserver.control.lookup import refusals_as_problems
from mockserver.sandbox.journal.entry import Entry
from mockserver.sandbox.journal.matching import differences
from mockserver.sandbox.registry import Sandboxes
from mockserver.sandbox.sandbox import Sandbox
from mockserver.vendor_api.call import Call
from mockserver.vendor_api.json_text import encode

Pattern = Mapping[str, Any]
MAX_QUICK_ENTRIES = 100  # more are read in a thread, so that other calls do not wait


def select_sandboxes(sandboxes: Sandboxes, name: str | None) -> list[Sandbox]:
    """Return the sandbox with this name, or all sandboxes if the name is None.

    Raise Problem if there is no such sandbox.
    """
    with refusals_as_problems():
        return [*sandboxes] if name is None else [sandboxes.get(name)]


def existing_sandboxes(sandboxes: Sandboxes, name: str | None) -> list[Sandbox]:
    """Do the same as `select_sandboxes`, but return an empty list if there is no such sandbox."""
    if name is None:
        return [*sandboxes]
    found = sandboxes.find(name)
    return [found] if found else []


def entries_of(sandboxes: list[Sandbox]) -> Iterator[Entry]:
    """Return the entries in the journals of these sandboxes, oldest first."""
    return iter(sorted(chain(*(sandbox.journal for sandbox in sandboxes)), key=lambda entry: entry.serial))


def matching_entries(pattern: Pattern, sandboxes: list[Sandbox]) -> list[Entry]:
    """Return the entries that match a pattern, oldest first."""
    fields = without_sandbox(pattern)
    return [entry for entry in entries_of(sandboxes) if not differences(fields, entry)]


def without_sandbox(pattern: Pattern) -> Pattern:
    """Return the fields of a pattern that are compared with entries: all except `sandbox`.

    Values of the query and of headers are texts there.
    """
    return {
        name: _texts(value) if name in ("query", "headers") else value
        for name, value in pattern.items()
        if name != "sandbox"
    }


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    """Return values as a query or a header has them: `true` for a boolean, and the digits of a number."""
    return {
        name: value if isinstance(value, str) else encode(value).decode() for name, value in values.items()
    }


def is_in_scope(entry: Entry, pattern: Pattern) -> bool:
    """Return True if a pattern or query names the entry's sandbox, or names no sandbox."""
    return pattern.get("sandbox") in (None, entry.sandbox)


def dropped_from(sandboxes: list[Sandbox]) -> int:
    """Return how many entries of these sandboxes were dropped because their journals were full."""
    return sum(sandbox.journal.dropped for sandbox in sandboxes)


def reads_many_entries(sandboxes: Sandboxes, call: Call) -> bool:
    """Return True if a call to a journal operation may read more than `MAX_QUICK_ENTRIES` entries."""
    pattern = call.body or call.query
    name = pattern.get("sandbox") or pattern.get("match", {}).get("sandbox")
    if name is None:
        return sandboxes.feed.published > MAX_QUICK_ENTRIES
    found = existing_sandboxes(sandboxes, name)
    return any(len(sandbox.journal) > MAX_QUICK_ENTRIES for sandbox in found)
