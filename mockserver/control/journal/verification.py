"""Verification operations of the journal: check that clients made the expected calls, or wait for them."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from mockserver.control.journal.entry_json import entry_json
from mockserver.control.journal.queries import Pattern, first_page, matching_entries, without_sandbox
from mockserver.control.journal.scope import Ends, Position, Scope, scope_of
from mockserver.sandbox.journal.entry import STRAYS, KeptEntry
from mockserver.sandbox.journal.feed import Notice
from mockserver.sandbox.journal.journal import merged
from mockserver.sandbox.journal.matching import first_gap, matches, nearest
from mockserver.sandbox.registry import Sandboxes
from mockserver.vendor_api.answer import Answer
from mockserver.vendor_api.call import Call
from mockserver.vendor_api.problem import Problem
from mockserver.vendor_api.words import value_in_words

MAX_FOUND = 1000
COUNT_FIELDS = ("exactly", "times", "at_least", "at_most", "never")


class VerificationControl:
    """Handlers of the verification operations. Each method is named after its operationId."""

    def __init__(self, sandboxes: Sandboxes) -> None:
        self._sandboxes = sandboxes

    def verify_requests(self, call: Call) -> Any:
        """Check the number of calls that match a pattern.

        Dropped entries cannot be counted. So if entries were dropped, only `at_least` can be verified.
        """
        pattern, expected = call.body["match"], _counts(call.body)
        scope = scope_of(self._sandboxes, call, pattern.get("sandbox"))
        count, dropped = sum(1 for _ in matching_entries(pattern, scope)), scope.dropped
        failure = _count_failure(expected, count)
        if not failure and dropped and not ("at_least" in expected and count >= expected["at_least"]):
            failure = (
                f"the journal has dropped {dropped} calls, so the number of matching calls is unknown;"
                " next time, clear the journal first, then make the calls"
            )
        if failure:
            return _not_verified(failure, count, _nearest(pattern, scope, merged(scope.journals)))
        return {"verified": True, "count": count}

    def verify_sequence(self, call: Call) -> Any:
        """Check that calls matched the patterns in this order. Other calls may come between them."""
        scope = scope_of(self._sandboxes, call, call.body.get("sandbox"))
        sequence = [without_sandbox(pattern) for pattern in call.body["sequence"]]
        entries = [*merged(scope.journals)]
        gap = first_gap(sequence, entries)
        if gap is None:
            return {"verified": True, "count": len(sequence)}
        step, start = gap
        message = f"no call matches step {step + 1}" + (f" after the match for step {step}" if step else "")
        return _not_verified(message, step, _nearest(sequence[step], scope, entries[start:]))

    def wait_for_requests(self, call: Call) -> Callable[[], Awaitable[Any]]:
        """Wait until enough calls match a pattern, or until the time runs out."""
        pattern, expected = call.body["match"], call.body.get("count", 1)
        scope = scope_of(self._sandboxes, call, pattern.get("sandbox"))
        seconds = float(call.body.get("seconds", 5))

        async def wait() -> Any:
            found = await self._wait(pattern, scope, expected, seconds)
            if len(found) < expected:
                message = f"matching calls in {seconds:g} s: expected {expected}, found {len(found)}"
                near = await asyncio.to_thread(_nearest, pattern, scope, merged(scope.journals))
                return _not_verified(message, len(found), near)
            page, more = first_page(found, MAX_FOUND)
            requests = await asyncio.to_thread(lambda: [entry_json(entry.entry()) for entry in page])
            later = str(Position(page[-1].arrived)) if more else None
            return {"requests": requests, "next": later, "dropped": scope.dropped}

        return wait

    async def _wait(
        self, pattern: Pattern, scope: Scope, expected: int, seconds: float
    ) -> Sequence[KeptEntry]:
        """Return the entries that match, as soon as there are enough, or when the time has run out."""
        fields, deadline = without_sandbox(pattern), time.monotonic() + seconds
        with self._sandboxes.feed.listen(scope.name) as listener:
            ends, found = await self._matching(pattern, scope)
            while len(found) < expected and (left := deadline - time.monotonic()) > 0:
                news = await listener.read(left)
                if any(isinstance(one, Notice) and scope.is_over(one) for one in news):
                    break
                if listener.recover():
                    ends, found = await self._matching(pattern, scope)
                entries = (one for one in news if isinstance(one, KeptEntry) and not ends.have(one))
                found += (one for one in entries if matches(fields, one))
        return found

    @staticmethod
    async def _matching(pattern: Pattern, scope: Scope) -> tuple[Ends, list[KeptEntry]]:
        """Return the ends of the journals, and all entries until there that match."""
        ends = scope.ends
        entries = matching_entries(pattern, scope, until=ends.arrived)
        return ends, await asyncio.to_thread(lambda: [*filter(ends.have, entries)])


def _nearest(pattern: Pattern, scope: Scope, entries: Iterable[KeptEntry]) -> list[dict[str, Any]]:
    """Describe the entries that come nearest to a pattern, among them calls that belong to no sandbox.

    A call whose credential is not accepted is in no sandbox's journal. So it is looked for among the strays
    since the sandbox began.
    """
    wanted = without_sandbox(pattern)
    if scope.name in (None, STRAYS) or scope.only is not None or not scope.journals:
        return nearest(wanted, entries)
    strays = merged([scope.sandboxes.journals.strays], scope.journals[0].opened)
    return nearest({**wanted, "sandbox": scope.name}, chain(entries, strays))


def _counts(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the expected numbers of calls. `exactly` has the value of `times`, which means the same.

    Raise Problem if no number of calls can meet all of them.
    """
    expected = {name: body[name] for name in COUNT_FIELDS if name in body}
    least = [expected[name] for name in ("exactly", "times", "at_least") if name in expected]
    most = [expected[name] for name in ("exactly", "times", "at_most") if name in expected]
    most += [0] if expected.get("never") else []
    if least and most and max(least) > min(most):
        sent = ", ".join(f"{name} {value_in_words(value)}" for name, value in expected.items())
        raise Problem("invalid", f"no number of calls can meet all of these: {sent}; leave one out")
    if "times" in expected:
        expected["exactly"] = expected.pop("times")
    return expected


def _count_failure(expected: Mapping[str, Any], count: int) -> str:
    """Return a message if the number of matching calls is wrong, otherwise an empty string."""
    if "exactly" in expected and count != expected["exactly"]:
        return f"matching calls: expected exactly {expected['exactly']}, found {count}"
    if "at_least" in expected and count < expected["at_least"]:
        return f"matching calls: expected at least {expected['at_least']}, found {count}"
    if "at_most" in expected and count > expected["at_most"]:
        return f"matching calls: expected at most {expected['at_most']}, found {count}"
    if expected.get("never") and count:
        return f"matching calls: expected none, found {count}"
    return "no call matches" if not count and not expected else ""


def _not_verified(message: str, count: int, near: list[dict[str, Any]]) -> Answer:
    return Answer(406, {"error": "not_verified", "message": message, "count": count, "nearest": near})
