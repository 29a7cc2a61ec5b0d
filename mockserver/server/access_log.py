"""The access log: one line for each call."""

import logging
from typing import Any

import msgspec

from mockserver.contract.response import Response
from mockserver.sandbox.faults import tag_of
from mockserver.sandbox.faults.fault import Fault
from mockserver.sandbox.journal.redaction import redact_target
from mockserver.vendor_api.raw_request import RawRequest

log = logging.getLogger("mockserver")


class CallLine(msgspec.Struct, frozen=True, gc=False):
    """The line about one call.

    It is the message of a log record, and becomes text only when a handler formats it. `mockserver serve`
    does that in a thread.
    """

    vendor: str
    status: int
    method: str
    target: str
    seconds: float
    fault: Fault | None

    def __str__(self) -> str:
        """Return the line. The target stays percent-encoded, so it has no control characters."""
        fields = self.fields()
        tail = f"  fault: {fields['fault']}" if self.fault else ""
        start = f"{self.vendor:<11} {self.status:3} {self.method:<6}"
        return f"{start} {fields['target']}  {fields['milliseconds']:.1f} ms{tail}"

    def fields(self) -> dict[str, Any]:
        """Return what a line of JSON says of the call."""
        return {
            "vendor": self.vendor,
            "status": self.status,
            "method": self.method,
            "target": redact_target(self.target),
            "milliseconds": round(self.seconds * 1000, 1),
            "fault": tag_of(self.fault) if self.fault else None,
        }

    @property
    def size(self) -> int:
        """The bytes in memory that the line holds, about."""
        return len(self.target)


def log_call(raw: RawRequest, response: Response, vendor: str, seconds: float) -> None:
    """Log a call and its response, if calls are logged at all."""
    if log.isEnabledFor(logging.INFO):
        line = CallLine(vendor, response.status, raw.method, raw.target, seconds, response.fault)
        # Unlike log.info, this does not look for the caller's file and line: no format shows them.
        log.handle(log.makeRecord(log.name, logging.INFO, "", 0, line, (), None))
