"""Logs: one line for a request, to stderr, for people or for programs."""

import json
import logging
from datetime import UTC, datetime

LEVELS = ("debug", "info", "warning", "error")
log = logging.getLogger("mockserver")


class JsonLines(logging.Formatter):
    """Each record as one line of JSON, with the fields of a request where it is about one."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        fields = getattr(record, "fields", None) or {"message": record.getMessage()}
        return json.dumps({"time": moment, "level": record.levelname.lower(), **fields})


def log_to_stderr(level: str, form: str) -> None:
    handler = logging.StreamHandler()
    text = logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S")
    handler.setFormatter(JsonLines() if form == "json" else text)
    log.addHandler(handler)
    log.setLevel(level.upper())
    log.propagate = False
    # What the HTTP server has to say is about clients that speak no HTTP: the answer says it all.
    for name in ("uvicorn.error", "watchfiles"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
