"""The mock's own errors, which must not look like a vendor's errors."""

import logging
from html import escape
from pathlib import Path
from traceback import walk_tb

import msgspec

from mockserver.contract.response import ContractBroken, Response
from mockserver.data.store.state import TooManyChanges
from mockserver.sandbox.log.log import StoreLost, StoreUnavailable
from mockserver.sandbox.log.values import NotKept
from mockserver.sandbox.world import SandboxRefused
from mockserver.vendor_api.failure import description
from mockserver.vendor_api.raw_request import RawRequest

PAGE = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>This request was refused</title>'
    '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">'
    "</head><body><main><h1>This request was refused</h1><p>{text}</p><p>Status {status}."
    ' <a href="">Try again</a></p></main></body></html>'
)
PAGE_HEADERS = (
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("X-Content-Type-Options", "nosniff"),
)
UNAVAILABLE = "the store that keeps this server's sandboxes cannot be used now: try again later"
LOST = "the store has lost this sandbox: reset, import or delete it with the control API"
VENDOR_MODULES = ("mockserver.vendors.", "mockserver_vendors.")
log = logging.getLogger("mockserver")


class MockError(Exception):
    """Raised if the mock itself refuses a request, because no vendor's response would be correct.

    `code` is for programs, `message` for people. `retry_after` is in seconds, or None.
    """

    def __init__(self, status: int, code: str, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.retry_after = retry_after

    def response(self) -> Response:
        """Return the response, with the code in the header `X-Mock-Error`."""
        body = msgspec.json.encode({"error": self.code, "message": self.message})
        headers = [("Content-Type", "application/json"), ("X-Mock-Error", self.code)]
        if self.retry_after is not None:
            headers.append(("Retry-After", str(self.retry_after)))
        return Response(self.status, tuple(headers), body)

    def page(self) -> Response:
        """Return the error as a page for people. It needs nothing that a quota could refuse again."""
        text = escape(f"{self.message[:1].upper()}{self.message[1:]}.")
        body = PAGE.format(status=self.status, text=text).encode()
        kept = [line for line in self.response().headers if line[0] != "Content-Type"]
        headers = (("Content-Type", "text/html; charset=utf-8"), *PAGE_HEADERS, *kept)
        return Response(self.status, headers, body)

    def response_to(self, raw: RawRequest) -> Response:
        """Return the response: a page if the request accepts HTML."""
        return self.page() if "text/html" in raw.headers.get("accept", "") else self.response()


def mock_error_of(error: BaseException) -> MockError:
    """Return the mock's own error for an exception. Log an unexpected exception with its traceback."""
    match error:
        case MockError():
            return error
        case SandboxRefused():
            return MockError(503, "too_many_sandboxes", str(error))
        case TooManyChanges():
            return MockError(507, "sandbox_full", str(error))
        case StoreUnavailable():
            return MockError(503, "store_unavailable", UNAVAILABLE)
        case StoreLost():
            return MockError(503, "sandbox_lost", LOST)
        case NotKept():
            return MockError(500, "record_not_kept", str(error))
    reason = str(error) if isinstance(error, ContractBroken) else description(error)
    log.error("the mock failed: %s", reason, exc_info=error)
    return MockError(500, "mock_failed", f"the mock failed{_place_of(error)}: {reason}")


def _place_of(error: BaseException) -> str:
    """Return where an exception was raised, as text that begins with a space; empty if it is not known.

    If the code of a vendor was running, it is the line there.
    """
    frames = list(walk_tb(error.__traceback__))
    own = [one for one in frames if one[0].f_globals.get("__name__", "").startswith(VENDOR_MODULES)]
    if isinstance(error, ContractBroken):
        frames = []  # the mistake is in the answer, not in the code that checks it
    for frame, line in (own or frames)[-1:]:
        return f" at {Path(frame.f_code.co_filename).name}:{line}"
    return ""
