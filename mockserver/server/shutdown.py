"""Stopping: who is being answered gets the whole answer, who only waits for something is let go."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from mockserver.server.http.asgi import Connection, Message, Receive, Send

GONE: Message = {"type": "http.disconnect"}


class StoppableApp:
    """An application whose waiting calls are told, when the server stops, that their client has gone.

    Waiting is what a call does that listens to its client after all of the request has come: for
    other calls, for the end of a stream, or for nothing at all.
    """

    def __init__(self, application: Any) -> None:
        self._application = application
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        self._stopping.set()

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            talk = _StoppableCall(Connection(scope, receive, send), self._stopping)
            receive, send = talk.heard, talk.said
        await self._application(scope, receive, send)


class _StoppableCall:
    """One request and its answer, on the way between server and application."""

    def __init__(self, connection: Connection, stopping: asyncio.Event) -> None:
        self._connection, self._stopping = connection, stopping
        self._arrived = self._begun = self._let_go = self._hung_up = False

    async def heard(self) -> Mapping[str, Any]:
        if self._arrived:
            return await self._heard_or_stopped()
        message = await self._connection.receive()
        self._arrived = not message.get("more_body")
        return message

    async def _heard_or_stopped(self) -> Mapping[str, Any]:
        hearing = asyncio.ensure_future(self._connection.receive())
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({hearing, stopping}, return_when=asyncio.FIRST_COMPLETED)
            self._let_go = not hearing.done()
            return GONE if self._let_go else hearing.result()
        finally:
            hearing.cancel()
            stopping.cancel()

    async def said(self, message: Message) -> None:
        """What was begun may end; an answer that begins only now is not the one that was waited for."""
        if self._begun or not self._let_go:
            self._begun = True
            await self._connection.send(message)
        elif not self._hung_up:
            self._hung_up = True
            with suppress(ConnectionError):
                self._connection.hang_up()
