"""Operations on one call in the journal: explain it, and send it again."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from mockserver.contract.contract import Contract
from mockserver.control.journal.candidates import Edits
from mockserver.control.journal.entry_json import entry_json, explanation_json
from mockserver.control.journal.rehearsal import Rehearsals
from mockserver.control.journal.reproduce import repeated
from mockserver.control.journal.scope import entry_with_id
from mockserver.control.journal.smallest_change import Search
from mockserver.control.lookup import base_url
from mockserver.sandbox.journal.entry import Entry, KeptEntry
from mockserver.sandbox.registry import Sandboxes
from mockserver.server.pipeline.local_call import respond
from mockserver.server.pipeline.pipeline import Pipeline
from mockserver.vendor_api.call import Call
from mockserver.vendor_api.json_text import decode
from mockserver.vendor_api.problem import Problem
from mockserver.vendor_api.raw_request import RawRequest

NOT_KEPT = "the call cannot be sent again: the journal does not have all of its body"
NOT_TO_US = "this call went to a webhook, so it cannot be sent to the mock"
NOT_REFUSED = "the call was not refused, so there is no smallest change: send it again as it is"
NO_CHANGE = "no change of the request was found with which the vendor would accept it"
# These refusals are not about what was sent, or not about a part that could be changed.
NOT_FOR_EDITS = ("limits", "transfer")


class OneRequestControl:
    """Handlers of the operations. `pipeline` returns the server's pipeline, which is made after this."""

    def __init__(
        self,
        contracts: Mapping[str, Contract],
        sandboxes: Sandboxes,
        rehearsals: Rehearsals,
        pipeline: Callable[[], Pipeline],
    ) -> None:
        self._contracts, self._sandboxes = contracts, sandboxes
        self._rehearsals, self._pipeline = rehearsals, pipeline

    def explain_request(self, call: Call) -> Any:
        kept = entry_with_id(self._sandboxes, call, call.path["request"])
        return self._explained(kept, call)

    def send_request(self, call: Call) -> Callable[[], Awaitable[Any]]:
        """Send a call again, as a call of its own, and answer with it."""
        kept = entry_with_id(self._sandboxes, call, call.path["request"])
        raw = kept.raw_request()
        if raw is None:
            raise Problem("invalid", NOT_TO_US if kept.direction == "outgoing" else NOT_KEPT)
        if call.body.get("smallest_change"):
            raw = self._changed(kept.entry(), raw)
        pipeline = self._pipeline()

        async def send() -> Any:
            response, entry = await respond(pipeline, raw)
            if entry is None:  # the mock itself has refused it
                raise Problem("invalid", str(decode(response.body)["message"]))
            return await asyncio.to_thread(self._explained, entry, call)  # the search may take a second

        return send

    def _changed(self, entry: Entry, raw: RawRequest) -> RawRequest:
        """Return a request with its smallest change. Raise Problem if there is none."""
        if entry.explanation is None:
            raise Problem("invalid", NOT_REFUSED)
        search = self._search(entry, raw)
        edits = _edits(entry, search)
        if edits is None:
            advice = "; ".join(entry.explanation.smallest_change)
            raise Problem("invalid", f"{NO_CHANGE}: {advice}" if advice else NO_CHANGE)
        return search.with_edits(edits)

    def _search(self, entry: Entry, raw: RawRequest) -> Search:
        return Search(self._rehearsals, self._pipeline().router, raw, entry.path)

    def _explained(self, kept: KeptEntry, call: Call) -> Any:
        entry, raw = kept.entry(), kept.raw_request()
        contract, sandbox = self._contracts.get(entry.vendor), self._sandboxes.find(entry.sandbox)
        credential = contract.vendor.auth_headers(sandbox.credential) if contract and sandbox else {}
        search = self._search(entry, raw) if raw else None
        edits = _edits(entry, search) if search else None
        mended = search.with_edits(edits) if search and edits else None
        request = repeated(entry, base_url(call), credential)
        return {**entry_json(entry), "explanation": explanation_json(entry, edits, request, mended)}


def _edits(entry: Entry, search: Search) -> Edits | None:
    refusal = entry.explanation
    return search.find() if refusal and refusal.check not in NOT_FOR_EDITS else None
