"""Listening sockets."""

import os
import socket

HANDLES = 8  # on each listening socket


class CannotListen(Exception):
    """The address cannot be listened on."""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. CannotListen says why not."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=1024)
    except socket.gaierror as error:
        raise CannotListen(f"cannot listen on {host} port {port}: {error.strerror}") from None
    except (OSError, UnicodeError) as error:
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
        raise CannotListen(f"cannot listen on {host} port {port}: {reason}") from None


def base_url(listening: socket.socket, tls: bool = False) -> str:
    host, port = listening.getsockname()[:2]
    return f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"


def _handles(listening: socket.socket) -> list[socket.socket]:
    """A listening socket by several handles, so that connections that come at once are let in together.

    The loop takes one connection from each handle before it turns to requests again: with one
    handle the last of many would wait for as many rounds of requests.
    """
    return [listening, *(listening.dup() for _ in range(HANDLES - 1))]
