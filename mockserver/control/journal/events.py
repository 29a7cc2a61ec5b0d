"""The live stream of the journals: calls, and what happens to sandboxes, as server-sent events."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

from mockserver import __version__
from mockserver.control.journal.entry_json import summary_json
from mockserver.control.journal.queries import SummaryFilter
from mockserver.control.journal.scope import Position, Scope, position_of, scope_of
from mockserver.sandbox.journal.entry import KeptEntry
from mockserver.sandbox.journal.feed import Notice
from mockserver.sandbox.journal.journal import read_on
from mockserver.sandbox.registry import Sandboxes
from mockserver.vendor_api.answer import RawAnswer
from mockserver.vendor_api.call import Call
from mockserver.vendor_api.json_text import encode

HEARTBEAT_SECONDS = 10.0
RETRY = b"retry: 1000\n"  # milliseconds until a browser connects again


class EventControl:
    """The handler of the operation `stream-events`."""

    def __init__(self, sandboxes: Sandboxes) -> None:
        self._sandboxes = sandboxes

    def stream_events(self, call: Call) -> RawAnswer:
        """Stream events until the client disconnects, `count` calls are sent, or `seconds` have passed."""
        scope = scope_of(self._sandboxes, call, call.query.get("sandbox"))
        last = call.headers.get("Last-Event-ID") or call.query.get("last_event_id")
        position = position_of(self._sandboxes, call, last) if last else None
        stream = EventStream(scope, SummaryFilter(call.query), position, call.query.get("count"))
        events = stream.events(float(call.query["seconds"]), call.credential.lasts)
        return RawAnswer("text/event-stream", stream=events)


class EventStream:
    """The events that one client receives: each call once, in the order of their arrival.

    The id of an event is the position in that order. A client that connects again sends the last id that it
    received, and so do we for a client that reads too slowly: the stream reads on from the journals, and says
    how many of the calls since then are gone.
    """

    def __init__(
        self, scope: Scope, chosen: SummaryFilter, position: Position | None, count: int | None
    ) -> None:
        self._scope, self._chosen, self._left = scope, chosen, count
        self._position, self._behind = position or scope.end, position is not None
        self._read = scope.ends

    async def events(
        self, seconds: float, admitted: Callable[[], bool] = lambda: True
    ) -> AsyncIterator[bytes]:
        """Yield the events as bytes, and a comment line if there is nothing to tell for some seconds.

        End after `seconds`, or when the client is no longer admitted: with the next event, or with that line.
        """
        told = time.monotonic()
        deadline = told + seconds
        with self._scope.sandboxes.feed.listen(self._scope.name) as listener:
            yield RETRY + self._event("hello", {"version": __version__, "id": str(self._position)})
            while self._left != 0:
                if self._behind:
                    for event in self._caught_up(*(await asyncio.to_thread(self._read_on))):
                        yield event
                    continue
                if (now := time.monotonic()) >= deadline:
                    return
                news = await listener.read(min(told + HEARTBEAT_SECONDS, deadline) - now)
                if not admitted():
                    return
                if listener.recover():
                    self._behind = True
                    news = [one for one in news if isinstance(one, Notice)]
                for event in self._of_news(news):
                    yield event
                    told = time.monotonic()
                if time.monotonic() >= told + HEARTBEAT_SECONDS:
                    yield b": \n\n"
                    told = time.monotonic()

    def _read_on(self) -> tuple[list[KeptEntry], int, Position]:
        """Return the next entries, the number of all later ones, and the position after the latest one."""
        end, self._read = self._scope.end, self._scope.ends
        after, journals = self._position.arrived, self._scope.journals
        entries, later = read_on(journals, after, end.arrived)
        return [*filter(self._read.have, entries)], later, end

    def _caught_up(self, entries: Sequence[KeptEntry], later: int, end: Position) -> Iterator[bytes]:
        """Yield the events for entries that were read from the journals, and for those that are gone."""
        assert end.count is not None
        count = self._position.count
        missed = 0 if count is None else max(0, end.count - count - later)
        self._position = Position(self._position.arrived, end.count - later)
        if missed:
            yield self._event("missed", {"count": missed})
        for entry in entries:
            yield from self._of_entry(entry)
        self._behind = bool(entries)

    def _of_news(self, news: Sequence[KeptEntry | Notice]) -> Iterator[bytes]:
        for one in news:
            if isinstance(one, KeptEntry):
                if not self._read.have(one):  # else it was read from the journals
                    yield from self._of_entry(one)
            elif one.what == "cleared":
                yield self._event("cleared", {"sandbox": one.sandbox})
            else:
                yield self._event("sandbox", {"sandbox": one.sandbox, "what": one.what})
                if self._scope.is_over(one):
                    self._left = 0
                    return

    def _of_entry(self, entry: KeptEntry) -> Iterator[bytes]:
        """Move on by one call, and yield its event, unless the client does not want it."""
        arrived = max(entry.arrived, self._position.arrived)
        self._position = Position(arrived, (self._position.count or 0) + 1)
        if self._left != 0 and self._chosen.passes(summary := entry.summary()):
            self._left = None if self._left is None else self._left - 1
            yield self._event("call", summary_json(summary))

    def _event(self, kind: str, data: Any) -> bytes:
        return f"event: {kind}\nid: {self._position}\ndata: ".encode() + encode(data) + b"\n\n"
