"""Delivery: how an answer reaches the client, late, slowly, in part or not at all.

ASGI has no word for hanging up, so our server offers one as an extension of the scope. Under
another server, or without any, the application raises a ConnectionError instead.
"""

import asyncio
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from typing import Any

from mockserver.contract.response import Response
from mockserver.sandbox.faults.kinds import (
    CommittedReplyLost,
    EmptyReply,
    MalformedBody,
    NoAnswer,
    Reset,
    SlowBody,
    TruncatedBody,
)
from mockserver.server.http.asgi import Connection, Message, until_hung_up
from mockserver.server.http.cors import _cross_origin


async def send_response(response: Response, asked: Mapping[str, str], connection: Connection) -> None:
    """Send an answer to who asked with these headers; with none, no other origin may read it."""
    method, body = connection.scope["method"], spoiled(response)
    headers = [*response.headers, *_cross_origin(asked, method)]
    if response.status != 204 and response.rest is None:
        headers.append(("Content-Length", str(len(body))))
    if response.status in (408, 413):
        headers.append(("Connection", "close"))  # the rest of the body was not read
    head = {
        "type": "http.response.start",
        "status": response.status,
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers],
    }  # fmt: skip
    if method != "HEAD" and response.rest is not None:
        await connection.send(head)
        async for piece in response.rest:
            await connection.send({"type": "http.response.body", "body": piece, "more_body": True})
        return await connection.send({"type": "http.response.body", "body": b""})
    await deliver(response, head, b"" if method == "HEAD" else body, connection)


async def send_stream(sending: Coroutine[Any, Any, None], connection: Connection) -> None:
    """Send until the end or until the client goes, whichever comes first."""
    going = asyncio.ensure_future(until_hung_up(connection.receive))
    streaming = asyncio.ensure_future(sending)
    await asyncio.wait({going, streaming}, return_when=asyncio.FIRST_COMPLETED)
    going.cancel()
    if streaming.cancel():
        await asyncio.wait({streaming})
        await connection.send({"type": "http.response.body", "body": b""})  # for who is still there


async def deliver(response: Response, head: Message, body: bytes, connection: Connection) -> None:
    """Send an answer as its fault has it; waiting holds no lock and no thread."""
    try:
        if response.delay:
            await asyncio.sleep(response.delay)
        await _deliver(response, head, body, connection)
    except asyncio.CancelledError:  # the server stops; what it would say now is no vendor's
        with suppress(ConnectionError):
            connection.hang_up()
        raise


async def _deliver(response: Response, head: Message, body: bytes, connection: Connection) -> None:
    match response.fault:
        case EmptyReply() | CommittedReplyLost():
            connection.hang_up()
        case Reset():
            connection.hang_up(reset=True)
        case NoAnswer(seconds):
            await _until_gone(connection, seconds)
            connection.hang_up()
        case TruncatedBody(part):
            await connection.send(head)
            kept = min(int(len(body) * part), len(body) - 1)
            await connection.send(_piece(body[: max(kept, 0)], more=True))
            connection.hang_up()
        case SlowBody(seconds, chunks):
            await connection.send(head)
            await _slowly(body, seconds, chunks, connection)
        case _:
            await connection.send(head)
            await connection.send(_piece(body))


def spoiled(response: Response) -> bytes:
    """The body of an answer; a malformed one is its first half and a byte that JSON never has."""
    if isinstance(response.fault, MalformedBody):
        return response.body[: len(response.body) // 2] + b"\x00"
    return response.body


def _piece(body: bytes, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}


async def _slowly(body: bytes, seconds: float, chunks: int, connection: Connection) -> None:
    size = max(-(-len(body) // chunks), 1)
    pieces = [body[start : start + size] for start in range(0, len(body), size)] or [b""]
    for number, piece in enumerate(pieces, 1):
        await asyncio.sleep(seconds / len(pieces))
        await connection.send(_piece(piece, more=number < len(pieces)))


async def _until_gone(connection: Connection, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await until_hung_up(connection.receive)
