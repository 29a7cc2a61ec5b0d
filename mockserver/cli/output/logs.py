"""Logs: one line on stderr for each request, as text or as JSON."""

import json
import logging
import os
import sys
from datetime import UTC, datetime
from typing import TextIO

from mockserver.cli.output.line_writer import LineWriter
from mockserver.server.access_log import CallLine

LEVELS = ("debug", "info", "warning", "error")
BYTES_OF_A_RECORD = 1000


class TextLines(logging.Formatter):
    """Formats a log record as one line of text; a refused call has a second one.

    `base_url` is the server's. On a terminal, the status of a call has a color.
    """

    def __init__(self, colored: bool) -> None:
        super().__init__("%(asctime)s %(message)s", "%H:%M:%S")
        self._colored, self.base_url = colored, ""

    def format(self, record: logging.LogRecord) -> str:
        if not isinstance(record.msg, CallLine):
            return super().format(record)
        return f"{self.formatTime(record, self.datefmt)} {record.msg.text(self.base_url, self._colored)}"


class JsonLines(logging.Formatter):
    """Formats a log record as one line of JSON; the line about a request has the request's fields."""

    def __init__(self) -> None:
        super().__init__()
        self.base_url = ""

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        if isinstance(record.msg, CallLine):
            fields = record.msg.fields(self.base_url)
        else:
            fields = {"message": record.getMessage()}
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return json.dumps({"time": time, "level": record.levelname.lower(), **fields})


class LogToStderr(logging.Handler):
    """Hands log records to a thread, which formats and writes them. A call waits for neither."""

    def __init__(self, log_format: str, *, shared: bool) -> None:
        super().__init__()
        self._lines = JsonLines() if log_format == "json" else TextLines(_shows_colors(sys.stderr))
        self.setFormatter(self._lines)
        self._writer = LineWriter(sys.stderr, self._text_of, self._report, shared=shared)

    def emit(self, record: logging.LogRecord) -> None:
        line = record.msg
        self._writer.put(record, BYTES_OF_A_RECORD + (line.size if type(line) is CallLine else 0))

    def flush(self) -> None:
        self._writer.flush()

    def use_base_url(self, url: str) -> None:
        """Show this URL where the log says where to read more."""
        self._lines.base_url = url

    def write(self, text: str) -> None:
        """Write a line that is not about a call: as it is, or as the message of a line of JSON."""
        self.acquire()
        self._writer.put(text)
        self.release()

    def _text_of(self, item: logging.LogRecord | str) -> str:
        """Return the text of a record, or of a line that needs no time in front."""
        if isinstance(item, logging.LogRecord):
            try:
                return self.format(item)
            except Exception as error:  # a record of the user's own may be wrong
                item = f"a line of the log is lost: {type(error).__name__}: {error}"
        if isinstance(self._lines, JsonLines):
            return self.format(logging.makeLogRecord({"levelname": "INFO", "msg": item}))
        return item

    def _report(self, lost: int) -> str:
        text = f"lines lost from this log, because nobody read it in time: {lost}"
        record = {"levelno": logging.WARNING, "levelname": "WARNING", "msg": text}
        return self.format(logging.makeLogRecord(record))


def _shows_colors(stream: TextIO | None) -> bool:
    """Return True if a stream is a terminal, and its user has not refused colors (see no-color.org)."""
    return stream is not None and stream.isatty() and not os.environ.get("NO_COLOR")


def log_to_stderr(level: str, log_format: str, *, shared: bool = False) -> LogToStderr:
    """Log to stderr, from this level up, in the format `text` or `json`. Return the handler.

    If the log is `shared`, processes that are forked from this one write to it too.
    """
    # What no format shows need not be found out for each record.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = LogToStderr(log_format, shared=shared)
    for name in ("mockserver", "asyncio"):
        logger = logging.getLogger(name)
        logger.addHandler(handler)
        logger.setLevel(level.upper() if name == "mockserver" else "ERROR")
        logger.propagate = False
    # uvicorn would log only invalid HTTP; the client learns that from the response. watchfiles would log
    # changed files; we log them ourselves.
    for name in ("uvicorn.error", "watchfiles"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    return handler
