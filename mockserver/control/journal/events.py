"""The live stream of the journals: each new call is sent as a server-sent event."""

import asyncio
import time
from collections.abc import AsyncIterator

from mockserver.control.journal.entry_json import entry_json
from mockserver.control.journal.queries import is_in_scope, select_sandboxes
from mockserver.sandbox.registry import Sandboxes
from mockserver.vendor_api.answer import RawAnswer
from mockserver.vendor_api.call import Call
from mockserver.vendor_api.json_text import encode

HEARTBEAT_SECONDS = 10.0


class EventControl:
    """The handler of the operation `stream-events`."""

    def __init__(self, sandboxes: Sandboxes) -> None:
        self._sandboxes = sandboxes

    def stream_events(self, call: Call) -> RawAnswer:
        """Stream new entries until the client disconnects, `count` are sent, or `seconds` have passed."""
        count, deadline = call.query.get("count"), time.monotonic() + float(call.query["seconds"])
        select_sandboxes(self._sandboxes, call.query.get("sandbox"))  # refuses an unknown sandbox

        async def events() -> AsyncIterator[bytes]:
            sent = 0
            with self._sandboxes.feed.listen() as new_entries:
                # Clients ignore comment lines. The first one shows that the stream has started; the others
                # show that the connection is still open.
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
