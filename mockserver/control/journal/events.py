"""The live stream of journals: every new call as a server-sent event."""

import asyncio
import time
from collections.abc import AsyncIterator

from mockserver.contract.response import RawAnswer
from mockserver.control.journal.entry_json import entry_json
from mockserver.control.journal.queries import is_in_scope, select_sandboxes
from mockserver.sandbox.registry import Sandboxes
from mockserver.vendor_api.call import Call
from mockserver.vendor_api.json_text import encode

HEARTBEAT_SECONDS = 10.0


class EventControl:
    """The handler that streams the journals of one server's sandboxes, named as its operationId."""

    def __init__(self, sandboxes: Sandboxes) -> None:
        self._sandboxes = sandboxes

    def stream_events(self, call: Call) -> RawAnswer:
        """Stream new entries until the client closes, or `count` events or `seconds` are reached."""
        count, deadline = call.query.get("count"), time.monotonic() + float(call.query["seconds"])
        select_sandboxes(self._sandboxes, call.query.get("sandbox"))  # refuses an unknown one at once

        async def events() -> AsyncIterator[bytes]:
            sent = 0
            with self._sandboxes.feed.listen() as new_entries:
                # Clients ignore comment lines. The first one shows that the stream has begun, the later
                # ones that it is still alive.
                yield b": the journal, as it is written\n\n"
                while (left := deadline - time.monotonic()) > 0 and sent != count:
                    try:
                        entry = await asyncio.wait_for(new_entries.get(), min(HEARTBEAT_SECONDS, left))
                    except TimeoutError:
                        yield b": \n\n"
                        continue
                    if is_in_scope(entry, call.query):
                        sent += 1
                        yield b"id: %s\ndata: %s\n\n" % (entry.id.encode(), encode(entry_json(entry)))

        return RawAnswer("text/event-stream", stream=events())
