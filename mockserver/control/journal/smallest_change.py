"""The smallest change of a refused request: a search for the edits with which it would succeed now.

Each step rehearses the request, and mends what the refusal says. Where that is not enough, because only the
handler knows the rule, single edits are tried until one of them succeeds. What turns out to be needless is
taken back. The number of rehearsals and their time are bounded.
"""

import logging
import time
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from mockserver.contract.exchange import Exchange
from mockserver.contract.refusals.edits import edited
from mockserver.control.journal.candidates import (
    Edits,
    candidates,
    for_no_vendor,
    is_example_of_field,
    record_at,
    stated,
    whole_path,
    with_present_values,
)
from mockserver.control.journal.rehearsal import Rehearsals
from mockserver.sandbox.journal.entry import Edit
from mockserver.server.http.errors import MockError
from mockserver.server.router import NoVendor, Router
from mockserver.vendor_api.failure import UNEXPECTED, description
from mockserver.vendor_api.json_text import decode
from mockserver.vendor_api.raw_request import RawRequest

MAX_REHEARSALS, MAX_STEPS = 100, 8
MAX_SECONDS = 0.25  # of CPU time, so that a busy machine finds the same edits
log = logging.getLogger("mockserver")
Outcome = Exchange | MockError | None  # None: the mock itself failed


