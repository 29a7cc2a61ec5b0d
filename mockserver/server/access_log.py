"""The access log: one line for each call, and one more for each that is refused."""

import logging
import re
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec.structs import asdict

from mockserver.contract.response import Response
from mockserver.sandbox.faults import tag_of
from mockserver.sandbox.faults.fault import Fault
from mockserver.sandbox.journal.entry import STRAYS, Explanation, KeptEntry
from mockserver.sandbox.journal.redaction import redact_headers, redact_target
from mockserver.vendor_api.credential import DEFAULT_SANDBOX
from mockserver.vendor_api.raw_request import RawRequest

MAX_REFUSAL_LENGTH = 500  # characters of the second line, without the URL
COLORS = {2: "\033[32m", 3: "\033[36m", 4: "\033[33m", 5: "\033[31m"}  # by the first digit of the status
END_OF_COLOR = "\033[0m"
CONTROL = "control"  # the control API's name in the log
SENT_HEADER = re.compile(r"send ([\w-]+): (.*)")
log = logging.getLogger("mockserver")


class MockErrorBody(msgspec.Struct):
    """The body of the mock's own errors, and of those of the control API."""

    error: str
    message: str


class Refusal(msgspec.Struct, frozen=True):
    """Why a call was refused, what would have helped, and where to read more. Any of them may be empty."""

    reasons: tuple[str, ...]
    changes: tuple[str, ...] = ()
    more: str = ""

    def __str__(self) -> str:
        """Return all in one line: the first reason, how many more there are, and the first change."""
        others = len(self.reasons) - 1
        why = self.reasons[0].rstrip(".") + (f" (and {others} more)" if others else "")
        headers = all(SENT_HEADER.match(change) for change in self.changes)
        changes = [change.removeprefix("send ") for change in self.changes]
        change = "send " + ", ".join(changes) if changes and headers else "".join(self.changes[:1])
        demand = change.partition(": it ")[2]
        if demand and self.reasons[0].endswith(demand):  # the reason has said it
            change = ""
        text = _printable(f"{why}; {change}" if change else why)[:MAX_REFUSAL_LENGTH]
        return f"{text}; more: {self.more}" if self.more else text


class CallLine(msgspec.Struct, frozen=True, gc=False):
    """The line about one call.

    It is the message of a log record, and becomes text only when a handler formats it. `mockserver serve`
    does that in a thread. So an explanation costs the call nothing.

    `refused` is the journal's entry of a refused call, or the body of the mock's own error.
    """

    vendor: str
    status: int
    method: str
    target: str
    seconds: float
    fault: Fault | None = None
    refused: KeptEntry | bytes | None = None

    def __str__(self) -> str:
        return self.text()

    def text(self, base_url: str = "", colored: bool = False) -> str:
        """Return the line, and for a refused call a second one. `base_url` is the server's.

        The target stays percent-encoded, so it has no control characters.
        """
        status = f"{self.status:3}"
        if colored and (color := COLORS.get(self.status // 100)):
            status = f"{color}{status}{END_OF_COLOR}"
        line = f"{self.vendor:<11} {status} {self.method:<6} {redact_target(self.target)}"
        fault = f"  fault: {tag_of(self.fault)}" if self.fault else ""
        refusal = self.refusal(base_url)
        return f"{line}  {self.seconds * 1000:.1f} ms{fault}" + (f"\n  ↳ {refusal}" if refusal else "")

    def fields(self, base_url: str = "") -> dict[str, Any]:
        """Return what a line of JSON says of the call."""
        fields: dict[str, Any] = {
            "vendor": self.vendor,
            "status": self.status,
            "method": self.method,
            "target": redact_target(self.target),
            "milliseconds": round(self.seconds * 1000, 1),
            "fault": tag_of(self.fault) if self.fault else None,
        }
        refusal = self.refusal(base_url)
        return fields | {name: part for name, part in asdict(refusal).items() if part} if refusal else fields

    def refusal(self, base_url: str = "") -> Refusal | None:
        """Return why the call was refused, or None if it was not."""
        if isinstance(self.refused, bytes):
            try:
                return Refusal((msgspec.json.decode(self.refused, type=MockErrorBody).message,))
            except msgspec.DecodeError:  # not the mock's own error, but a fault that looks like one
                return None
        call = self.refused
        explanation = call.explanation() if call else None
        if call is None or explanation is None:
            return None
        more = f"{base_url}/_mock/requests/{call.id}"
        return Refusal(explanation.why, tuple(_changes(explanation, call.sandbox)), more)

    @property
    def size(self) -> int:
        """The bytes in memory that the line holds, about."""
        refused = self.refused
        if isinstance(refused, bytes):
            return len(self.target) + len(refused)
        return len(self.target) + (refused.weight if refused else 0)


def log_call(
    raw: RawRequest, response: Response, vendor: str, seconds: float, refused: KeptEntry | None = None
) -> None:
    """Log a call and its response, if calls are logged at all. `refused` is the entry of a refused call."""
    if log.isEnabledFor(logging.INFO):
        error = _error_of(response, vendor) if response.status >= 400 and refused is None else None
        line = CallLine(
            vendor, response.status, raw.method, raw.target, seconds, response.fault, refused or error
        )
        # Unlike log.info, this does not look for the caller's file and line: no format shows them.
        log.handle(log.makeRecord(log.name, logging.INFO, "", 0, line, (), None))


def _error_of(response: Response, vendor: str) -> bytes | None:
    """Return the body of the mock's own error, unless the log has just explained it."""
    code = dict(response.headers).get("X-Mock-Error")
    return response.body if (code or vendor == CONTROL) and code != "mock_failed" else None


def _changes(explanation: Explanation, sandbox: str) -> Iterator[str]:
    """Yield the smallest changes that would have helped, without the secrets of a sandbox."""
    for change in explanation.smallest_change:
        header = SENT_HEADER.match(change)
        if header is None:
            yield change
        elif sandbox in (DEFAULT_SANDBOX, STRAYS):
            yield change + _user_and_password(header[2])
        else:  # only the credential of `demo` is known to all
            yield "send {}: {}".format(*redact_headers([(header[1], header[2])])[0])


def _user_and_password(value: str) -> str:
    """Return what a Basic Authorization header stands for, in parentheses; for other headers nothing."""
    scheme, _, encoded = value.partition(" ")
    if scheme != "Basic":
        return ""
    return " (user {0}, password {2})".format(*b64decode(encoded).decode().partition(":"))


def _printable(text: str) -> str:
    """Return a text with its control characters escaped: they may come from a request."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)
