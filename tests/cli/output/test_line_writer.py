"""Lines are written in a thread: a reader that does not read stops nobody, and lost lines are counted."""

import os
import threading
from collections.abc import Iterator
from io import StringIO
from typing import TextIO

import pytest

from mockserver.cli.output import line_writer
from mockserver.cli.output.line_writer import LineWriter

pytestmark = pytest.mark.finding("A2")
LINE = "x" * 999
PIPE_LINES = 70  # more than a pipe holds


class Pipe:
    """A pipe, and a writer for it. Nothing is read until a test reads it."""

    def __init__(self) -> None:
        self.read_end, write_end = os.pipe()
        self.stream: TextIO = os.fdopen(write_end, "w", encoding="ascii")
        self.writer = LineWriter(self.stream, self._text_of, "lost: {}".format)

    @staticmethod
    def _text_of(item: str) -> str:
        return item

    def read_until(self, last: str) -> list[str]:
        """Return the lines up to and including this one."""
        lines = []
        with open(self.read_end, encoding="ascii", closefd=False) as reader:
            for line in reader:
                lines.append(line.rstrip("\n"))
                if lines[-1] == last:
                    break
        return lines


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    threading.Thread(target=pipe.read_until, args=("end",), daemon=True).start()
    pipe.writer.put("end")
    pipe.writer.flush()


def test_lines_are_written_in_order(pipe: Pipe) -> None:
    for number in range(1000):
        pipe.writer.put(str(number))
    assert pipe.read_until("999") == [str(number) for number in range(1000)]


@pytest.mark.parametrize(("limit", "size"), [("MAX_LINES", 0), ("MAX_BYTES", 10)])
def test_unread_lines_are_dropped_beyond_a_limit_and_counted(
    pipe: Pipe, limit: str, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_writer, limit, 20 * (size or 1))
    for number in range(PIPE_LINES):  # the first ones fill the pipe, and never the queue
        pipe.writer.put(f"{number} {LINE}", size)
        if number < 50:
            pipe.writer.flush()
    for _ in range(100):
        pipe.writer.put("more", size)
    dropped = pipe.writer._dropped
    assert 100 <= dropped <= 101
    lines = pipe.read_until(f"lost: {dropped}")
    assert len(lines) == PIPE_LINES + 100 - dropped + 1
    pipe.writer.put("next", size)
    assert pipe.read_until("next") == ["next"], "lost lines are reported once"


def test_flush_gives_up_if_nobody_reads(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_writer, "FLUSH_TIMEOUT", 0.05)
    for _ in range(PIPE_LINES):
        pipe.writer.put(LINE)
    pipe.writer.flush()
    assert pipe.writer._done < PIPE_LINES


def test_broken_pipe_loses_lines_and_raises_nothing() -> None:
    pipe = Pipe()
    os.close(pipe.read_end)
    pipe.writer.put("lost")
    pipe.writer.put("lost too")
    pipe.writer.flush()
    assert (pipe.writer._done, pipe.writer._failed) == (2, 2)


@pytest.mark.parametrize("stream", [None, StringIO()], ids=["none", "no descriptor"])
def test_stream_without_a_descriptor_can_be_written_to(stream: StringIO | None) -> None:
    writer = LineWriter(stream, str, str)
    writer.put("a")
    writer.put("ä")
    writer.flush()
    assert (writer._done, writer._failed) == (2, 0)
    assert stream is None or stream.getvalue() == "a\nä\n"


def test_each_process_has_its_own_thread() -> None:
    pipe = Pipe()
    pipe.writer.put("parent")
    pipe.writer.flush()
    child = os.fork()
    if not child:
        pipe.writer.put("child")
        pipe.writer.flush()
        os._exit(0)
    os.waitpid(child, 0)
    assert pipe.read_until("child") == ["parent", "child"]
