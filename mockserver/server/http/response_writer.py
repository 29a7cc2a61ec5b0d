"""The response writer: sends a response over ASGI, after its delay and with the effects of its fault."""

import asyncio
from contextlib import suppress

from mockserver.contract.response import Response
from mockserver.sandbox.faults.fault import Fault
from mockserver.server.http.asgi import KEPT, Connection, Message
from mockserver.server.http.serialization import kept_for

PLAINLY = Fault()


def sent_body(response: Response) -> bytes:
    """Return the body of a response after its fault has changed it."""
    return response.fault.spoil(response.body) if response.fault else response.body


async def send_response(response: Response, connection: Connection) -> None:
    """Send a response. During its delay, no lock is held and no thread is blocked."""
    if response.stream is not None:
        return await _send_stream_until_closed(response, connection)
    body = sent_body(response)
    headers = list(response.headers)
    if response.status != 204:
        headers.append(("Content-Length", str(len(body))))
    if response.close:
        headers.append(("Connection", "close"))
    elif kept := (connection.scope.get("extensions") or {}).get(KEPT):
        headers.append(("Keep-Alive", kept_for(kept["seconds"])))
    writer = _Writer(_head(response.status, headers), connection)
    try:
        if connection.scope["method"] == "HEAD":
            body = b""
        if response.delay or response.fault:
            async with connection.until_lost():
                await asyncio.sleep(response.delay)
                await (response.fault or PLAINLY).send(body, writer)
        else:
            await PLAINLY.send(body, writer)
    except asyncio.CancelledError:  # the server stops; a vendor would not send this response now
        with suppress(ConnectionError):
            connection.close()
        raise


class _Writer:
    """The connection that a fault uses to send one response."""

    def __init__(self, head: Message, connection: Connection) -> None:
        self._head, self._connection = head, connection
        self.wait_until_closed, self.close = connection.wait_until_gone, connection.close

    async def send_head(self) -> None:
        await self._connection.send(self._head)

    async def send_body(self, data: bytes, more: bool = False) -> None:
        await self._connection.send({"type": "http.response.body", "body": data, "more_body": more})


def _head(status: int, headers: list[tuple[str, str]]) -> Message:
    lines = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    return {"type": "http.response.start", "status": status, "headers": lines}


async def _send_stream_until_closed(response: Response, connection: Connection) -> None:
    """Send a stream to its end, or until the client closes the connection."""
    closed = asyncio.ensure_future(connection.wait_until_gone())
    sent = asyncio.ensure_future(_send_stream(response, connection))
    await asyncio.wait({closed, sent}, return_when=asyncio.FIRST_COMPLETED)
    closed.cancel()
    if sent.cancel():
        await asyncio.wait({sent})
        await connection.send(
            {"type": "http.response.body", "body": b""}
        )  # ends the stream if the server stops
    else:
        sent.result()


async def _send_stream(response: Response, connection: Connection) -> None:
    assert response.stream is not None
    await connection.send(_head(response.status, list(response.headers)))
    if connection.scope["method"] != "HEAD":
        async for piece in response.stream:
            await connection.send({"type": "http.response.body", "body": piece, "more_body": True})
    await connection.send({"type": "http.response.body", "body": b""})
