"""The interface to the pages for people, which the console implements."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

import msgspec
from msgspec.structs import replace

from mockserver.contract.response import Response
from mockserver.server.access.quotas.refusal import QuotaExceeded, refusal_of
from mockserver.server.access_log import log_call
from mockserver.server.http.asgi import Connection, Message
from mockserver.server.http.body import ClientGone, read_body
from mockserver.server.http.errors import MockError, mock_error_of
from mockserver.server.http.response_writer import send_response
from mockserver.server.metrics import Metrics
from mockserver.vendor_api.failure import UNEXPECTED
from mockserver.vendor_api.problem import Problem
from mockserver.vendor_api.raw_request import RawRequest

CONSOLE = "console"  # its name in the log and in the metrics
REFUSALS = {
    "request_timeout": (408, "the form did not arrive in time"),
    "too_large": (413, "the form is larger than {most:,} bytes"),
}


class PendingPage(msgspec.Struct):
    """A request for a page, which the console answers in a task."""

    raw: RawRequest


class Pages(Protocol):
    """The pages of a server."""

    def has(self, raw: RawRequest) -> bool:
        """Return True if a page answers this request, which no vendor and no operation of control does."""

    async def prepare(self, raw: RawRequest) -> None:
        """Learn what the sender of a request may use, before anything else is asked."""

    def max_body(self, raw: RawRequest) -> int:
        """Return how many bytes the body of a request may have."""

    async def respond(self, raw: RawRequest) -> Response:
        """Return the response to a request whose body has been received."""

    def close(self) -> None:
        """Stop the threads; the next page starts new ones. No page may be in progress."""


async def send_page(
    pages: Pages,
    raw: RawRequest,
    connection: Connection,
    body_timeout: float,
    metrics: Metrics,
    place: AbstractContextManager[None],
) -> None:
    """Send a page for people, or the mock's own error. Read the body of the request first.

    `place` counts the call as under way. It may raise QuotaExceeded.
    """
    try:
        with place:
            await _send_page(pages, raw, connection, body_timeout, metrics)
    except QuotaExceeded as error:
        refusal = refusal_of(error, raw, is_page=True)
        await send_response(replace(refusal, close=raw.body is None), connection)


async def _send_page(
    pages: Pages, raw: RawRequest, connection: Connection, body_timeout: float, metrics: Metrics
) -> None:
    started = time.perf_counter()
    try:
        response = await _page(pages, raw, connection, body_timeout)
    except ClientGone:
        return
    seconds = time.perf_counter() - started
    metrics.count(CONSOLE, "", response.status, seconds)
    log_call(raw, response, CONSOLE, seconds)
    await send_response(response, connection)


async def _page(pages: Pages, raw: RawRequest, connection: Connection, body_timeout: float) -> Response:
    """Return a page, or the mock's own error. Read the body of the request first. Raise ClientGone."""
    try:
        await pages.prepare(raw)
        if raw.body is None:
            raw.body = await read_body(connection.receive, body_timeout, pages.max_body(raw))
        elif raw.body and len(raw.body) > pages.max_body(raw):  # it has arrived together with the head
            raise Problem("too_large")
        return await pages.respond(raw)
    except ClientGone:
        raise
    except Problem as problem:  # part of the body may still be unread
        status, message = REFUSALS[problem.kind]
        error = MockError(status, problem.kind, message.format(most=pages.max_body(raw)))
        return replace(error.response_to(raw), close=True)
    except UNEXPECTED as error:
        return mock_error_of(error).response_to(raw)


async def _never() -> Mapping[str, Any]:
    """Wait for a message of a client, in vain."""
    await asyncio.Event().wait()
    raise AssertionError


async def _send_nothing(message: Message) -> None:
    """Drop a message: there is no client that reads it."""


LOCAL = Connection({"type": "http", "method": "GET"}, _never, _send_nothing)  # for calls of this process
