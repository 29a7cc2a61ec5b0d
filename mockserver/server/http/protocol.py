"""The protocol of one connection: uvicorn's HTTP protocol, plus limits and the fast path."""

import asyncio
import logging
import os
import socket
import struct
from functools import partial
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from mockserver.contract.response import Response
from mockserver.server.http.asgi import CLOSE, PENDING
from mockserver.server.http.errors import MockError
from mockserver.server.http.fast_path import FastPath
from mockserver.server.http.request_parser import RequestParser
from mockserver.server.http.serialization import CLOSE_HEADER, to_bytes
from mockserver.server.http.timeouts import ConnectionTimeout

MAX_HEAD_BYTES = 256 * 1024
MAX_URL_BYTES = 65_000
TLS_CLOSE_TIMEOUT = 1.0
log = logging.getLogger("mockserver")


class Protocol(HttpToolsProtocol):
    """One connection. Limits the size of a request's head, and the time that it may take to arrive.

    The fast path answers plain requests that arrive in one piece. All other requests, and those that the
    fast path cannot finish, are passed to the application through ASGI.
    """

    def __init__(self, header_timeout: float, fast_path: FastPath, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.parser = RequestParser(self)  # type: ignore[assignment]
        self._fast_path = fast_path
        self._timeout = ConnectionTimeout(self.loop, header_timeout, self.timeout_keep_alive_handler)
        self._head_bytes = self._chunk_bytes = 0
        self._between_requests = True  # True if the parser holds no part of a request
        self._pending: Any = None  # the exchange of the next request, if the fast path could not finish it
        self._closing_after_response = False
        self._peer = "127.0.0.1"
        self._error: MockError | None = None
        self._lost: asyncio.Future[None] = self.loop.create_future()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self.client:
            self._peer = self.client[0]
        self._timeout.start()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._lost.done():
            self._lost.set_result(None)
        self._timeout.close()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._error:
            return  # after a malformed request, the start of the next one is unknown
        if self._between_requests:
            if self._answered_now(data):
                return
            self._between_requests = False
        self._chunk_bytes = len(data)
        if self._timeout.for_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                message = f"the head of a request may have at most {MAX_HEAD_BYTES} bytes"
                return self._end_with(MockError(431, "too_long", message))
        super().data_received(data)
        if not self._timeout.for_head and (self.cycle is None or self._is_over(self.cycle)):
            self._timeout.start()  # otherwise a client could keep the connection open with empty lines

    def _answered_now(self, data: bytes) -> bool:
        """Let the fast path try to answer. Return True if it has answered."""
        if self.flow.write_paused or self.transport.is_closing():
            return False
        result = self._fast_path.start(data, self.scheme or "http", self._peer)
        if type(result) is not Response:
            self._pending = result
            return False
        self.server_state.total_requests += 1
        self.transport.write(to_bytes(result, self.server_state.default_headers))
        self._timeout.start(self.timeout_keep_alive, for_head=False)
        return True

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_bytes = self._chunk_bytes
        self._timeout.start()

    def on_headers_complete(self) -> None:
        self._head_bytes = 0
        self._timeout.stop()
        super().on_headers_complete()
        if self._pending is not None:
            self.scope[PENDING] = self._pending  # type: ignore[literal-required]
            self._pending = None
        if self.cycle is not None:
            if not self.parser.should_keep_alive():
                self._make_last(self.cycle)
            self.scope["extensions"] = {
                CLOSE: {"call": partial(self._close_cycle, self.cycle), "lost": self._lost}
            }

    def on_message_complete(self) -> None:
        self._chunk_bytes = 0  # any bytes left in this chunk belong to the next request's head
        if self.cycle.response_complete:
            # If the response was complete before the request, uvicorn leaves `more_body` True.
            self.cycle.more_body = False
        super().on_message_complete()

    def _is_over(self, cycle: RequestResponseCycle) -> bool:
        return cycle.response_complete and not cycle.more_body

    def shutdown(self) -> None:
        """Close the connection, because the server stops. Answer a complete request first."""
        if self._owes_response():
            self._closing_after_response = True
            self._make_last(self.cycle)
        else:
            self._close()

    def _make_last(self, cycle: RequestResponseCycle) -> None:
        """Close the connection after this response, and say so in it. Some versions of uvicorn do not."""
        cycle.keep_alive = False
        cycle.default_headers = [*cycle.default_headers, *CLOSE_HEADER]

    def _owes_response(self) -> bool:
        """Return True if a complete request waits for its response.

        If an incomplete request has arrived after the complete one, drop it.
        """
        if self.pipeline and self.cycle.more_body:
            self.pipeline.popleft()
            return True
        return not (self.cycle is None or self.cycle.response_complete or self.cycle.more_body)

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        if self._error and not self.pipeline and not self.transport.is_closing():
            self._send_error(self._error)
        elif self._closing_after_response and not self.pipeline:
            self._close()
        elif not self.transport.is_closing():
            self.flow.resume_reading()
            if self.pipeline:
                cycle, application = self.pipeline.pop()
                task = self.loop.create_task(cycle.run_asgi(application))
                task.add_done_callback(self.tasks.discard)
                self.tasks.add(task)
            elif self._timeout.for_head:
                self._timeout.start()  # part of the next request has already arrived
            else:
                self._timeout.start(self.timeout_keep_alive, for_head=False)
                self._between_requests = not self.cycle.more_body

    def _close(self) -> None:
        self.transport.close()
        if self.scheme == "https":  # asyncio would wait 30 seconds for the client's close_notify
            self.loop.call_later(TLS_CLOSE_TIMEOUT, self.transport.abort)

    def send_400_response(self, msg: str) -> None:
        """Send the mock's own error, because the bytes are not HTTP, and so no vendor is known."""
        if len(getattr(self, "url", b"")) > MAX_URL_BYTES:
            return self._end_with(MockError(414, "too_long", f"a URL may have at most {MAX_URL_BYTES} bytes"))
        self._end_with(MockError(400, "not_http", "this is not a valid HTTP request"))

    def _end_with(self, error: MockError) -> None:
        """Stop reading, and send an error once all earlier requests are answered."""
        self._error = error
        if not self._owes_response():
            self._send_error(error)

    def _send_error(self, error: MockError) -> None:
        self.transport.write(to_bytes(error.response(), CLOSE_HEADER))
        self.transport.close()
        log.info("%-11s %3d %s", "-", error.status, error.message)

    def _close_cycle(self, cycle: RequestResponseCycle, reset: bool) -> None:
        """Close the connection in the middle of a response. `reset` drops unsent bytes."""
        cycle.response_started = cycle.response_complete = True
        if not reset:
            return self._close()
        if socket_info := self.transport.get_extra_info("socket"):
            with socket.socket(fileno=os.dup(socket_info.fileno())) as connection:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()
