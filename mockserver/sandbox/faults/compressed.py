"""Fault `compressed`: the vendor's answer, compressed with gzip as real front ends do."""

import gzip
import re
from typing import ClassVar

from mockserver.sandbox.faults.fault import Exchange, Fault, LetVendorAnswer

ACCEPTS_GZIP = re.compile(
    r"(^|,)\s*(x-)?(gzip|\*)\s*(;\s*q=(?!0(\.0*)?\s*(,|$))[^,]*)?\s*(,|$)", re.IGNORECASE
)


class Compressed(Fault, frozen=True, tag="compressed"):
    """Lets the vendor answer, and compresses the body if the client accepts it.

    A client that accepts no gzip gets the answer as it is, with `Vary`.
    """

    summary: ClassVar[str] = (
        "The vendor's answer, compressed with gzip if the client's `Accept-Encoding` allows it."
        " With `broken`, the compressed body ends in the middle."
    )
    broken: bool = False

    async def apply(self, exchange: Exchange, answer: LetVendorAnswer) -> None:
        await answer()
        response = exchange.response
        if response is None or not response.body:
            return
        headers, body = {**dict(response.headers), "Vary": "Accept-Encoding"}, response.body
        if ACCEPTS_GZIP.search(exchange.call.request.headers.get("accept-encoding", "")):
            headers["Content-Encoding"] = "gzip"
            body = gzip.compress(body, mtime=0)
            body = body[: len(body) // 2] if self.broken else body
        exchange.answer_with(response.status, headers, body)
