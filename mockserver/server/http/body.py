"""Bodies: read whole, within bounds."""

import asyncio

from mockserver.server.http.asgi import Receive
from mockserver.vendor_api.problem import Problem

MAX_BODY_BYTES = 1024 * 1024


MAX_DRAINED_BYTES = 16 * MAX_BODY_BYTES


MAX_DOCUMENT_BYTES = 32 * MAX_BODY_BYTES  # what the control API reads


async def whole_body(receive: Receive, timeout: float, most: int = MAX_BODY_BYTES) -> bytes:
    """The whole body. Problem: it is too large, or does not come in time, or not to its end.

    A body that is too large is read on for a while, so that the client gets to see the answer.
    """
    body, size = bytearray(), 0
    try:
        async with asyncio.timeout(timeout):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Problem("bad_request")  # half a body is none, and nobody hears the answer
                size += len(message.get("body", b""))
                if size <= most:
                    body += message.get("body", b"")
                if size > max(most, MAX_DRAINED_BYTES) or (size > most and not message.get("more_body")):
                    raise Problem("too_large")
                if not message.get("more_body"):
                    return bytes(body)
    except TimeoutError:
        raise Problem("request_timeout") from None
