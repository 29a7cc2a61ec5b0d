"""The channel between a worker and the process that has forked it: messages of one byte, and its end.

The end of a channel tells each side that the other one has ended, however that came.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Callable
from contextlib import suppress

READY = b"r"  # of a worker that answers
FAILED = b"f"  # of a worker that cannot start; the reason follows, as text
METRICS = b"m"  # of a worker that wants all to write their metrics, and then to all of them
STOP, ABANDON = b"s", b"a"  # to a worker: answer what has arrived, then end; or end at once
MAX_REASON = 1000  # bytes
ABANDONED = 1  # exit code


def send(channel: socket.socket, message: bytes) -> None:
    """Send a message, unless the other side has ended, or has stopped reading."""
    with suppress(OSError):
        channel.send(message, socket.MSG_DONTWAIT)


def receive(channel: socket.socket) -> bytes | None:
    """Return what has arrived, or None if the other side has ended."""
    try:
        return channel.recv(2 * MAX_REASON) or None
    except BlockingIOError:
        return b""
    except OSError:
        return None


def reason_of(error: str) -> bytes:
    """Return the message that says why a worker cannot start."""
    return FAILED + error.encode()[:MAX_REASON]


def obey(channel: socket.socket, stop: Callable[[], None], write_metrics: Callable[[], None]) -> None:
    """Read the channel on the running event loop, and do what the messages say."""
    loop = asyncio.get_running_loop()

    def read() -> None:
        messages = receive(channel)
        if messages is None or STOP in messages:
            stop()
        if messages is None:
            loop.remove_reader(channel)
            return
        if ABANDON in messages:
            logging.shutdown()  # writes what waits to be written
            os._exit(ABANDONED)
        if METRICS in messages:
            write_metrics()

    loop.add_reader(channel, read)
