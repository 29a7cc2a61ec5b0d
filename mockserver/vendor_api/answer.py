"""Answers: what a handler returns, before it is encoded and checked against the spec."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec


class Answer(msgspec.Struct, frozen=True, gc=False):
    """Status, body and headers, as returned by a handler or by `Vendor.render`.

    A handler may also return a body alone, which means status 200.

    `status`: the HTTP status. The spec must document it for the operation or under `components.responses`.

    `body`: any value that can be encoded as JSON. A Decimal becomes a number with exactly the same digits.

    `headers`: additional headers as (name, value) pairs. `Content-Type` and the headers from
    `Vendor.common_headers` are added to every answer.
    """

    status: int
    body: Any
    headers: tuple[tuple[str, str], ...] = ()


class RawAnswer(msgspec.Struct, frozen=True):
    """A handler's answer that is not JSON: bytes, or a stream of them."""

    content_type: str
    body: bytes = b""
    stream: AsyncIterator[bytes] | None = None
