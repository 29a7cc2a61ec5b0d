"""Workers: processes that serve on one socket. This process forks them, and replaces those that end.

All of them accept connections from the same socket, and not each from one of its own: so an idle worker takes
what a busy one would let wait, and a connection that waits for a worker that has ended goes to another one.
"""

import logging
import os
import selectors
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from mockserver.cli.options import CommandError
from mockserver.cli.serve.workers.channel import (
    ABANDON,
    FAILED,
    METRICS,
    READY,
    STOP,
    reason_of,
    receive,
    send,
)

STEADY = 10.0  # seconds that a worker has run after which the next one begins without a pause
FIRST_PAUSE, MAX_PAUSE = 0.1, 5.0  # seconds until another worker begins, if the one before ended soon
ABANDON_TIMEOUT = 2.0  # seconds that workers have to end at once
SIGNALS = (signal.SIGINT, signal.SIGTERM)
Serve = Callable[[int, socket.socket], None]  # what a worker does; it gets its place and its channel
log = logging.getLogger("mockserver")


@dataclass(eq=False)
class Worker:
    """A worker, or the pause until the next one in its place begins.

    `failures` counts how many in a row have ended soon. `reason` is what the worker said why it cannot start.
    """

    pid: int = 0
    channel: socket.socket | None = None
    is_ready: bool = False
    began: float = 0.0
    begins: float | None = None
    failures: int = 0
    reason: str = ""


