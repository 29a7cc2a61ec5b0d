"""Verification operations of the journal: check that clients made the expected calls, or wait for them."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from mockserver.control.journal.entry_json import entry_json
from mockserver.control.journal.queries import (
    Pattern,
    dropped_from,
    entries_of,
    existing_sandboxes,
    is_in_scope,
    matching_entries,
    select_sandboxes,
    without_sandbox,
)
from mockserver.sandbox.journal.matching import differences, first_gap, nearest
from mockserver.sandbox.registry import Sandboxes
from mockserver.sandbox.sandbox import Sandbox
from mockserver.vendor_api.answer import Answer
from mockserver.vendor_api.call import Call
from mockserver.vendor_api.problem import Problem
from mockserver.vendor_api.words import value_in_words

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
        sandboxes = select_sandboxes(self._sandboxes, pattern.get("sandbox"))
        count, dropped = len(matching_entries(pattern, sandboxes)), dropped_from(sandboxes)
        failure = _count_failure(expected, count)
        if not failure and dropped and not ("at_least" in expected and count >= expected["at_least"]):
            failure = (
                f"the journal has dropped {dropped} calls, so the number of matching calls is unknown;"
                " next time, clear the journal first, then make the calls"
            )
        if failure:
            return _not_verified(failure, count, nearest(without_sandbox(pattern), entries_of(sandboxes)))
        return {"verified": True, "count": count}

    def verify_sequence(self, call: Call) -> Any:
        """Check that calls matched the patterns in this order. Other calls may come between them."""
        sandboxes = select_sandboxes(self._sandboxes, call.body.get("sandbox"))
        sequence = [without_sandbox(pattern) for pattern in call.body["sequence"]]
        gap = first_gap(sequence, [*entries_of(sandboxes)])
        if gap is None:
            return {"verified": True, "count": len(sequence)}
        step, later = gap
        message = f"no call matches step {step + 1}" + (f" after the match for step {step}" if step else "")
        return _not_verified(message, step, nearest(sequence[step], later))

    def wait_for_requests(self, call: Call) -> Callable[[], Awaitable[Any]]:
        """Wait until enough calls match a pattern, or until the time runs out."""
        pattern, expected = call.body["match"], call.body.get("count", 1)
        select_sandboxes(self._sandboxes, pattern.get("sandbox"))  # refuses an unknown sandbox

        async def wait() -> Any:
            seconds = float(call.body.get("seconds", 5))
            deadline = time.monotonic() + seconds
            with self._sandboxes.feed.listen() as new_entries:
                found = matching_entries(pattern, self._existing(pattern))
                while len(found) < expected:
                    try:
                        timeout = max(0, deadline - time.monotonic())
                        entry = await asyncio.wait_for(new_entries.get(), timeout)
                    except TimeoutError:
                        message = f"matching calls in {seconds:g} s: expected {expected}, found {len(found)}"
                        near = nearest(without_sandbox(pattern), entries_of(self._existing(pattern)))
                        return _not_verified(message, len(found), near)
                    if is_in_scope(entry, pattern) and not differences(without_sandbox(pattern), entry):
                        found.append(entry)
            dropped = dropped_from(self._existing(pattern))
            return {"requests": [entry_json(entry) for entry in found], "dropped": dropped}

        return wait

    def _existing(self, pattern: Pattern) -> list[Sandbox]:
        """Return the pattern's sandboxes that exist now. They may be created or deleted during a wait."""
        return existing_sandboxes(self._sandboxes, pattern.get("sandbox"))


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
