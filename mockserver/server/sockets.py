"""Listening sockets."""

import ctypes
import os
import socket
import struct
import sys
from contextlib import suppress

ACCEPTS_PER_ROUND = 8
SO_ATTACH_FILTER = 26  # of Linux; the module `socket` lacks it
# A filter in the language of the Berkeley Packet Filter: load the flags of the TCP header; if SYN is set,
# drop the packet; else accept it.
NO_SYN = ((0x30, 0, 0, 13), (0x45, 0, 1, 0x02), (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFFFFFF))
SEND_BUFFER = 256 * 1024  # bytes of answers that the system takes for a client that does not read


class CannotListen(Exception):
    """Raised if the server cannot listen on an address. The message says why."""


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket. Port 0 means any free port. Raise CannotListen."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.create_server(address[:2], family=family, backlog=1024)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)  # its connections have it too
        return listening
    except socket.gaierror as error:
        raise CannotListen(f"cannot listen on {host} port {port}: {error.strerror}") from None
    except (OSError, UnicodeError) as error:
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
        raise CannotListen(f"cannot listen on {host} port {port}: {reason}") from None


def base_url(listening: socket.socket, tls: bool = False) -> str:
    """Return the URL of a server that listens on a socket."""
    host, port = listening.getsockname()[:2]
    return f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"


def duplicates_of(listening: socket.socket) -> list[socket.socket]:
    """Return duplicates of a listening socket, so that more connections are accepted at once.

    In each iteration, the event loop accepts one connection from each socket, and then handles requests.
    Suppose many clients connect at the same time. With only one socket, the last client would have to
    wait for many iterations.
    """
    return [listening, *(listening.dup() for _ in range(ACCEPTS_PER_ROUND - 1))]


def refuse_new(listening: socket.socket) -> bool:
    """Let the system begin no more connections, but keep those that wait to be accepted.

    To close a listening socket drops those, although their clients may have sent a request. So accept all of
    them in between. Clients that connect meanwhile try again after a second, and are refused. Return False if
    this system cannot do that.
    """
    if sys.platform != "linux":
        return False
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in NO_SYN))
    program = struct.pack("HP", len(NO_SYN), ctypes.addressof(code))
    with suppress(OSError):
        listening.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)
        return True
    return False
