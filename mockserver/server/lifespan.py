"""The lifespan of the server: work that is repeated as long as it runs."""

import asyncio
from collections.abc import Callable

from mockserver.server.http.asgi import Receive, Send

SECONDS_BETWEEN_WORK = 60.0


async def lifespan(
    receive: Receive, send: Send, work: Callable[[], None], seconds: float = SECONDS_BETWEEN_WORK
) -> None:
    """Speak ASGI's lifespan protocol. Between startup and shutdown, do the work every so many seconds."""
    await receive()
    await send({"type": "lifespan.startup.complete"})
    working = asyncio.create_task(_repeat(work, seconds))
    await receive()
    working.cancel()
    await send({"type": "lifespan.shutdown.complete"})


async def _repeat(work: Callable[[], None], seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds)
        work()
