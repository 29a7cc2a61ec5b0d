"""ASGI: types of its messages, and the connection on which one response is sent.

A fault may have to close a connection in the middle of a response. ASGI has no message for that. So our
server puts an extension into the scope, with a function that closes the connection, and with a future that
is done when the connection is lost. Other ASGI servers lack the extension; there, the application raises a
ConnectionError instead.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

CLOSE = "mockserver.close"  # the name of the extension
KEPT = "mockserver.kept"  # an extension: if its response does not close the connection, it is kept so long
PENDING = "mockserver.pending"  # the key in the scope; its value is an exchange that the fast path has begun
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Message], Awaitable[None]]


@dataclass(frozen=True)
class Connection:
    """The connection to one client, for one response."""

    scope: Mapping[str, Any]
    receive: Receive
    send: Send

    def close(self, reset: bool = False) -> None:
        """Close the connection now. `reset` sends a TCP RST and drops unsent bytes."""
        if extension := (self.scope.get("extensions") or {}).get(CLOSE):
            extension["call"](reset)
        elif reset:
            raise ConnectionResetError("the mock reset the connection: a fault")
        else:
            raise ConnectionAbortedError("the mock closed the connection: a fault")

    async def wait_until_closed(self) -> None:
        """Wait until the client has closed the connection."""
        while (await self.receive())["type"] != "http.disconnect":
            pass

    async def wait_until_gone(self) -> None:
        """Wait until the client has closed the connection, or at least its own side of it."""
        closed = asyncio.ensure_future(self.wait_until_closed())
        lost: asyncio.Future[None] | None = (self.scope.get("extensions") or {}).get(CLOSE, {}).get("lost")
        try:
            await asyncio.wait({closed, *([lost] if lost else [])}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            closed.cancel()

    @asynccontextmanager
    async def until_lost(self) -> AsyncIterator[None]:
        """Run the block, but leave it as soon as the client has closed the connection.

        When the server stops, `wait_until_closed` returns, but this block goes on: it finishes the response
        that is under way. On another ASGI server, the block always runs to its end.
        """
        lost: asyncio.Future[None] | None = (self.scope.get("extensions") or {}).get(CLOSE, {}).get("lost")
        if lost is None:
            yield
            return
        try:
            async with asyncio.timeout(None) as deadline:

                def expire(_: object) -> None:
                    with suppress(RuntimeError):  # the block has just ended
                        deadline.reschedule(0)

                lost.add_done_callback(expire)
                try:
                    yield
                finally:
                    lost.remove_done_callback(expire)
        except TimeoutError:
            if not deadline.expired():
                raise
