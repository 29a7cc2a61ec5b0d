"""The access log: one line for each request."""

import logging

from mockserver.contract.response import Response
from mockserver.sandbox.faults import tag_of
from mockserver.vendor_api.raw_request import RawRequest

log = logging.getLogger("mockserver")


def log_request(raw: RawRequest, response: Response, vendor: str, seconds: float) -> None:
    """Log a request and its response. The target stays percent-encoded, so it has no control characters."""
    method, target, milliseconds = raw.method, raw.target, round(seconds * 1000, 1)
    fault = tag_of(response.fault) if response.fault else None
    fields = {"vendor": vendor, "status": response.status, "method": method, "target": target,
              "milliseconds": milliseconds, "fault": fault}  # fmt: skip
    text = "%-11s %3d %-6s %s  %.1f ms%s"
    tail = f"  fault: {fault}" if fault else ""
    log.info(text, vendor, response.status, method, target, milliseconds, tail, extra={"fields": fields})
