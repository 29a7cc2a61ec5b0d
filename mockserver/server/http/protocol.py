"""The protocol of one connection: uvicorn's, with bounds, and with a way past tasks for what is ready."""

import asyncio
import logging
import os
import socket
import struct
from collections.abc import Callable
from functools import partial
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from mockserver.contract.response import Response
from mockserver.server.http.asgi import DECLINED, HANG_UP
from mockserver.server.http.errors import MockError
from mockserver.server.http.head_cache import HeadCache
from mockserver.server.http.raw_request import RawRequest
from mockserver.server.http.serialization import LAST, written
from mockserver.server.http.timeouts import IdleTimer

MAX_HEAD_BYTES = 256 * 1024
MAX_URL_BYTES = 65_000
GOODBYE = 1.0

AnswerNow = Callable[[RawRequest], Response | None]
log = logging.getLogger("mockserver")


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol, with bounds: on the size of a request's head, and on waiting for it.

    A plain request that comes alone and whole is neither parsed nor given to a task if `answer_now`
    has its answer. For all else the application is asked as ever.
    """

    def __init__(
        self, header_timeout: float, answer_now: AnswerNow, heads: HeadCache, *args: Any, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._answer_now, self._heads = answer_now, heads
        self._patience = IdleTimer(self.loop, header_timeout, self.timeout_keep_alive_handler)
        self._head = self._chunk = 0
        self._resting = True  # between requests: the parser has nothing of any
        self._declined = False  # of the next request: whether it was looked at already
        self._leaving = False
        self._refusal: MockError | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._patience.begin()

    def connection_lost(self, exc: Exception | None) -> None:
        self._patience.close()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refusal:
            return  # what follows cannot be read either
        if self._resting:
            if self._answered(data):
                return
            self._resting = False
        self._chunk = len(data)
        if self._patience.with_head:
            self._head += len(data)
            if self._head > MAX_HEAD_BYTES:
                words = f"the head of a request has at most {MAX_HEAD_BYTES} bytes"
                return self._end(MockError(431, "too_long", words))
        super().data_received(data)
        if not self._patience.with_head and (self.cycle is None or self._is_over(self.cycle)):
            self._patience.begin()  # bytes that begin no request end the patience of keep-alive

    def _answered(self, data: bytes) -> bool:
        """Whether the bytes were a request that is answered now."""
        if self.flow.write_paused or self.transport.is_closing():
            return False
        asked = self._heads.parse(data, self.scheme or "http")
        response = asked and self._answer_now(asked)
        if not response:
            self._declined = asked is not None
            return False
        self.server_state.total_requests += 1
        self.transport.write(written(response, self.server_state.default_headers))
        self._patience.begin(self.timeout_keep_alive, with_head=False)
        return True

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head = self._chunk
        self._patience.begin()

    def on_headers_complete(self) -> None:
        self._head = 0
        self._patience.end()
        super().on_headers_complete()
        if self._declined:
            self.scope[DECLINED] = True  # type: ignore[literal-required]
            self._declined = False
        if self.cycle is not None:
            self.scope["extensions"] = {HANG_UP: {"call": partial(self._hang_up, self.cycle)}}

    def on_message_complete(self) -> None:
        self._chunk = 0  # what follows in this chunk belongs to the next head
        if self.cycle.response_complete:
            self.cycle.more_body = False  # it was answered before it had come
        super().on_message_complete()

    def _is_over(self, cycle: RequestResponseCycle) -> bool:
        return cycle.response_complete and not cycle.more_body

    def shutdown(self) -> None:
        """The server stops: who has sent a whole request is answered first, nobody else."""
        if self._owes_an_answer():
            self._leaving, self.cycle.keep_alive = True, False
        else:
            self._part()

    def _owes_an_answer(self) -> bool:
        """Whether a whole request waits for its answer; what is half sent behind it is let go."""
        if self.pipeline and self.cycle.more_body:
            self.pipeline.popleft()
            return True
        return not (self.cycle is None or self.cycle.response_complete or self.cycle.more_body)

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        if self._refusal and not self.pipeline and not self.transport.is_closing():
            self._refuse(self._refusal)
        elif self._leaving and not self.pipeline:
            self._part()
        elif not self.transport.is_closing():
            self.flow.resume_reading()
            if self.pipeline:
                self._start_asgi_task(*self.pipeline.pop())
            elif self._patience.with_head:
                self._patience.begin()  # the next request has begun already
            else:
                self._patience.begin(self.timeout_keep_alive, with_head=False)
                self._resting = not self.cycle.more_body

    def _part(self) -> None:
        self.transport.close()
        if self.scheme == "https":  # TLS waits for the other side to say goodbye, half a minute if need be
            self.loop.call_later(GOODBYE, self.transport.abort)

    def send_400_response(self, msg: str) -> None:
        """What cannot be read belongs to no vendor, so the answer is ours."""
        if len(getattr(self, "url", b"")) > MAX_URL_BYTES:
            return self._end(MockError(414, "too_long", f"a URL has at most {MAX_URL_BYTES} bytes"))
        self._end(MockError(400, "not_http", "this is not a valid HTTP request"))

    def _end(self, refusal: MockError) -> None:
        """Refuse what comes from here on, once all that came before it is answered."""
        self._refusal = refusal
        if not self._owes_an_answer():
            self._refuse(refusal)

    def _refuse(self, refusal: MockError) -> None:
        self.transport.write(written(refusal.response(), LAST))
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
