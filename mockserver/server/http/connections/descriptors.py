"""Descriptors: how many this process may open, and the state of the sockets behind them."""

import asyncio
import select
import sys
from contextlib import suppress

if sys.platform != "win32":
    import fcntl
    import resource
    import termios


def raise_descriptor_limit() -> None:
    """Raise the limit of open descriptors of this process as far as it may: each connection needs one."""
    if sys.platform != "win32":
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        with suppress(ValueError, OSError):  # macOS has a lower limit that it does not tell
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def descriptor_limit() -> int:
    """Return how many descriptors this process may open."""
    if sys.platform == "win32":
        return sys.maxsize
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft


def is_readable(descriptor: int) -> bool:
    """Return True if bytes from the peer, or the end of the connection, wait to be read."""
    if not hasattr(select, "poll"):
        return bool(select.select([descriptor], [], [], 0)[0])
    poller = select.poll()
    poller.register(descriptor, select.POLLIN)
    return bool(poller.poll(0))


def bytes_in_transit(descriptor: int) -> int:
    """Return how many bytes the system has taken over, and the peer has not. Return 0 if it does not tell."""
    if sys.platform == "linux":
        with suppress(OSError):
            return int.from_bytes(fcntl.ioctl(descriptor, termios.TIOCOUTQ, bytes(4)), sys.byteorder)
    return 0


def descriptor_of(transport: asyncio.BaseTransport) -> int | None:
    """Return the descriptor of a connection's socket, or None if it has none, or is closed."""
    own = transport.get_extra_info("socket")
    return own.fileno() if own is not None and own.fileno() >= 0 else None
