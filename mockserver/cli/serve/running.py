"""The server that `serve` runs: in this process, or in workers that are forked from it."""

import gc
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from mockserver import app
from mockserver.cli.background.daemon import detach_standard_streams
from mockserver.cli.background.process_identity import identity_of
from mockserver.cli.background.ready_file import ReadyFile, ReadyFileError
from mockserver.cli.options import CommandError
from mockserver.cli.options.data import OwnData
from mockserver.cli.output.line_writer import print_without_waiting
from mockserver.cli.serve.reload import SUPERVISOR, carried_file, pid_to_stop
from mockserver.cli.serve.tls_options import TlsSettings, local_url
from mockserver.cli.serve.workers.channel import METRICS, READY, obey, send
from mockserver.cli.serve.workers.shared_metrics import SharedMetrics
from mockserver.cli.serve.workers.workers import Workers
from mockserver.data.resources import InvalidFile
from mockserver.server import server
from mockserver.server.http.connections.descriptors import raise_descriptor_limit
from mockserver.server.shutdown import CannotStart

# Seconds that a thread with a long body runs before the event loop may. Python's 5 ms would delay each call.
SWITCH_INTERVAL = 0.0002
Announce = Callable[[], None]


@dataclass(frozen=True)
class Running:
    """The server that the command runs, with its socket, TLS settings, ready files and own data."""

    mock: app.Mock
    listener: socket.socket
    tls: TlsSettings | None
    ready_files: list[ReadyFile]
    data: OwnData
    fast_path: bool

    @property
    def url(self) -> str:
        return local_url(self.listener, self.tls)

    def serve(self, announce: Announce, workers: int, *, detached: bool) -> None:
        """Serve until a signal stops the server. Call `announce` once it answers.

        If the server is `detached`, nobody reads its standard streams from then on. Raise CommandError if it
        cannot start, or if the warm-up finds an invalid file.
        """
        if workers == 1:
            self._serve(announce)
        elif code := self._serve_with_workers(workers, announce, detached=detached):
            sys.exit(code)

    def _serve(self, announce: Announce) -> None:
        warm_up = WarmUp(self.mock)

        def ready() -> None:
            self._publish()
            announce()
            threading.Thread(target=warm_up.run, args=(running,), name="warm up", daemon=True).start()

        def abandon(code: int) -> None:
            self._withdraw()
            try:
                self._save()
            except CommandError as error:
                print_without_waiting(sys.stderr, f"mockserver: {error.message}")
            logging.shutdown()  # writes what waits to be written
            os._exit(code)

        if os.getpid() == 1:  # in a container, process 1 becomes the parent of orphaned processes
            signal.signal(signal.SIGCHLD, _reap)
            _reap()
        running = self._server(ready, abandon)
        try:
            self._run(running)
        finally:
            self._withdraw()
            self._save()
        if warm_up.error:
            raise CommandError(str(warm_up.error))

    def _serve_with_workers(self, number: int, announce: Announce, *, detached: bool) -> int:
        if not hasattr(os, "fork"):
            raise CommandError("--workers is not available here, because this system cannot fork a process")
        try:
            WarmUp(self.mock).prepare()  # before there are workers, so that they share what it makes
        except InvalidFile as error:
            raise CommandError(str(error)) from None

        def ready() -> None:
            self._publish()
            announce()

        if self.mock.application.turns is not None:
            self.mock.application.turns.workers = number
        self.mock.metrics.own()  # imports what all workers then share
        work = partial(self._work, SharedMetrics(number), detached)
        workers = Workers(number, self.listener, work)
        try:
            return workers.run(ready)
        except ReadyFileError as error:
            raise CommandError(str(error)) from None
        finally:
            self._withdraw()

    def _work(self, metrics: SharedMetrics, detached: bool, place: int, channel: socket.socket) -> None:
        """Serve in a worker until its channel says that it ends."""
        write_metrics = metrics.begin(self.mock.metrics, place, partial(send, channel, METRICS))

        def ready() -> None:
            if detached:
                detach_standard_streams()
            obey(channel, stop, write_metrics)
            send(channel, READY)

        def stop() -> None:
            running.should_exit = True

        running = self._server(ready)
        running.signals = ()
        self._run(running)

    def _server(self, ready: Callable[[], None], *abandon: Callable[[int], None]) -> server.Server:
        context = self.tls.context if self.tls else None
        return server.Server(self.mock.application, ready, *abandon, tls=context, fast_path=self.fast_path)

    def _run(self, running: server.Server) -> None:
        sys.setswitchinterval(SWITCH_INTERVAL)
        raise_descriptor_limit()
        try:
            running.run([self.listener])
        except (ReadyFileError, CannotStart) as error:
            raise CommandError(str(error)) from None

    def _publish(self) -> None:
        for file in self.ready_files:
            file.publish(
                url=self.url,
                port=self.listener.getsockname()[1],
                pid=pid_to_stop(),
                process=identity_of(pid_to_stop()),
                ca=str(self.tls.certificate) if self.tls else None,
            )

    def _save(self) -> None:
        self.data.save(self.mock, carried_file())

    def _withdraw(self) -> None:
        for file in self.ready_files:
            file.withdraw()


class WarmUp:
    """Work that most calls do not need. So a server in one process does it while it already answers.

    If the work finds an invalid file, `run` stores the error in `error`, and stops the server.
    """

    def __init__(self, mock: app.Mock) -> None:
        self._mock = mock
        self.error: InvalidFile | None = None

    def run(self, running: server.Server) -> None:
        try:
            self.prepare()
        except InvalidFile as error:
            self.error = error
            running.should_exit = True

    def prepare(self) -> None:
        """Do the work. Raise InvalidFile."""
        self._mock.warm_up()
        if SUPERVISOR in os.environ:  # somebody is editing specs, so report an error in them at once
            self._mock.check_specs()
        # The objects that exist now stay until the end. Full garbage collections would scan them again
        # and again, and delay all calls. Freezing them prevents that.
        gc.collect()
        gc.freeze()


def _reap(*_: Any) -> None:
    """Collect the exit codes of child processes that have ended, so that they do not stay zombies."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
