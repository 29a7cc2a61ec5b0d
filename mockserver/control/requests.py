"""Control of journals: what was called, whether it was what a test expects, and waiting for it."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from itertools import chain
from typing import Any

from mockserver.catalog.products import iso_timestamp
from mockserver.contract.response import RawAnswer
from mockserver.control.har import har_entry
from mockserver.control.lookup import base_url, refusals
from mockserver.control.reproduce import curl
from mockserver.sandbox.journal.entry import Entry
from mockserver.sandbox.journal.matching import differences, first_gap, nearest
from mockserver.sandbox.registry import Sandboxes
from mockserver.sandbox.sandbox import Sandbox
from mockserver.vendor_api.call import Answer, Call
from mockserver.vendor_api.json_text import encode
from mockserver.vendor_api.problem import Problem

Pattern = Mapping[str, Any]
HEARTBEAT = 10.0
FEW = 100
EXACT = ("vendor", "operation", "method", "status", "path")


class RequestControl:
    """Operations on the journals of one server's sandboxes."""

    def __init__(self, sandboxes: Sandboxes) -> None:
        self._sandboxes = sandboxes

    def list_requests(self, call: Call) -> Any:
        pattern = {name: call.query[name] for name in EXACT if name in call.query}
        sandboxes = self._scope(call.query.get("sandbox"))
        entries = (entry for entry in _entries(sandboxes) if entry.serial > call.query["after"])
        found = [entry for entry in entries if not differences(pattern, entry)]
        offset, limit = call.query["offset"], call.query["limit"]
        return {
            "requests": [_shown(entry) for entry in found[offset : offset + limit]],
            "total": len(found),
            "dropped": _dropped(sandboxes),
        }

    def clear_requests(self, call: Call) -> Answer:
        for sandbox in self._scope(call.query.get("sandbox")):
            sandbox.journal.clear()
        return Answer(204, None)

    def explain_request(self, call: Call) -> Any:
        name = call.path["request"]
        with refusals():
            journal = self._sandboxes.get(name.rpartition(".")[0]).journal
        entry = next((entry for entry in journal if entry.id == name), None)
        if entry is None:
            raise Problem("not_found", f"there is no request {name}; it may have been dropped")
        return {**_shown(entry), "explanation": _explained(entry, call)}

    def count_requests(self, call: Call) -> Any:
        sandboxes = self._scope(call.body.get("sandbox"))
        return {"count": len(_matching(call.body, sandboxes)), "dropped": _dropped(sandboxes)}

    def find_requests(self, call: Call) -> Any:
        sandboxes = self._scope(call.body.get("sandbox"))
        found = [_shown(entry) for entry in _matching(call.body, sandboxes)]
        return {"requests": found, "dropped": _dropped(sandboxes)}

    def verify_requests(self, call: Call) -> Any:
        """Whether as many calls fit a pattern as they should; what was dropped could not be counted."""
        pattern = call.body["match"]
        sandboxes = self._scope(pattern.get("sandbox"))
        count, dropped = len(_matching(pattern, sandboxes)), _dropped(sandboxes)
        wrong = _wrong_count(call.body, count)
        if not wrong and dropped and not ("at_least" in call.body and count >= call.body["at_least"]):
            wrong = f"{dropped} calls were dropped from the journal, so this cannot be known"
        if wrong:
            return _not_verified(wrong, count, nearest(_plain(pattern), _entries(sandboxes)))
        return {"verified": True, "count": count}

    def verify_sequence(self, call: Call) -> Any:
        """Whether calls that fit the patterns came in their order, with others between them or not."""
        sandboxes = self._scope(call.body.get("sandbox"))
        sequence = [_plain(pattern) for pattern in call.body["sequence"]]
        gap = first_gap(sequence, [*_entries(sandboxes)])
        if gap is None:
            return {"verified": True, "count": len(sequence)}
        step, rest = gap
        return _not_verified(
            f"no call fits step {step + 1} after those before it", step, nearest(sequence[step], rest)
        )

    def wait_for_requests(self, call: Call) -> Callable[[], Awaitable[Any]]:
        """As soon as so many calls fit a pattern, or when the time is over."""
        pattern, least = call.body["match"], call.body.get("count", 1)
        self._scope(pattern.get("sandbox"))

        async def wait() -> Any:
            until = time.monotonic() + float(call.body.get("seconds", 5))
            with self._sandboxes.feed.listen() as heard:
                found = _matching(pattern, self._there(pattern))
                while len(found) < least:
                    try:
                        entry = await asyncio.wait_for(heard.get(), max(0, until - time.monotonic()))
                    except TimeoutError:
                        return self._waited_in_vain(pattern, len(found), least)
                    if _is_of(entry, pattern) and not differences(_plain(pattern), entry):
                        found.append(entry)
            return {"requests": [_shown(entry) for entry in found], "dropped": _dropped(self._there(pattern))}

        return wait

    def _waited_in_vain(self, pattern: Pattern, found: int, least: int) -> Answer:
        near = nearest(_plain(pattern), _entries(self._there(pattern)))
        return _not_verified(f"{found} of {least} calls came in time", found, near)

    def _there(self, pattern: Pattern) -> list[Sandbox]:
        """The sandboxes of a pattern that there are at this moment."""
        name = pattern.get("sandbox")
        return [*self._sandboxes] if name is None else self._found(name)

    def stream_events(self, call: Call) -> RawAnswer:
        """Every call from now on as a server-sent event, until the client goes or the bounds are reached."""
        most, until = call.query.get("count"), time.monotonic() + float(call.query["seconds"])
        self._scope(call.query.get("sandbox"))

        async def events() -> AsyncIterator[bytes]:
            sent = 0
            with self._sandboxes.feed.listen() as heard:
                yield b": the journal, as it is written\n\n"
                while (left := until - time.monotonic()) > 0 and sent != most:
                    try:
                        entry = await asyncio.wait_for(heard.get(), min(HEARTBEAT, left))
                    except TimeoutError:
                        yield b": \n\n"
                        continue
                    if _is_of(entry, call.query):
                        sent += 1
                        yield b"id: %s\ndata: %s\n\n" % (entry.id.encode(), encode(_shown(entry)))

        return RawAnswer("text/event-stream", stream=events())

    def export_har(self, call: Call) -> Any:
        entries = [
            har_entry(entry, base_url(call)) for entry in _entries(self._scope(call.query.get("sandbox")))
        ]
        creator = {"name": "mockserver", "version": "1"}
        return {"log": {"version": "1.2", "creator": creator, "entries": entries}}

    def _found(self, name: str) -> list[Sandbox]:
        found = self._sandboxes.find(name)
        return [found] if found else []

    def _scope(self, name: str | None) -> list[Sandbox]:
        """The sandbox of a name, or all."""
        with refusals():
            return [*self._sandboxes] if name is None else [self._sandboxes.get(name)]


