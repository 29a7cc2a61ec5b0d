"""Graceful shutdown: responses that have started are finished, calls that only wait are ended."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from mockserver.server.http.asgi import Connection, Message, Receive, Send

DISCONNECT: Message = {"type": "http.disconnect"}


class StoppableApp:
    """Wraps an application. When the server stops, waiting calls are told that their client has gone.

    A call waits if it listens to its client after the whole request has arrived: for other calls, for
    the end of a stream, or for nothing at all.
    """

    def __init__(self, application: Any) -> None:
        self._application = application
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        self._stopping.set()

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            call = _StoppableCall(Connection(scope, receive, send), self._stopping)
            receive, send = call.receive, call.send
        await self._application(scope, receive, send)


class _StoppableCall:
    """The messages of one call, between server and application."""

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
        """Send a message of a response that has started; drop one that would only start now.

        The call was cancelled by the shutdown, so its response is not the one that was waited for.
        """
        if self._response_started or not self._cancelled:
            self._response_started = True
            await self._connection.send(message)
        elif not self._closed:
            self._closed = True
            with suppress(ConnectionError):
                self._connection.close()
