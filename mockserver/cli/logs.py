"""Logs: one line on stderr for each request, as text or as JSON."""

import json
import logging
import sys
from datetime import UTC, datetime

from mockserver.cli.line_writer import LineWriter
from mockserver.server.access_log import CallLine

LEVELS = ("debug", "info", "warning", "error")
BYTES_OF_A_RECORD = 1000


class JsonLines(logging.Formatter):
    """Formats a log record as one line of JSON; the line about a request has the request's fields."""

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = record.msg
        fields = line.fields() if isinstance(line, CallLine) else {"message": record.getMessage()}
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return json.dumps({"time": time, "level": record.levelname.lower(), **fields})


class LogToStderr(logging.Handler):
    """Hands log records to a thread, which formats and writes them. A call waits for neither."""

    def __init__(self, log_format: str) -> None:
        super().__init__()
        text = logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S")
        self.setFormatter(JsonLines() if log_format == "json" else text)
        self._writer = LineWriter(sys.stderr, self._text_of, self._report)

    def emit(self, record: logging.LogRecord) -> None:
        line = record.msg
        self._writer.put(record, BYTES_OF_A_RECORD + (line.size if type(line) is CallLine else 0))

    def flush(self) -> None:
        self._writer.flush()

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
        if isinstance(self.formatter, JsonLines):
            return self.format(logging.makeLogRecord({"levelname": "INFO", "msg": item}))
        return item

    def _report(self, lost: int) -> str:
        text = f"lines of this log that are lost, because nobody read it in time: {lost}"
        record = {"levelno": logging.WARNING, "levelname": "WARNING", "msg": text}
        return self.format(logging.makeLogRecord(record))


def log_to_stderr(level: str, log_format: str) -> LogToStderr:
    """Log to stderr, from this level up, in the format `text` or `json`. Return the handler."""
    # What no format shows need not be found out for each record.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = LogToStderr(log_format)
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
