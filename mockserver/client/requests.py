"""The journal: find, count, wait for and verify the calls that clients made."""

import sys
from collections.abc import Iterator, Mapping
from typing import Any, Unpack
from urllib.parse import urlencode

from mockserver.client import assertion_messages
from mockserver.client.assertion_messages import MAX_CALLS, shorten
from mockserver.client.models import Edit, Explanation, Filter, Pattern, Request, Summary, Totals
from mockserver.client.transport import ControlApi, Refused

__tracebackhide__ = True  # pytest shows the caller's line, not these
PAGE_SIZE = 1000
MAX_SECONDS, STEP_SECONDS = 60, 1  # of a wait: what the control API allows, and one step of `wait_for_async`
STRAYS = "-"  # the name of the journal of calls that belong to no sandbox
NOT_VERIFIED = 406  # the status of a verification that failed


class Requests:
    """The journal of one sandbox or of all sandboxes. Iterate over it to get all calls, oldest first.

    Pass the fields of a `Pattern` as keyword arguments, such as `method="GET", status=404`.
    """

    def __init__(self, request: ControlApi, sandbox: str | None = None) -> None:
        self._request, self._sandbox = request, sandbox
        self._scope = {} if sandbox is None else {"sandbox": sandbox}

    def __iter__(self) -> Iterator[Request]:
        return self._pages({})

    def after(self, position: str | Request) -> Iterator[Request]:
        """Yield the calls that came after a call or a `position`, oldest first."""
        return self._pages({"after": position if isinstance(position, str) else position.id})

    @property
    def position(self) -> str:
        """The present end of the journal: pass it to `after` later, to get the calls that have come since."""
        position: str = self._page(limit=1)["position"]
        return position

    def summaries(self, **filters: Unpack[Filter]) -> Iterator[Summary]:
        """Yield the calls that pass all filters in short, newest first."""
        query, before = _query_of(filters), None
        while True:
            page = self._page(**query, limit=PAGE_SIZE, before=before)
            yield from map(Summary.of, page["requests"])
            before = page["next"]
            if before is None:
                return

    def latest(self, count: int) -> list[Request]:
        """Return the latest calls, oldest first."""
        return list(self._pages(self._before_latest(count)))[-count:]

    def _before_latest(self, count: int) -> dict[str, str]:
        """Return the field of a search that leaves out all but the latest calls."""
        older = self._page(limit=count)["next"]
        return {} if older is None else {"after": older}

    def find(self, **pattern: Unpack[Pattern]) -> list[Request]:
        """Return the calls that match a pattern, oldest first."""
        return list(self._pages(self._pattern_json(pattern)))

    def _pages(self, search: Mapping[str, Any]) -> Iterator[Request]:
        body = {**self._scope, "limit": PAGE_SIZE, **search}
        while True:
            page = self._request("POST", "/_mock/requests/find", body)
            yield from map(Request.of, page["requests"])
            body["after"] = page["next"]
            if page["next"] is None:
                return

    def _page(self, **query: Any) -> Any:
        return self._request("GET", self._journal_path(**query))

    def count(self, **pattern: Unpack[Pattern]) -> int:
        """Return how many calls match a pattern."""
        return int(self._request("POST", "/_mock/requests/count", self._pattern_json(pattern))["count"])

    def totals(self) -> Totals:
        """Return how many calls there are by operation, and how many each check has refused."""
        scope = f"?{urlencode(self._scope)}" if self._scope else ""
        return Totals(**self._request("GET", f"/_mock/requests/totals{scope}"))

    def clear(self) -> None:
        """Remove all calls from the journal."""
        self._request("DELETE", self._journal_path())

    def explain(self, request: Request) -> Explanation:
        """Return why a call was refused. Raise Refused if the call is no longer in the journal."""
        explanation = self._request("GET", f"/_mock/requests/{request.id}")["explanation"]
        edits = explanation["edits"]
        return Explanation(
            explanation["check"],
            tuple(explanation["why"]),
            tuple(explanation["spec"]),
            tuple(explanation["smallest_change"]),
            explanation["curl"],
            None if edits is None else tuple(Edit(**edit) for edit in edits),
        )

    def send(self, request: Request, *, smallest_change: bool = False) -> Request:
        """Send a call again, as it was or with the edits of its explanation. Return the new call.

        Raise Refused if the call is no longer in the journal, or if it cannot be sent.
        """
        path, body = f"/_mock/requests/{request.id}/send", {"smallest_change": smallest_change}
        answer = self._request("POST", path, body)
        del answer["explanation"]
        return Request.of(answer)

    def assert_called(
        self, *, times: int | None = None, at_least: int | None = None, at_most: int | None = None,
        never: bool = False, **pattern: Unpack[Pattern],
    ) -> None:  # fmt: skip
        """Raise AssertionError unless the right number of calls match a pattern.

        By default, at least one call must match. The message shows the differences.
        """
        match = self._pattern_json(pattern)
        counts = {"exactly": times, "at_least": at_least, "at_most": at_most, "never": never or None}
        expected = {name: count for name, count in counts.items() if count is not None}
        try:
            self._request("POST", "/_mock/requests/verify", {"match": match, **expected})
        except Refused as refused:
            text = assertion_messages.expected_calls(match, expected)
            raise self._failure(refused, text, match, limit=_upper_limit(expected)) from None

    def assert_sequence(self, *patterns: Pattern) -> None:
        """Raise AssertionError unless calls that match the patterns were made in this order.

        Other calls may come between them. The message shows the first step that is missing.
        """
        sequence = [self._pattern_json(pattern) for pattern in patterns]
        try:
            self._request("POST", "/_mock/requests/verify-sequence", {**self._scope, "sequence": sequence})
        except Refused as refused:
            matched = refused.answer.get("count", 0)
            raise self._failure(refused, assertion_messages.expected_sequence(sequence, matched)) from None

    def wait_for(self, *, count: int = 1, seconds: float = 5, **pattern: Unpack[Pattern]) -> list[Request]:
        """Return the calls that match a pattern, as soon as there are `count` of them.

        Raise AssertionError if there are fewer after `seconds` (at most 60). Raise RuntimeError if an event
        loop is running in this thread: the loop could not make the calls. Use `wait_for_async` there.
        """
        if _event_loop_is_running():
            raise RuntimeError(
                "wait_for would block the running event loop, which then makes no calls: "
                "use `await wait_for_async(...)`, with the same arguments"
            )
        match = self._pattern_json(pattern)
        try:
            return self._wait(match, count, seconds)
        except Refused as refused:
            raise self._failure(
                refused, assertion_messages.expected_calls(match, {"at_least": count})
            ) from None

    async def wait_for_async(
        self, *, count: int = 1, seconds: float = 5, **pattern: Unpack[Pattern]
    ) -> list[Request]:
        """Do the same as `wait_for` in a coroutine. The event loop goes on running meanwhile."""
        import asyncio  # slow to import, and few clients need it

        match, loop = self._pattern_json(pattern), asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while True:
            left = deadline - loop.time()
            # The thread cannot be cancelled. So let it wait in short steps: a coroutine that is cancelled
            # does not leave it waiting for long. The server refuses a time that is not valid.
            step = seconds if not 0 <= seconds <= MAX_SECONDS else min(max(left, 0), STEP_SECONDS)
            try:
                return await asyncio.to_thread(self._wait, match, count, step)
            except Refused as refused:
                if refused.status == NOT_VERIFIED and loop.time() < deadline:
                    continue
                found = refused.answer.get("count")
                message = f"matching calls in {seconds:g} s: expected {count}, found {found}"
                if refused.status == NOT_VERIFIED:  # the server's message has the time of the last step
                    refused = Refused(refused.status, {**refused.answer, "message": message})
                expected = assertion_messages.expected_calls(match, {"at_least": count})
                raise await asyncio.to_thread(self._failure, refused, expected) from None

    def _wait(self, match: Mapping[str, Any], count: int, seconds: float) -> list[Request]:
        body = {"match": match, "count": count, "seconds": seconds}
        return [
            Request.of(entry) for entry in self._request("POST", "/_mock/requests/wait", body)["requests"]
        ]

    def _failure(
        self,
        refused: Refused,
        expected: str,
        match: Mapping[str, Any] | None = None,
        limit: int | None = None,
    ) -> Exception:
        """Return an AssertionError with a message that explains a failed verification.

        If the server refused the request for another reason, return `refused` itself. The message marks
        calls that match the pattern `match`. `limit` is the largest number of calls allowed, or None.
        """
        if refused.status != NOT_VERIFIED:
            return refused
        answer, latest = dict(refused.answer), self._before_latest(MAX_CALLS)
        calls, total = list(self._pages(latest)), self.count()
        if limit is not None and answer["count"] > limit:
            answer["nearest"] = []  # too many calls match: showing a call that almost matches would not help
        matching = set[str]()
        if match is not None and answer["count"]:
            matching = {call.id for call in self._pages({**match, **latest})}
        lines = [(summary_line(call), call.id in matching) for call in calls[-MAX_CALLS:]]
        where = f" in sandbox {self._sandbox}" if self._sandbox else ""
        earlier = total - len(lines)
        return AssertionError(assertion_messages.failure_message(expected, answer, lines, where, earlier))

    def _pattern_json(self, pattern: Mapping[str, Any]) -> dict[str, Any]:
        texts = {
            name: {key: str(value) for key, value in pattern[name].items()}
            for name in ("query", "headers")
            if name in pattern
        }
        return {**self._scope, **pattern, **texts}

    def _journal_path(self, **query: Any) -> str:
        sent = {name: value for name, value in query.items() if value is not None}
        return f"/_mock/requests?{urlencode({**self._scope, **sent})}"


