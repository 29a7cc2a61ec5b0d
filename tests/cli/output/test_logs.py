"""The log on stderr: formatted in a thread, as text or JSON, with tracebacks."""

import json
import logging
import threading
from collections.abc import Callable, Iterator

import pytest

from mockserver.cli.output.logs import LogToStderr, log_to_stderr

NAMES = ("mockserver", "asyncio", "uvicorn.error", "watchfiles")


@pytest.fixture(autouse=True)
def logging_as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Undo afterwards what a test does to logging."""
    loggers = [logging.getLogger(name) for name in NAMES]
    before = [(one.level, one.propagate, one.handlers[:]) for one in loggers]
    for name in ("logThreads", "logProcesses", "logMultiprocessing"):
        monkeypatch.setattr(logging, name, getattr(logging, name))
    yield
    for logger, (level, propagate, handlers) in zip(loggers, before, strict=True):
        logger.setLevel(level)
        logger.propagate, logger.handlers[:] = propagate, handlers


Lines = Callable[[LogToStderr], list[str]]


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    """Return a function that returns what a handler has written."""

    def written(handler: LogToStderr) -> list[str]:
        handler.flush()
        return capsys.readouterr().err.splitlines()

    return written


class Slow:
    """A message that records in which thread it becomes text."""

    def __init__(self) -> None:
        self.threads: list[str] = []

    def __str__(self) -> str:
        self.threads.append(threading.current_thread().name)
        return "slow"


@pytest.mark.finding("A2")
def test_messages_become_text_in_the_thread_of_the_log(lines: Lines) -> None:
    handler, message = log_to_stderr("info", "text"), Slow()
    logging.getLogger("mockserver").info(message)
    [line] = lines(handler)
    assert line.endswith(" slow")
    assert message.threads == ["mockserver log"]


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_traceback_is_in_the_log(lines: Lines, log_format: str) -> None:
    handler = log_to_stderr("info", log_format)
    try:
        raise KeyError("colour")
    except KeyError:
        logging.getLogger("mockserver").exception("it failed")
    written = lines(handler)
    text = written[0]
    if log_format == "json":
        record = json.loads(text)
        assert (record["level"], record["message"]) == ("error", "it failed")
        written = [text, *record["traceback"].splitlines()]
    assert "it failed" in text
    assert (written[1], written[-1]) == ("Traceback (most recent call last):", "KeyError: 'colour'")


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_record_that_cannot_be_formatted_is_reported(lines: Lines, log_format: str) -> None:
    handler = log_to_stderr("info", log_format)
    logging.getLogger("mockserver").info("%d", "no number")
    logging.getLogger("mockserver").info("next")
    first, second = lines(handler)
    assert "a line of the log is lost: TypeError: " in first
    assert "next" in second


def test_other_lines_are_json_where_the_log_is(lines: Lines) -> None:
    handler = log_to_stderr("error", "json")
    handler.write("stopped")
    [line] = map(json.loads, lines(handler))
    assert (line["level"], line["message"]) == ("info", "stopped")


def test_errors_of_asyncio_are_in_the_log(lines: Lines) -> None:
    handler = log_to_stderr("info", "text")
    logging.getLogger("asyncio").error("socket.accept() failed")
    assert lines(handler)[0].endswith(" socket.accept() failed")
