"""The protocol of one connection: uvicorn's, with bounds, and with a way past tasks for what is ready."""

import asyncio
import logging
import os
import socket
import struct
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from mockserver.delivery import HANG_UP
from mockserver.gateway import OurRefusal, Whole

MOST_HEAD = 256 * 1024
MOST_URL = 65_000
MOST_IN_A_ROW = 16  # answers to one client at once, before others have their turn
GOODBYE = 1.0
AtOnce = Callable[[Any, bytes], Whole | None]
log = logging.getLogger("mockserver")


def written(refusal: OurRefusal, reason: str) -> bytes:
    """A refusal as it goes over the wire."""
    response = refusal.response()
    lines = [f"HTTP/1.1 {refusal.status} {reason}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in response.headers]
    lines += [f"Content-Length: {len(response.body)}", "", ""]
    return "\r\n".join(lines).encode() + response.body


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol, with bounds: on the size of a request's head, and on waiting for it.

    What `at_once` answers goes out in one piece, and without a task. Where it gives None, the
    application is asked as ever.
    """

    def __init__(self, header_deadline: float, at_once: AtOnce, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._at_once = at_once
        self._patience = Patience(self.loop, header_deadline, self.timeout_keep_alive_handler)
        self._begun: tuple[RequestResponseCycle, Any] | None = None
        self._head = self._chunk = 0
        self._answering = self._leaving = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._patience.begin()

    def connection_lost(self, exc: Exception | None) -> None:
        self._patience.close()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._chunk = len(data)
        if self._patience.with_head:
            self._head += len(data)
            if self._head > MOST_HEAD:
                words = f"the head of a request has at most {MOST_HEAD} bytes"
                return self._refuse(OurRefusal(431, "too_long", words))
        super().data_received(data)
        if self._begun:
            self._answer()
        elif not self._patience.with_head and (self.cycle is None or self._is_over(self.cycle)):
            self._patience.begin()  # bytes that begin no request end the patience of keep-alive

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head = self._chunk
        self._patience.begin()

    def on_headers_complete(self) -> None:
        self._head = 0
        self._patience.end()
        super().on_headers_complete()
        if self.cycle is not None:
            self.scope["extensions"] = {HANG_UP: {"call": partial(self._hang_up, self.cycle)}}

    def on_message_complete(self) -> None:
        self._chunk = 0  # what follows in this chunk belongs to the next head
        if self.cycle.response_complete:
            self.cycle.more_body = False  # it was answered before it had come
        super().on_message_complete()

    def _is_over(self, cycle: RequestResponseCycle) -> bool:
        return cycle.response_complete and not cycle.more_body

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._begun = cycle, app  # what has come is read first: mostly it is the whole request

    def _answer(self) -> None:
        """Answer what has been begun, at once or by a task."""
        self._answering, in_a_row = True, 0
        try:
            while self._begun and not self.transport.is_closing():
                (cycle, app), self._begun = self._begun, None
                in_a_row += 1
                if in_a_row > MOST_IN_A_ROW or not self._answered(cycle):
                    super()._start_asgi_task(cycle, app)
        finally:
            self._answering = False

    def _answered(self, cycle: RequestResponseCycle) -> bool:
        """Whether a request is all there and was answered in one piece."""
        if cycle.more_body or not cycle.keep_alive or self.flow.write_paused:
            return False
        whole = self._at_once(cycle.scope, bytes(cycle.body))
        if whole is None:
            return False
        cycle.response_started = cycle.response_complete = True
        defaults = [b"%s: %s\r\n" % header for header in cycle.default_headers]
        self.transport.write(b"".join([STATUS_LINE[whole.status], *defaults, whole.rest]))
        self.on_response_complete()
        return True

    def shutdown(self) -> None:
        """The server stops: who has sent a whole request is answered first, nobody else."""
        if self.cycle is None or self.cycle.response_complete or self.cycle.more_body:
            self._part()
        else:
            self._leaving, self.cycle.keep_alive = True, False

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        if self._leaving and not self.pipeline:
            self._part()
        elif not self.transport.is_closing():
            self.flow.resume_reading()
            if self.pipeline:
                self._start_asgi_task(*self.pipeline.pop())
                if not self._answering:
                    self._answer()
            elif self._patience.with_head:
                self._patience.begin()  # the next request has begun already
            else:
                self._patience.begin(self.timeout_keep_alive, with_head=False)

    def _part(self) -> None:
        self.transport.close()
        if self.scheme == "https":  # TLS waits for the other side to say goodbye, half a minute if need be
            self.loop.call_later(GOODBYE, self.transport.abort)

    def send_400_response(self, msg: str) -> None:
        """What cannot be read belongs to no vendor, so the answer is ours."""
        if self._begun and not self._begun[0].more_body:
            self._answer()  # what came before it could be read
        if len(getattr(self, "url", b"")) > MOST_URL:
            return self._refuse(OurRefusal(414, "too_long", f"a URL has at most {MOST_URL} bytes"))
        self._refuse(OurRefusal(400, "not_http", "this is not a valid HTTP request"))

    def _refuse(self, refusal: OurRefusal) -> None:
        self.transport.write(written(refusal, HTTPStatus(refusal.status).phrase))
        self.transport.close()
        log.info("%-11s %3d %s", "-", refusal.status, refusal.message)

    def _hang_up(self, cycle: RequestResponseCycle, reset: bool) -> None:
        """End a cycle without the rest of its answer; a reset is a TCP RST, and drops unsent bytes."""
        cycle.response_started = cycle.response_complete = True
        if not reset:
            return self._part()
        if listened := self.transport.get_extra_info("socket"):
            with socket.socket(fileno=os.dup(listened.fileno())) as connection:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


class Patience:
    """How long a connection may wait for a head, or idle; its timer follows the deadline at its leisure."""

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float, lose: Callable[[], None]) -> None:
        self._loop, self._seconds, self._lose = loop, seconds, lose
        self._until: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._at = 0.0
        self.with_head = False

    def begin(self, seconds: float | None = None, with_head: bool = True) -> None:
        """From now on, for so many seconds; what was begun before is over."""
        self._until = self._loop.time() + (self._seconds if seconds is None else seconds)
        self.with_head = with_head
        if self._timer is None or self._at > self._until:
            self._wait()

    def end(self) -> None:
        self._until, self.with_head = None, False

    def close(self) -> None:
        self.end()
        if self._timer is not None:
            self._timer.cancel()

    def _wait(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        assert self._until is not None
        self._at = self._until
        self._timer = self._loop.call_at(self._until, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._until is not None:
            if self._loop.time() < self._until:
                self._wait()
            else:
                self._lose()