def _query_of(filters: Mapping[str, Any]) -> dict[str, str]:
    """Return filters as parameters of a query."""
    query = {}
    for name, value in filters.items():
        if isinstance(value, bool):
            query[name] = "true" if value else "false"
        else:
            query[name] = ",".join(value) if isinstance(value, list | tuple) else str(value)
    return query


def _event_loop_is_running() -> bool:
    """Return True if an event loop is running in this thread. Does not import asyncio."""
    asyncio = sys.modules.get("asyncio")
    return bool(asyncio and asyncio._get_running_loop())


def _upper_limit(counts: Mapping[str, Any]) -> int | None:
    """Return the largest number of calls allowed, or None if there is no limit."""
    return 0 if counts.get("never") else counts.get("exactly", counts.get("at_most"))


def summary_line(request: Request) -> str:
    """Return a call in one line, as in the server's log, followed by its fault, remarks and notes."""
    vendor = "no vendor" if request.vendor == "-" else request.vendor
    details = [f"fault: {request.fault}"] if request.fault else []
    details += [f"remark: {shorten(remark)}" for remark in request.remarks]
    details += [f"note: {shorten(note)}" for note in request.notes]
    call = f"{vendor:<11} {request.status or '---'} {request.method:<6} {shorten(request.target)}"
    return "  ".join([call, *details])
