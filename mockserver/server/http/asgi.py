"""ASGI: types of its messages, the connection on which one response is sent, and the server's lifespan.

A fault may have to close a connection in the middle of a response. ASGI has no message for that. So our
server puts an extension into the scope, with a function that closes the connection, and with a future that
is done when the connection is lost. Other ASGI servers lack the extension; there, the application raises a
ConnectionError instead.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from mockserver.contract.response import Response

CLOSE = "mockserver.close"  # the name of the extension
KEPT = "mockserver.kept"  # an extension: if its response does not close the connection, it is kept so long
PENDING = "mockserver.pending"  # the key in the scope; its value is an exchange that the fast path has begun
SECONDS_BETWEEN_WORK = 60.0
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Message], Awaitable[None]]


class Kept(Protocol):
    """A turn of a log, for which a response waits. `counts` is None until it is known if the turn counts.

    `on_settled` is called once, when that is known.
    """

    counts: bool | None
    on_settled: Callable[[Any], None] | None

    async def settled(self) -> None:
        """Wait until it is known if the turn counts."""

    async def wait(self) -> bool:
        """Return True if the turn counts, as soon as that is known."""


class KeptResponse(msgspec.Struct, eq=False):
    """A response that may be sent once its turn counts: then it is in the log.

    Otherwise, the application has to run the call again. As soon as it is known if the turn counts, `settle`
    is called, and calls `send`.
    """

    response: Response
    kept: Kept
    send: Callable[[Any], None] | None

    def settle(self, kept: Kept) -> None:
        """Let the connection go on that waits for the turn."""
        if self.send is not None:
            self.send(self)


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


async def lifespan(
    receive: Receive,
    send: Send,
    work: Callable[[], None],
    life: AbstractAsyncContextManager[object],
    seconds: float = SECONDS_BETWEEN_WORK,
) -> None:
    """Speak ASGI's lifespan protocol: be in the context `life` between startup and shutdown.

    Meanwhile, do the work every so many seconds.
    """
    await receive()
    async with life:
        await send({"type": "lifespan.startup.complete"})
        working = asyncio.create_task(_repeat(work, seconds))
        await receive()
        working.cancel()
    await send({"type": "lifespan.shutdown.complete"})  # after that, a server waits for nothing


async def _repeat(work: Callable[[], None], seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds)
        work()
