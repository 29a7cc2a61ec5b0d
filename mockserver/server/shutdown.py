"""Graceful shutdown: finishes responses that have started, and ends calls that only wait."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from mockserver.sandbox.log.log import StoreLost, StoreRefused, StoreUnavailable
from mockserver.server.http.asgi import Connection, Message, Receive, Send

STARTED = "lifespan.startup.complete"
DISCONNECT: Message = {"type": "http.disconnect"}


class CannotStart(Exception):
    """Raised if a server cannot start. The message is one line that says why."""


class StoppableApp:
    """Wraps an application. When the server stops, waiting calls receive `http.disconnect`.

    A call counts as waiting if it calls `receive` after the whole request has arrived. Examples are a
    call that waits for journal entries, a stream, and the fault `no_answer`.

    `failure` is why the application cannot start: its store cannot be used.
    """

    def __init__(self, application: Any) -> None:
        self._application = application
        self._stopping = asyncio.Event()
        self.failure: Exception | None = None

    def stop(self) -> None:
        self._stopping.set()

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            call = _StoppableCall(Connection(scope, receive, send), self._stopping)
            receive, send = call.receive, call.send
        elif scope["type"] == "lifespan":
            return await self._live(scope, receive, send)
        await self._application(scope, receive, send)

    async def _live(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Speak the lifespan protocol, and note a store that cannot be used at the start."""
        started = False

        async def note(message: Message) -> None:
            nonlocal started
            started |= message["type"] == STARTED
            await send(message)

        try:
            await self._application(scope, receive, note)
        except (StoreRefused, StoreUnavailable, StoreLost) as error:
            if started:
                raise
            self.failure = error
            await send({"type": "lifespan.startup.failed"})


class _StoppableCall:
    """Passes the ASGI messages of one call between server and application."""

    def __init__(self, connection: Connection, stopping: asyncio.Event) -> None:
        self._connection, self._stopping = connection, stopping
        self._request_complete = self._response_started = self._cancelled = self._closed = False

    async def receive(self) -> Mapping[str, Any]:
        if self._request_complete:
            return await self._receive_or_stop()
        message = await self._connection.receive()
        self._request_complete = not message.get("more_body")
        return message

    async def _receive_or_stop(self) -> Mapping[str, Any]:
        receiving = asyncio.ensure_future(self._connection.receive())
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({receiving, stopping}, return_when=asyncio.FIRST_COMPLETED)
            self._cancelled = not receiving.done()
            return DISCONNECT if self._cancelled else receiving.result()
        finally:
            receiving.cancel()
            stopping.cancel()

    async def send(self, message: Message) -> None:
        """Send a message of the response.

        If the shutdown ended the call before its response started, the response would be wrong. In that
        case, close the connection instead.
        """
        if self._response_started or not self._cancelled:
            self._response_started = True
            await self._connection.send(message)
        elif not self._closed:
            self._closed = True
            with suppress(ConnectionError):
                self._connection.close()
