"""Query operations of the journal: list, count, find, explain, export and clear calls."""

from collections.abc import Mapping
from typing import Any

from mockserver.contract.contract import Contract
from mockserver.control.journal.entry_json import entry_json, explanation_json
from mockserver.control.journal.har import har_archive
from mockserver.control.journal.queries import dropped_from, entries_of, matching_entries, select_sandboxes
from mockserver.control.lookup import base_url, refusals_as_problems
from mockserver.sandbox.journal.matching import differences
from mockserver.sandbox.registry import Sandboxes
from mockserver.vendor_api.answer import Answer
from mockserver.vendor_api.call import Call
from mockserver.vendor_api.problem import Problem

FILTERS = ("vendor", "operation", "method", "status", "path")


class RequestControl:
    """Handlers of the query operations. Each method is named after its operationId."""

    def __init__(self, contracts: Mapping[str, Contract], sandboxes: Sandboxes) -> None:
        self._contracts, self._sandboxes = contracts, sandboxes

    def list_requests(self, call: Call) -> Any:
        pattern = {name: call.query[name] for name in FILTERS if name in call.query}
        sandboxes = select_sandboxes(self._sandboxes, call.query.get("sandbox"))
        later = (entry for entry in entries_of(sandboxes) if entry.serial > call.query["after"])
        found = [entry for entry in later if not differences(pattern, entry)]
        offset, limit = call.query["offset"], call.query["limit"]
        return {
            "requests": [entry_json(entry) for entry in found[offset : offset + limit]],
            "total": len(found),
            "dropped": dropped_from(sandboxes),
        }

    def clear_requests(self, call: Call) -> Answer:
        for sandbox in select_sandboxes(self._sandboxes, call.query.get("sandbox")):
            sandbox.journal.clear()
        return Answer(204, None)

    def explain_request(self, call: Call) -> Any:
        entry_id = call.path["request"]
        with refusals_as_problems():
            sandbox = self._sandboxes.get(entry_id.rpartition(".")[0])
        entry = next((entry for entry in sandbox.journal if entry.id == entry_id), None)
        if entry is None:
            raise Problem(
                "not_found", f"the journal has no request {entry_id}; it may have been dropped or cleared"
            )
        contract = self._contracts.get(entry.vendor)
        credential = contract.vendor.auth_headers(sandbox.credential) if contract else {}
        return {**entry_json(entry), "explanation": explanation_json(entry, base_url(call), credential)}

    def count_requests(self, call: Call) -> Any:
        sandboxes = select_sandboxes(self._sandboxes, call.body.get("sandbox"))
        return {"count": len(matching_entries(call.body, sandboxes)), "dropped": dropped_from(sandboxes)}

    def find_requests(self, call: Call) -> Any:
        sandboxes = select_sandboxes(self._sandboxes, call.body.get("sandbox"))
        found = [entry_json(entry) for entry in matching_entries(call.body, sandboxes)]
        return {"requests": found, "dropped": dropped_from(sandboxes)}

    def export_har(self, call: Call) -> Any:
        sandboxes = select_sandboxes(self._sandboxes, call.query.get("sandbox"))
        return har_archive(entries_of(sandboxes), base_url(call))