def reads_much(sandboxes: Sandboxes, call: Call) -> bool:
    """Whether a call of these operations reads more than a few entries."""
    asked = call.body or call.query
    name = asked.get("sandbox") or asked.get("match", {}).get("sandbox")
    if name is None:
        return sandboxes.feed.published > FEW
    return any(len(sandbox.journal) > FEW for sandbox in filter(None, [sandboxes.find(name)]))


def _is_of(entry: Entry, asked: Mapping[str, Any]) -> bool:
    return asked.get("sandbox") in (None, entry.sandbox)


def _entries(sandboxes: list[Sandbox]) -> Iterator[Entry]:
    return iter(sorted(chain(*(sandbox.journal for sandbox in sandboxes)), key=lambda entry: entry.serial))


def _matching(pattern: Pattern, sandboxes: list[Sandbox]) -> list[Entry]:
    plain = _plain(pattern)
    return [entry for entry in _entries(sandboxes) if not differences(plain, entry)]


def _plain(pattern: Pattern) -> Pattern:
    """A pattern without the sandbox, which has chosen the journals already."""
    return {name: value for name, value in pattern.items() if name != "sandbox"}


def _dropped(sandboxes: list[Sandbox]) -> int:
    return sum(sandbox.journal.dropped for sandbox in sandboxes)


def _wrong_count(asked: Mapping[str, Any], count: int) -> str:
    if "exactly" in asked and count != asked["exactly"]:
        return f"{count} calls fit, not exactly {asked['exactly']}"
    if "at_least" in asked and count < asked["at_least"]:
        return f"{count} calls fit, not at least {asked['at_least']}"
    if "at_most" in asked and count > asked["at_most"]:
        return f"{count} calls fit, not at most {asked['at_most']}"
    if asked.get("never") and count:
        return f"{count} calls fit, not none"
    plain = not asked.keys() & {"exactly", "at_least", "at_most", "never"}
    return "no call fits" if plain and not count else ""


def _not_verified(message: str, count: int, near: list[dict[str, Any]]) -> Answer:
    return Answer(406, {"error": "not_verified", "message": message, "count": count, "nearest": near})


def _shown(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "time": iso_timestamp(entry.time),
        "sandbox": entry.sandbox,
        "vendor": entry.vendor,
        "operation": entry.operation,
        "request": {
            "method": entry.method,
            "target": entry.target,
            "headers": dict(entry.request_headers),
            "body": entry.request_body,
        },
        "response": {
            "status": entry.status,
            "headers": dict(entry.response_headers),
            "body": entry.response_body,
        },
        "milliseconds": entry.milliseconds,
        "engine": entry.engine,
        "fault": entry.fault,
        "evidence": entry.evidence,
        "changes": [
            {name: getattr(change, name) for name in ("vendor", "collection", "key", "before", "after")}
            for change in entry.changes
        ],
        "remarks": list(entry.remarks),
    }


def _explained(entry: Entry, call: Call) -> dict[str, Any]:
    explanation = entry.explanation
    return {
        "check": explanation.check if explanation else None,
        "why": list(explanation.why) if explanation else [],
        "spec": list(explanation.spec) if explanation else [],
        "smallest_change": list(explanation.smallest_change) if explanation else [],
        "curl": curl(entry, base_url(call)),
    }
