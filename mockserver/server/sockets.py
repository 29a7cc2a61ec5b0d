"""Listening sockets."""

import os
import socket

ACCEPTS_PER_ROUND = 8
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