class Workers:
    """A number of workers that serve on a listening socket.

    Signals are for this process, which tells the workers: those ignore them, because Ctrl-C and some
    supervisors signal all processes at once.
    """

    def __init__(self, number: int, listener: socket.socket, serve: Serve) -> None:
        self._workers = [Worker() for _ in range(number)]
        self._listener, self._serve = listener, serve
        # Workers share its mode. A new one would duplicate a socket that blocks as one that blocks, for a
        # moment, and then the others could begin to wait in it for ever.
        listener.setblocking(False)
        self._selector = selectors.PollSelector()  # it has no descriptor that a worker would inherit
        self._signals = socket.socketpair()
        self._answers = False
        self._stopped_by: list[int] = []  # signals
        self._code = 0

    def run(self, ready: Callable[[], None]) -> int:
        """Run until a signal stops the workers, and return the exit code. Call `ready` once all answer.

        On a second signal, do not wait for the calls in progress. Raise CommandError if a worker cannot start
        before any has answered.
        """
        with self._catching_signals():
            try:
                self._reap()  # orphans that had ended before
                for worker in self._workers:
                    self._begin(worker)
                while any(worker.pid for worker in self._workers) or not self._stopped_by:
                    self._wait()
                    if not (self._answers or self._stopped_by) and all(one.is_ready for one in self._workers):
                        self._answers = True
                        ready()
            except BaseException:
                self._end_now()
                raise
        return self._code

    @contextmanager
    def _catching_signals(self) -> Iterator[None]:
        """While the block runs, let a socket receive the numbers of signals, those of ended workers too."""
        received, written = self._signals
        for one in self._signals:
            one.setblocking(False)
        before = {number: signal.signal(number, _pass) for number in (*SIGNALS, signal.SIGCHLD)}
        wakeup = signal.set_wakeup_fd(written.fileno())
        self._selector.register(received, selectors.EVENT_READ)
        try:
            yield
        finally:
            signal.set_wakeup_fd(wakeup)
            for number, handler in before.items():
                signal.signal(number, handler)

    def _begin(self, worker: Worker) -> None:
        ours, theirs = socket.socketpair()
        for channel in (ours, theirs):
            channel.setblocking(False)
        worker.is_ready, worker.reason, worker.begins, worker.began = False, "", None, time.monotonic()
        try:
            worker.pid = os.fork()
        except OSError as error:
            ours.close()
            theirs.close()
            self._note_end(worker, f"cannot be forked: {error.strerror}")
            return
        if not worker.pid:
            ours.close()
            self._become_worker(self._workers.index(worker), theirs)
        theirs.close()
        worker.channel = ours
        self._selector.register(ours, selectors.EVENT_READ, worker)

    def _become_worker(self, place: int, channel: socket.socket) -> None:
        """Serve, and then end this process, which has just been forked."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for number in SIGNALS:
                signal.signal(number, signal.SIG_IGN)
            others = [worker.channel for worker in self._workers if worker.channel is not None]
            for one in (*self._signals, *others):  # or the others would not notice the end of our parent
                one.close()
            self._serve(place, channel)
            code = 0
        except CommandError as error:
            code = error.exit_code
            send(channel, reason_of(error.message))
        except BaseException as error:
            log.exception("a worker ends")
            send(channel, reason_of(f"{type(error).__name__}: {error}"))
        finally:
            logging.shutdown()  # writes what waits to be written
            os._exit(code)

    def _wait(self) -> None:
        """Wait until something happens, and do what it needs."""
        begins = [worker.begins for worker in self._workers if worker.begins is not None]
        pause = max(0.0, min(begins) - time.monotonic()) if begins else None
        for key, _ in self._selector.select(pause):
            if key.data is None:
                self._handle(receive(self._signals[0]) or b"")
            else:
                self._read(key.data)
        for worker in self._workers:
            if worker.begins is not None and worker.begins <= time.monotonic():
                self._begin(worker)

    def _handle(self, numbers: bytes) -> None:
        """Do what signals demand: first stop, so that no worker begins in the place of one that has ended."""
        for number in (number for number in numbers if number in SIGNALS):
            self._stopped_by.append(number)
            self._tell(STOP)
            for worker in self._workers:
                worker.begins = None
            self._listener.close()  # once the workers have closed theirs as well, no connection is accepted
            if len(self._stopped_by) == 2:
                self._end_now()
                self._code = 128 + number
        if signal.SIGCHLD in numbers:
            self._reap()

    def _tell(self, message: bytes) -> None:
        for worker in self._workers:
            if worker.channel is not None:
                send(worker.channel, message)

    def _read(self, worker: Worker) -> None:
        """Read what a worker says."""
        if worker.channel is None:
            return
        said = receive(worker.channel)
        if said is None:
            self._close(worker)  # the process ends as well, and is reaped then
            return
        words, failed, reason = said.partition(FAILED)
        worker.is_ready |= READY in words
        worker.reason = reason.decode(errors="replace") if failed else worker.reason
        if METRICS in words:
            self._tell(METRICS)

    def _close(self, worker: Worker) -> None:
        if worker.channel is not None:
            self._selector.unregister(worker.channel)
            worker.channel.close()
            worker.channel = None

    def _reap(self) -> None:
        """Collect the exit codes of workers that have ended, and of orphans if this is process 1."""
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                for worker in self._workers:
                    if worker.pid == ended[0]:
                        self._end(worker, os.waitstatus_to_exitcode(ended[1]))

    def _end(self, worker: Worker, code: int) -> None:
        self._read(worker)  # perhaps it has said why
        self._close(worker)
        how = f"was ended by signal {-code}" if code < 0 else f"has ended with exit code {code}"
        pid, worker.pid = worker.pid, 0
        if self._stopped_by:
            self._code = self._code or abs(code)
            return
        self._note_end(worker, worker.reason or f"process {pid} {how}")

    def _note_end(self, worker: Worker, reason: str) -> None:
        """Start another worker, at once or after a pause. Raise CommandError if none has answered yet."""
        if not self._answers:
            raise CommandError(worker.reason or f"a worker cannot start: {reason}")
        now = time.monotonic()
        worker.failures = 0 if worker.is_ready and now - worker.began >= STEADY else worker.failures + 1
        pause = min(FIRST_PAUSE * 2 ** (worker.failures - 2), MAX_PAUSE) if worker.failures > 1 else 0.0
        worker.is_ready, worker.begins = False, now + pause
        log.warning("a worker has ended, another one begins: %s", reason)

    def _end_now(self) -> None:
        """End the workers that run, without waiting for what they have under way."""
        self._tell(ABANDON)
        deadline = time.monotonic() + ABANDON_TIMEOUT
        for worker in self._workers:
            while worker.pid and time.monotonic() < deadline:
                self._collect(worker, os.WNOHANG)
                time.sleep(0.001)
            if worker.pid:
                os.kill(worker.pid, signal.SIGKILL)
                self._collect(worker, 0)

    def _collect(self, worker: Worker, options: int) -> None:
        if os.waitpid(worker.pid, options)[0]:
            worker.pid = 0
            self._close(worker)


def _pass(*_: object) -> None:
    """Do nothing: the number of the signal is read from a socket."""
