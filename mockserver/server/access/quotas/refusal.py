"""The refusal of what a quota does not allow. It must not look like a vendor's."""

import re
from math import ceil

import msgspec
from msgspec import structs

from mockserver.contract.exchange import Exchange
from mockserver.contract.response import Response
from mockserver.server.access.quotas.demo_quotas import DemoQuotas, about_quotas, kind_of, status_of
from mockserver.server.http.asgi import Connection
from mockserver.server.http.errors import MockError, mock_error_of
from mockserver.vendor_api.raw_request import RawRequest
from mockserver.vendor_api.words import time_in_words

CODE = "demo_quota"
PAUSED = "paused"
PAUSE_SECONDS, MINUTE = 600, 60
PLURAL = re.compile(r"\b(sandbox|call|request|item|record|snapshot|rule|download|stream)(?:es|s)\b")


class QuotaExceeded(MockError):
    """Raised if a request wants more than a quota allows. `retry_after` is None if waiting does not help.

    `noted` is True if the journal of the sandbox shall have an entry about it.
    """

    def __init__(self, quota: str, status: int, limit: str, message: str, wait: float | None = None) -> None:
        seconds = None if wait is None else max(1, ceil(wait))
        self.advice = _advice(seconds)
        super().__init__(status, CODE, f"{message}; {self.advice}", retry_after=seconds)
        self.quota, self.limit, self.noted = quota, limit, False

    def response(self) -> Response:
        body = {
            "error": CODE,
            "message": self.message,
            "quota": self.quota,
            "limit": self.limit,
            "retry_after": self.retry_after,
        }
        headers = [("Content-Type", "application/json"), ("X-Mock-Error", CODE)]
        if self.retry_after is not None:
            headers.append(("Retry-After", str(self.retry_after)))
        return Response(self.status, tuple(headers), msgspec.json.encode(body))


def refusal_of(error: BaseException, raw: RawRequest, *, is_page: bool) -> Response:
    """Return the mock's own error: as a page if a person has opened one, and a quota does not allow it."""
    if isinstance(error, QuotaExceeded) and is_page:
        return error.response_to(raw)
    return mock_error_of(error).response()


async def refuse(exchange: Exchange, error: QuotaExceeded, connection: Connection) -> None:
    """Set the response to a refusal. If the body is still unread, the connection closes."""
    exchange.response = structs.replace(error.response(), close=exchange.raw.body is None)


def exceeded(quotas: DemoQuotas, name: str, wait: float | None = None) -> QuotaExceeded:
    """Return the refusal because of a quota. `wait` is the number of seconds after which it allows more."""
    limit = quotas.shown(name)
    colon = ":" if kind_of(name) == "bytes" else ""
    what = about_quotas()[name].what
    what = PLURAL.sub(r"\1", what, count=1) if limit == "1" else what
    message = f"this public demo allows {limit}{colon} {what}"
    return QuotaExceeded(name, status_of(name), limit, message, wait)


def paused() -> QuotaExceeded:
    """Return the refusal of a new sandbox while the operator has paused their creation."""
    message = "this public demo makes no new sandboxes at the moment; those that exist go on"
    return QuotaExceeded(PAUSED, 503, "0", message, PAUSE_SECONDS)


def _advice(seconds: int | None) -> str:
    if seconds is None:
        return "waiting does not change this"
    if seconds < 2 * MINUTE:
        return f"try again in {seconds} second{'s' if seconds > 1 else ''}"
    return f"try again in {time_in_words(ceil(seconds / MINUTE) * MINUTE)}"
