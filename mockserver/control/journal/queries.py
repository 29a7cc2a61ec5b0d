"""Queries of journal entries by filter or pattern, one page at a time.

A pattern is a JSON object with the schema `Pattern` of specs/control.yaml. Its `sandbox` is the scope of the
search; its other fields are compared with each entry.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mockserver.control.journal.scope import Scope
from mockserver.sandbox.journal.entry import KeptEntry, Summary
from mockserver.sandbox.journal.journal import merged
from mockserver.sandbox.journal.matching import matches
from mockserver.sandbox.registry import Sandboxes
from mockserver.vendor_api.call import Call
from mockserver.vendor_api.json_text import encode

Pattern = Mapping[str, Any]
EQUAL = ("operation", "method", "path", "direction")  # filters that are fields of a summary
MAX_PAGE_BYTES = 8 * 1024 * 1024
# If there may be more to read, it is read in a thread, so that other calls do not wait.
MAX_QUICK_ENTRIES, MAX_QUICK_BYTES = 100, 256 * 1024


def matching_entries(
    pattern: Pattern, scope: Scope, after: int = 0, until: int = sys.maxsize
) -> Iterator[KeptEntry]:
    """Return the entries that match a pattern, oldest first.

    They arrived later than `after`, and not later than `until`.
    """
    fields = without_sandbox(pattern)
    return (entry for entry in merged(scope.journals, after, until) if matches(fields, entry))


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


def first_page(entries: Iterable[KeptEntry], limit: int) -> tuple[list[KeptEntry], bool]:
    """Return the first entries, and True if there are more."""
    page: list[KeptEntry] = []
    left = MAX_PAGE_BYTES
    for entry in entries:
        left -= entry.weight
        if page and (len(page) == limit or left < 0):
            return page, True
        page.append(entry)
    return page, False


class SummaryFilter:
    """The filters of `list-requests` and `stream-events`. A call must pass all that the query has."""

    def __init__(self, query: Mapping[str, Any]) -> None:
        self._equal = {name: query[name] for name in EQUAL if name in query}
        self._flags = {name: query[name] for name in ("remarks", "fault", "changed") if name in query}
        self._vendors, self._status = query.get("vendor"), query.get("status")
        self._text = query.get("q", "").casefold()
        self._all = not (self._equal or self._flags or self._vendors or self._status or self._text)

    def of(self, entries: Iterable[KeptEntry]) -> Iterable[KeptEntry]:
        """Return the entries that pass. Without a filter none of them is read."""
        return entries if self._all else (entry for entry in entries if self.passes(entry.summary()))

    def passes(self, call: Summary) -> bool:
        flags = {"remarks": call.remarks, "fault": call.fault, "changed": call.change_count}
        return (
            all(getattr(call, name) == wanted for name, wanted in self._equal.items())
            and (self._vendors is None or call.vendor in self._vendors)
            and self._status in (None, str(call.status), f"{call.status // 100}xx")
            and all(bool(flags[name]) == wanted for name, wanted in self._flags.items())
            and (not self._text or self._text in _text_of(call).casefold())
        )


def _text_of(call: Summary) -> str:
    """Return the text of a call that `q` searches."""
    why = call.explanation.why if call.explanation else ()
    parts = (call.id, call.method, call.target, call.operation, call.fault or "", *call.remarks, *call.notes)
    return "\n".join((*parts, *why))


def reads_much(sandboxes: Sandboxes, call: Call) -> bool:
    """Return True if a call to a journal operation may have to read many entries, or large ones."""
    pattern = call.body or call.query
    name = pattern.get("sandbox") or pattern.get("match", {}).get("sandbox")
    if name is None:
        journals = sandboxes.journals
        return journals.bytes > MAX_QUICK_BYTES or journals.count > MAX_QUICK_ENTRIES
    found = Scope(sandboxes, name).journals
    return any(one.bytes > MAX_QUICK_BYTES or len(one) > MAX_QUICK_ENTRIES for one in found)
