"""Logs: one line on stderr for each request, as text or as JSON."""

import json
import logging
from datetime import UTC, datetime

LEVELS = ("debug", "info", "warning", "error")
log = logging.getLogger("mockserver")


class JsonLines(logging.Formatter):
    """Formats a log record as one line of JSON; the line about a request has the request's fields."""

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        fields = getattr(record, "fields", None) or {"message": record.getMessage()}
        return json.dumps({"time": time, "level": record.levelname.lower(), **fields})


def log_to_stderr(level: str, log_format: str) -> None:
    """Log to stderr, from this level up, in the format `text` or `json`."""
    handler = logging.StreamHandler()
    text = logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S")
    handler.setFormatter(JsonLines() if log_format == "json" else text)
    log.addHandler(handler)
    log.setLevel(level.upper())
    log.propagate = False
    # uvicorn would log only invalid HTTP; the client learns that from the response. watchfiles would log
    # changed files; we log them ourselves.
    for name in ("uvicorn.error", "watchfiles"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
