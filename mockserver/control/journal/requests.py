"""Query operations of the journal: list, count, find, export and clear calls."""

from typing import Any

from mockserver.control.journal.entry_json import entry_json, summary_json
from mockserver.control.journal.har import har_archive, har_of
from mockserver.control.journal.queries import SummaryFilter, first_page, matching_entries
from mockserver.control.journal.scope import Position, entry_with_id, position_of, scope_of
from mockserver.control.journal.totals import totals_json
from mockserver.control.lookup import base_url
from mockserver.sandbox.journal.journal import merged
from mockserver.sandbox.registry import Sandboxes
from mockserver.vendor_api.answer import Answer, RawAnswer
from mockserver.vendor_api.call import Call

FIRST, LAST = Position(0), Position(2**63)
PAGE_SIZE = 100


class RequestControl:
    """Handlers of the query operations. Each method is named after its operationId."""

    def __init__(self, sandboxes: Sandboxes) -> None:
        self._sandboxes = sandboxes

    def list_requests(self, call: Call) -> Any:
        scope = scope_of(self._sandboxes, call, call.query.get("sandbox"))
        after, before = self._position(call, "after", FIRST), self._position(call, "before", LAST)
        end, chosen = scope.end, SummaryFilter(call.query)
        newest_first = call.query["order"] == "newest"
        entries = merged(scope.journals, after.arrived, before.arrived, newest_first=newest_first)
        found = iter(chosen.of(entries))
        page, more = first_page(found, call.query["limit"])
        return {
            "requests": [summary_json(entry.summary()) for entry in page],
            "next": str(Position(page[-1].arrived - newest_first)) if more else None,
            "position": str(end),
            "count": len(page) + more + sum(1 for _ in found) if call.query["count"] else None,
            "kept": scope.kept,
            "dropped": scope.dropped,
        }

    def total_requests(self, call: Call) -> Any:
        return totals_json(scope_of(self._sandboxes, call, call.query.get("sandbox")))

    def _position(self, call: Call, name: str, default: Position) -> Position:
        text = call.query.get(name)
        if text is None:
            return default
        return position_of(self._sandboxes, call, text, before=name == "before")

    def clear_requests(self, call: Call) -> Answer:
        scope = scope_of(self._sandboxes, call, call.query.get("sandbox"))
        for journal in scope.journals:
            journal.clear()
        self._sandboxes.feed.announce("cleared", scope.name)
        return Answer(204, None)

    def count_requests(self, call: Call) -> Any:
        scope = scope_of(self._sandboxes, call, call.body.get("sandbox"))
        return {"count": sum(1 for _ in matching_entries(call.body, scope)), "dropped": scope.dropped}

    def find_requests(self, call: Call) -> Any:
        pattern = dict(call.body)
        after, limit = pattern.pop("after", None), pattern.pop("limit", PAGE_SIZE)
        scope = scope_of(self._sandboxes, call, pattern.get("sandbox"))
        position = FIRST if after is None else position_of(self._sandboxes, call, after)
        page, more = first_page(matching_entries(pattern, scope, position.arrived), limit)
        found = [entry_json(entry.entry()) for entry in page]
        later = str(Position(page[-1].arrived)) if more else None
        return {"requests": found, "next": later, "dropped": scope.dropped}

    def export_har(self, call: Call) -> Any:
        if one := call.query.get("request"):
            entry = entry_with_id(self._sandboxes, call, one)
            return RawAnswer("application/json", har_of(entry, base_url(call)))
        scope = scope_of(self._sandboxes, call, call.query.get("sandbox"))
        return RawAnswer("application/json", stream=har_archive(scope, base_url(call)))
