"""Bodies: read whole, within bounds."""

import asyncio

from mockserver.server.http.asgi import Receive
from mockserver.vendor_api.problem import Problem

MOST_BODY = 1024 * 1024


MOST_DRAINED = 16 * MOST_BODY


MOST_DOCUMENT = 32 * MOST_BODY  # what the control API reads


async def whole_body(receive: Receive, deadline: float, most: int = MOST_BODY) -> bytes:
    """The whole body. Problem: it is too large, or does not come in time, or not to its end.

    A body that is too large is read on for a while, so that the client gets to see the answer.
    """
    body, size = bytearray(), 0
    try:
        async with asyncio.timeout(deadline):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Problem("bad_request")  # half a body is none, and nobody hears the answer
                size += len(message.get("body", b""))
                if size <= most:
                    body += message.get("body", b"")
                if size > max(most, MOST_DRAINED) or (size > most and not message.get("more_body")):
                    raise Problem("too_large")
                if not message.get("more_body"):
                    return bytes(body)
    except TimeoutError:
        raise Problem("request_timeout") from None