class Search:
    """The search for one request, in one thread. `path` is its path at its vendor, maybe without a prefix."""

    def __init__(self, rehearsals: Rehearsals, router: Router, raw: RawRequest, path: str) -> None:
        self._rehearsals, self._router, self._raw = rehearsals, router, raw
        self._prefix = raw.path.removesuffix(path)
        self._tries, self._deadline = 0, time.thread_time() + MAX_SECONDS
        self._seen: set[object] = set()

    def find(self) -> Edits | None:
        """Return the edits, or None if none were found. If the request would succeed now, there are none."""
        try:
            edits = self._found()
            return edits and self._with_one_path(edits)
        except UNEXPECTED as error:  # an explanation must not fail because of a vendor's `items`
            log.error("the search for a smallest change failed: %s", description(error), exc_info=error)
            return None

    def _found(self) -> Edits | None:
        edits: Edits = ()
        outcome = self._rehearse(edits)
        for _ in range(MAX_STEPS):
            if _succeeds(outcome):
                return self._needed(edits)
            self._seen.add(_signature(outcome))
            step = self._step(edits, outcome)
            if step is None:
                return None
            edits, outcome = step
        return None

    def _with_one_path(self, edits: Edits) -> Edits:
        """Return the edits with one of the whole path for several: the first alone leads nowhere."""
        of_path = [edit for edit in edits if edit.place == "path"]
        if len(of_path) < 2 or all(edit.name for edit in of_path):
            return edits
        path = self.with_edits(edits).path.removeprefix(self._prefix)
        rest = (edit for edit in edits if edit.place != "path")
        return (replace(whole_path(path), origin=of_path[-1].origin), *rest)

    def with_edits(self, edits: Edits) -> RawRequest:
        """Return the request with these edits."""
        whole = [edit for edit in edits if edit.place != "path" or not edit.name]
        raw = edited(self._raw, whole, self._prefix, None)
        values = [edit for edit in edits if edit.place == "path" and edit.name]
        if values:
            path = self._router.route(raw).path
            raw = edited(raw, values, self._prefix, path.template if path else None)
        return raw

    def _step(self, edits: Edits, outcome: Outcome) -> tuple[Edits, Outcome] | None:
        """Return more edits, with which the request succeeds, or is at least refused for another reason."""
        other = None
        for more in self._stated(edits, outcome):
            tried = _merged(edits, more)
            after = self._rehearse(tried)
            if _succeeds(after) or self._is_new(after):
                return tried, after
        for more in self._candidates(outcome):
            tried = _merged(edits, more)
            after = self._rehearse(tried)
            if _succeeds(after):
                return tried, after
            if other is None and self._is_new(after):
                other = tried, after
            if self._is_over:
                return None
        return other

    def _stated(self, edits: Edits, outcome: Outcome) -> Iterator[Edits]:
        """Yield the edits that follow from a refusal: with values of the record, and with examples."""
        if not isinstance(outcome, Exchange) or not (more := stated(outcome)):
            return
        if any(is_example_of_field(edit) for edit in more):
            kept = with_present_values(more, self._record(edits) or record_at(outcome))
            if kept != more:
                yield kept
        yield more

    def _record(self, edits: Edits) -> Mapping[str, Any]:
        """Return what the vendor has at the path now, as it would tell a client, or nothing."""
        elsewhere = tuple(edit for edit in edits if edit.place not in ("method", "body", "query"))
        raw = self.with_edits(elsewhere)
        raw = replace(raw, method="GET", query="", body=b"")
        found = self._answer(raw)
        if found is None and isinstance(refused := self._rehearsed(raw), Exchange) and refused.problem:
            query = [edit for edit in stated(refused) if edit.place == "query"]  # maybe it needs one
            found = self._answer(edited(raw, query, self._prefix, None)) if query else None
        return found if isinstance(found, dict) else {}

    def _answer(self, raw: RawRequest) -> Any:
        """Return the JSON that the vendor answers, or None if it refuses the request or there is no time."""
        outcome = None if self._is_over else self._rehearsed(raw)
        if not isinstance(outcome, Exchange) or not _succeeds(outcome) or outcome.response is None:
            return None
        try:
            return decode(outcome.response.body)
        except ValueError:
            return None

    def _candidates(self, outcome: Outcome) -> Iterator[Edits]:
        match outcome:
            case Exchange():
                sent = outcome.raw.path.removesuffix(outcome.request.target.partition("?")[0])
                yield from candidates(outcome, sent.removeprefix(self._prefix), self._answer)
            case NoVendor():
                yield from for_no_vendor(self._router, self._raw.method, self._raw.path)

    def _needed(self, edits: Edits) -> Edits:
        """Return the edits without those that the request can do without."""
        for edit in edits:
            fewer = tuple(one for one in edits if one is not edit)
            if len(edits) > 1 and not self._is_over and _succeeds(self._rehearse(fewer)):
                edits = fewer
        return edits

    def _rehearse(self, edits: Edits) -> Outcome:
        return self._rehearsed(self.with_edits(edits))

    def _rehearsed(self, raw: RawRequest) -> Outcome:
        self._tries += 1
        try:
            return self._rehearsals.exchange(self._router.route(raw), raw)
        except MockError as error:
            return error
        except UNEXPECTED:  # so would the call with these edits: the code of a user's own vendor may fail
            return None

    def _is_new(self, outcome: Outcome) -> bool:
        return isinstance(outcome, Exchange) and _signature(outcome) not in self._seen

    @property
    def _is_over(self) -> bool:
        return self._tries >= MAX_REHEARSALS or time.thread_time() > self._deadline


def _succeeds(outcome: Outcome) -> bool:
    response = outcome.response if isinstance(outcome, Exchange) else None
    return response is not None and response.status < 400


def _signature(outcome: Outcome) -> object:
    """Return a value that is equal for two refusals with the same reason."""
    problem = outcome.problem if isinstance(outcome, Exchange) else None
    if problem is None:
        return type(outcome)
    violations = tuple((one.place, one.name, one.rule) for one in problem.violations)
    return problem.kind, problem.message, tuple(problem.fields.items()), violations


def _merged(edits: Edits, more: Edits) -> Edits:
    """Return all edits. A later one replaces earlier ones of the same value, or of a part of it."""
    kept = [one for one in edits if not any(_covers(later, one) for later in more)]
    return (*kept, *more)


def _covers(later: Edit, earlier: Edit) -> bool:
    same = later.name.lower() == earlier.name.lower()
    return later.place == earlier.place and (same or not later.name)
