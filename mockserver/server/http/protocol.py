"""The protocol of one connection: uvicorn's HTTP protocol, plus limits and the fast path."""

import asyncio
import logging
import os
import socket
import struct
from collections.abc import Sized
from functools import partial
from typing import Any

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from mockserver.contract.response import Response
from mockserver.server.http.asgi import CLOSE, KEPT, PENDING, KeptResponse
from mockserver.server.http.connections.connection_watch import ConnectionWatch
from mockserver.server.http.connections.descriptors import bytes_in_transit, descriptor_of, is_readable
from mockserver.server.http.connections.turns import Turns
from mockserver.server.http.errors import MockError
from mockserver.server.http.fast_path import FastPath
from mockserver.server.http.request_parser import RequestParser
from mockserver.server.http.serialization import CLOSE_HEADER, to_bytes
from mockserver.server.http.timeouts import ConnectionTimeout, Timeouts

MAX_HEAD_BYTES = 256 * 1024
MAX_URL_BYTES = 65_000
NO_ROOM = "this server has nearly as many connections as it may open files: try again later"
NO_PROXY = "this server is not a proxy: send requests to it directly, or run the client by `mockserver exec`"
PIECE_BYTES = 16 * 1024  # parsed at once: see `_parse_on`
TLS_CLOSE_TIMEOUT, UNREAD_TIMEOUT = 1.0, 1.0  # seconds
log = logging.getLogger("mockserver")


