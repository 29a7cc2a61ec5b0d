"""Writes lines in a thread, so that nothing waits for the reader of a pipe or a terminal."""

import os
import select
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import Any, TextIO

if sys.platform != "win32":
    import fcntl

MAX_LINES, MAX_BYTES = 10_000, 16 * 1024 * 1024  # that wait to be written
PAUSE = 0.01  # seconds, after everything is written: so that under load, `put` seldom has to wake the thread
FLUSH_TIMEOUT = 1.0  # seconds without progress, after which `flush` gives up


class LineWriter:
    """Formats items and writes them to a stream, in order, in a thread.

    If items come faster than they can be written, the queue fills up, and further items are dropped. As soon
    as all that is in the queue is written, `report` makes one more line, with the number of items lost.

    Only one thread at a time may call `put`. The writing thread starts with the first item. After a fork,
    the child process has a queue and a thread of its own. If the stream is `shared`, one process at a time
    writes to it: a pipe may mix what several write, if that is longer than 4096 bytes.
    """

    def __init__(
        self,
        stream: TextIO | None,
        format_item: Callable[[Any], str],
        report: Callable[[int], str],
        *,
        shared: bool = False,
    ) -> None:
        write = writer_to(stream)
        self._write = partial(_write_alone, _new_lock(), write) if shared else write
        self._format, self._report = format_item, report
        self._process: int | None = None
        self._reset()

    def _reset(self) -> None:
        self._queue: SimpleQueue[tuple[Any, int]] = SimpleQueue()
        # `put` changes only the first three, and the thread only the others. So there is no lock.
        self._added = self._bytes_added = self._dropped = 0
        self._done = self._bytes_done = self._failed = self._reported = 0

    def put(self, item: Any, size: int = 0) -> None:
        """Queue an item that holds about `size` bytes of memory, or drop it if the queue is full."""
        if self._process != os.getpid():
            self._process = os.getpid()
            self._reset()
            Thread(target=self._run, args=(self._queue,), name="mockserver log", daemon=True).start()
        if self._added - self._done >= MAX_LINES or self._bytes_added - self._bytes_done >= MAX_BYTES:
            self._dropped += 1
            return
        self._added += 1
        self._bytes_added += size
        self._queue.put((item, size))

    def flush(self) -> None:
        """Wait until everything is written, or until nothing has been written for `FLUSH_TIMEOUT` seconds.

        It takes no lock, so a signal handler may call it.
        """
        done, deadline = self._done, time.monotonic() + FLUSH_TIMEOUT
        while self._process == os.getpid() and self._done < self._added and time.monotonic() < deadline:
            time.sleep(0.001)
            if self._done != done:
                done, deadline = self._done, time.monotonic() + FLUSH_TIMEOUT

    def _run(self, queue: SimpleQueue[tuple[Any, int]]) -> None:
        while True:
            item, size = queue.get()
            written = self._try_to_write(self._format(item))
            self._failed += not written
            lost = self._dropped + self._failed - self._reported
            if written and lost and queue.empty() and self._try_to_write(self._report(lost)):
                self._reported += lost
            item = None  # not to be kept until the next one comes
            self._bytes_done += size
            self._done += 1
            if queue.empty():
                time.sleep(PAUSE)

    def _try_to_write(self, text: str) -> bool:
        """Write a line. Return False if that is not possible: a pipe may be broken, or a disk full."""
        try:
            self._write(f"{text}\n")
        except (OSError, ValueError):
            return False
        return True


def writer_to(stream: TextIO | None) -> Callable[[str], object]:
    """Return a function that writes text to a stream.

    It writes to the stream's file descriptor. A thread that hangs in the stream's own `write` would hold a
    lock, and Python would crash when it takes that lock at exit.
    """
    if stream is None:  # the process was started with a closed descriptor
        return len
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError, AttributeError):
        return stream.write  # in a test
    encoding = stream.encoding or "utf-8"
    return lambda text: _write_all(descriptor, text.encode(encoding, "backslashreplace"))


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except BlockingIOError:  # another process with the same terminal may have made it non-blocking
            select.select([], [descriptor], [])


def _new_lock() -> int:
    """Return a descriptor of a file that processes lock in turns."""
    if hasattr(os, "memfd_create"):  # where a container may have no place for files
        return os.memfd_create("mockserver log")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _write_alone(lock: int, write: Callable[[str], object], text: str) -> None:
    """Write a text while no other process holds the lock, which ends with a process that holds it."""
    fcntl.lockf(lock, fcntl.LOCK_EX)
    try:
        write(text)
    finally:
        fcntl.lockf(lock, fcntl.LOCK_UN)


def print_without_waiting(stream: TextIO | None, text: str) -> None:
    """Print a line. If nobody reads it within `FLUSH_TIMEOUT` seconds, leave it to a thread."""
    writer = LineWriter(stream, str, str)
    writer.put(text)
    writer.flush()
