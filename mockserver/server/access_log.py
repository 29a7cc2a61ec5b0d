"""The access log: one line for a request."""

import logging

from mockserver.contract.response import Response
from mockserver.server.http.raw_request import RawRequest
from mockserver.server.recorder import kind_of

log = logging.getLogger("mockserver")


def log_request(asked: RawRequest, response: Response, who: str, seconds: float) -> None:
    """One line for a request; the target is as sent, so it holds no control characters."""
    method, target, milliseconds = asked.method, asked.target, round(seconds * 1000, 1)
    fault = kind_of(response.fault)
    fields = {"vendor": who, "status": response.status, "method": method, "target": target,
              "milliseconds": milliseconds, "fault": fault}  # fmt: skip
    words = "%-11s %3d %-6s %s  %.1f ms%s"
    tail = f"  fault: {fault}" if fault else ""
    log.info(words, who, response.status, method, target, milliseconds, tail, extra={"fields": fields})