class Protocol(HttpToolsProtocol):
    """One connection. Limits the size of a request's head, and the time that it may take to arrive.

    The fast path answers plain requests that arrive in one piece. All other requests, and those that the
    fast path cannot finish, are passed to the application through ASGI.
    """

    def __init__(
        self,
        timeouts: Timeouts,
        fast_path: FastPath,
        watch: ConnectionWatch,
        turns: Turns,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.parser = RequestParser(self)  # type: ignore[assignment]
        self.access_log = False  # uvicorn's, which would show secrets in URLs wherever somebody listens to it
        self._fast_path, self._watch, self._turns = fast_path, watch, turns
        self._idle_timeout, self._quiet = timeouts.idle, timeouts.quiet
        self._timeout = ConnectionTimeout(self.loop, timeouts.head, self._expire)
        self._unparsed = memoryview(b"")
        self._unsent, self._unsent_since = 0, 0.0
        self._head_bytes = self._chunk_bytes = 0
        self._between_requests = True  # True if the parser holds no part of a request
        self._pending: Any = None  # the exchange of the next request, if the fast path could not finish it
        self._closing_after_response = self._stopping = False
        self._kept: bytes | None = None  # the request whose answer waits for the log
        self._peer = "127.0.0.1"
        self._error: MockError | None = None
        self._lost: asyncio.Future[None] = self.loop.create_future()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        descriptor = descriptor_of(transport)
        admitted = descriptor is None or self._watch.admit(descriptor)
        super().connection_made(transport)
        self.flow = _Flow(transport, self.pipeline)
        if self.client:
            self._peer = self.client[0]
        self._timeout.start()
        if not admitted:
            self._error = MockError(503, "too_many_connections", NO_ROOM)
            self.transport.write(to_bytes(self._error.response(), CLOSE_HEADER))
            self._close()
        elif self._watch.stopping:
            self.shutdown()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._lost.done():
            self._lost.set_result(None)
        self._timeout.close()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._error:
            return  # after a malformed request, the start of the next one is unknown
        if self._kept is not None:
            self.flow.pause_reading()
            self._unparsed = memoryview(bytes(self._unparsed) + data)
            return
        if self._between_requests:
            if self._answered_now(data):
                return
            self._between_requests = False
        self._unparsed = memoryview(bytes(self._unparsed) + data if self._unparsed else data)
        self._parse_on()

    def _parse_on(self) -> None:
        """Parse what has been received, until a request has to wait for the answers to earlier ones.

        So the memory for waiting requests is bounded: they are those of one piece.
        """
        while self._unparsed and not self.pipeline and not self._error:
            piece, self._unparsed = self._unparsed[:PIECE_BYTES], self._unparsed[PIECE_BYTES:]
            self._parse(piece)

    def _parse(self, data: memoryview) -> None:
        self._chunk_bytes = len(data)
        if self._timeout.for_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                message = f"the head of a request may have at most {MAX_HEAD_BYTES} bytes"
                return self._end_with(MockError(431, "too_long", message))
        super().data_received(data)  # type: ignore[arg-type]
        if not self._timeout.for_head and (self.cycle is None or self._is_over(self.cycle)):
            self._timeout.start()  # otherwise a client could keep the connection open with empty lines

    def _answered_now(self, data: bytes) -> bool:
        """Let the fast path try to answer. Return True if it has answered."""
        if self.flow.write_paused or self.transport.is_closing():
            return False
        result = self._fast_path.start(data, self.scheme or "http", self._peer)
        if type(result) is Response:
            self._answer(result)
        elif isinstance(result, KeptResponse):
            self._between_requests, self._kept = False, data
            result.send = self._answer_kept
        else:
            self._pending = result
            return False
        return True

    def _answer(self, response: Response) -> None:
        self.server_state.total_requests += 1
        if self._stopping:
            return self._answer_last(response)
        self.transport.write(to_bytes(response, self.server_state.default_headers, kept=self._idle_timeout))
        self._timeout.start(self._idle_timeout, for_head=False)

    def _answer_last(self, response: Response) -> None:
        self.transport.write(to_bytes(response, [*self.server_state.default_headers, *CLOSE_HEADER]))
        self._close()

    def _answer_kept(self, answer: KeptResponse) -> None:
        """Send an answer that its log has kept. If the log has not, the application runs the call again."""
        request, self._kept = self._kept, None
        if self.transport.is_closing():
            return
        if not answer.kept.counts:
            self._pending = answer
            self._read_on(request or b"")
        elif self._closing_after_response:
            self._answer_last(answer.response)
        else:
            self._between_requests = True
            self._answer(answer.response)
            if self._unparsed:
                self._read_on(b"")

    def _read_on(self, data: bytes) -> None:
        """Go on with some bytes, those that arrived while an answer waited for the log, and later ones."""
        waiting, self._unparsed = data + bytes(self._unparsed), memoryview(b"")
        self.flow.resume_reading()
        self.data_received(waiting)

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
            if self._stopping or not self.parser.should_keep_alive():
                self._make_last(self.cycle)
            self.scope["extensions"] = {
                CLOSE: {"call": partial(self._close_cycle, self.cycle), "lost": self._lost},
                **({KEPT: {"seconds": self._idle_timeout}} if self.cycle.keep_alive else {}),
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
        """Close the connection, because the server stops, once it has been idle for a while.

        Answer requests that arrive until then, and close it after the first answer.
        """
        if self._stopping:
            return
        self._stopping = self._closing_after_response = True
        if self.cycle is not None and not self._is_over(self.cycle):
            self._make_last(self.cycle)
        if self._kept is None and not self._owes_response():
            idle = self.loop.time() - self._timeout.started if self._between_requests else 0.0
            self._timeout.start(max(0.0, self._quiet - idle), self._timeout.for_head)

    def _make_last(self, cycle: RequestResponseCycle) -> None:
        """Close the connection after this response, and say so in it. Some versions of uvicorn do not."""
        cycle.keep_alive = False
        cycle.default_headers = [*cycle.default_headers, *CLOSE_HEADER]

    def _owes_response(self) -> bool:
        """Return True if a complete request waits for its response.

        If an incomplete request has arrived after the complete one, drop it.
        """
        if self.pipeline and self.cycle.more_body:
            if not self._unparsed:
                self.pipeline.popleft()
            return True
        return not (self.cycle is None or self.cycle.response_complete or self.cycle.more_body)

    def eof_received(self) -> bool:  # type: ignore[override]
        """Handle the end of what the client sends. Return True to keep the connection open for answers.

        A client may stop sending and wait for the answers to its complete requests. But one that has closed
        its connection looks the same. So calls that only wait, such as those with a delay, end.
        """
        if not self._lost.done():
            self._lost.set_result(None)
        if self._kept is not None and self.scheme != "https":
            self._closing_after_response = True
            return True
        if self.scheme == "https" or not self._owes_response():  # asyncio's TLS cannot be half open
            return False
        self._closing_after_response = True
        self._make_last(self.cycle)
        return True

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        if self._error and not self.pipeline and not self.transport.is_closing():
            self._send_error(self._error)
        elif self._closing_after_response and not self.pipeline:
            self._close()
        elif not self.transport.is_closing():
            if self.pipeline:
                self._turns.wait(self.loop, self._begin_next)
            elif self._timeout.for_head:
                self._timeout.start()  # part of the next request has already arrived
            elif self.cycle.more_body:
                self._timeout.start(for_head=False)  # the rest of the body has as much time as a head
            else:
                self._timeout.start(self._idle_timeout, for_head=False)
                self._between_requests = True
            self.flow.resume_reading()

    def _begin_next(self) -> None:
        """Begin the next request that has been received, and read on."""
        if self.pipeline and not self.transport.is_closing():
            cycle, application = self.pipeline.pop()
            task = self.loop.create_task(cycle.run_asgi(application))
            task.add_done_callback(self.tasks.discard)
            self.tasks.add(task)
            self._parse_on()
            self.flow.resume_reading()

    @property
    def idle_since(self) -> float | None:
        """The loop's time at which the last answer was sent, or None if a request is under way."""
        return self._timeout.started if self._between_requests and not self.transport.is_closing() else None

    def close_if_idle(self) -> bool:
        """Close the connection, unless bytes have arrived or are still to be sent. Return True if closed."""
        idle = self._between_requests and not self.transport.get_write_buffer_size()
        if idle and not self._has_bytes_to_read():
            self._close()
            return True
        return False

    def _expire(self) -> None:
        """Close the connection because of a timeout.

        Not if earlier requests are still to be answered, because then the next one is perhaps not even read.
        On a busy server, the timer may also run before the bytes of a request are read that has arrived.
        """
        answering = self.cycle is not None and not self.cycle.response_complete
        if self._kept is not None or (self._owes_response() if self._stopping else answering):
            self._timeout.start()
        elif (self._between_requests or self._stopping) and self._has_bytes_to_read():
            self._timeout.start(UNREAD_TIMEOUT, self._timeout.for_head)
        elif not self.transport.is_closing():
            self._close()

    def _has_bytes_to_read(self) -> bool:
        descriptor = descriptor_of(self.transport)
        return descriptor is not None and is_readable(descriptor)

    def drop_if_stuck(self, now: float, seconds: float) -> None:
        """Drop the connection if the client has taken nothing of its answer for so many seconds."""
        unsent = self.transport.get_write_buffer_size()
        if unsent and (descriptor := descriptor_of(self.transport)) is not None:
            unsent += bytes_in_transit(descriptor)
        if not unsent or unsent != self._unsent:
            self._unsent, self._unsent_since = unsent, now
        elif now - self._unsent_since >= seconds:
            log.info("%-11s %3s connection dropped: its client takes no byte of the answer", "-", "-")
            self._reset()

    def _close(self) -> None:
        self.transport.close()
        if self.scheme == "https":  # asyncio would wait 30 seconds for the client's close_notify
            self.loop.call_later(TLS_CLOSE_TIMEOUT, self.transport.abort)

    def send_400_response(self, msg: str) -> None:
        """Send the mock's own error, because the bytes are not HTTP, and so no vendor is known."""
        if len(getattr(self, "url", b"")) > MAX_URL_BYTES:
            return self._end_with(MockError(414, "too_long", f"a URL may have at most {MAX_URL_BYTES} bytes"))
        tunnel = self.parser.get_method() == b"CONNECT"
        self._end_with(MockError(400, "not_http", NO_PROXY if tunnel else "this is not a valid HTTP request"))

    def _end_with(self, error: MockError) -> None:
        """Stop reading, and send an error once all earlier requests are answered."""
        self._error = error
        if not self._owes_response():
            self._send_error(error)

    def _send_error(self, error: MockError) -> None:
        self.transport.write(to_bytes(error.response(), CLOSE_HEADER))
        self._close()
        log.info("%-11s %3d %s", "-", error.status, error.message)

    def _close_cycle(self, cycle: RequestResponseCycle, reset: bool) -> None:
        """Close the connection in the middle of a response. `reset` drops unsent bytes."""
        cycle.response_started = cycle.response_complete = True
        if reset:
            self._reset()
        else:
            self._close()

    def _reset(self) -> None:
        """Close the connection with a TCP RST: the system drops unsent bytes too, and does not wait."""
        if (descriptor := descriptor_of(self.transport)) is not None:
            with socket.socket(fileno=os.dup(descriptor)) as connection:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


class _Flow(FlowControl):
    """Reads on only if no request waits for the answers to earlier ones. (uvicorn would read on sooner.)"""

    def __init__(self, transport: asyncio.Transport, waiting: Sized) -> None:
        super().__init__(transport)
        self._waiting = waiting

    def resume_reading(self) -> None:
        if not self._waiting:
            super().resume_reading()
