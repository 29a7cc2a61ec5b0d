"""Waits for an answer that a handler gives later, unless the client closes the connection first."""

import asyncio
from collections.abc import Awaitable
from typing import Any

from mockserver.server.http.errors import MockError

CLIENT_GONE = "the client has shut down its side of the connection, so this call no longer waits"


async def unless_gone(answer: Awaitable[Any], gone: Awaitable[None]) -> Any:
    """Return an answer. If the client is gone first, cancel the answer, and raise MockError.

    A client that has shut down only its sending side reads the error. It must not look like a success.
    """
    answering, waiting = asyncio.ensure_future(answer), asyncio.ensure_future(gone)
    await asyncio.wait({answering, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if answering.done():
        return answering.result()
    answering.cancel()
    raise MockError(503, "client_gone", CLIENT_GONE)
