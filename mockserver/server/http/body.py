"""Reads the body of a request, with limits on its size and on the time it takes."""

import asyncio

from mockserver.server.http.asgi import Receive
from mockserver.vendor_api.problem import Problem

MAX_DRAINED_BYTES = 16 * 1024 * 1024


class ClientGone(Exception):
    """Raised if the client closes the connection before it has sent its whole request."""


async def read_body(receive: Receive, timeout: float, max_bytes: int) -> bytes:
    """Return the whole body.

    Raise Problem `too_large` if the body is larger than `max_bytes`. Raise Problem `request_timeout` if it
    takes longer than `timeout` seconds. Raise ClientGone if the client closes the connection.

    Many clients read the response only after they have sent the whole body. So a body that is too large is
    still read, up to a limit.
    """
    body, size = bytearray(), 0
    try:
        async with asyncio.timeout(timeout):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientGone
                size += len(message.get("body", b""))
                if size <= max_bytes:
                    body += message.get("body", b"")
                if size > max(max_bytes, MAX_DRAINED_BYTES) or (
                    size > max_bytes and not message.get("more_body")
                ):
                    raise Problem("too_large")
                if not message.get("more_body"):
                    return bytes(body)
    except TimeoutError:
        raise Problem("request_timeout") from None
