"""The TLS options of `serve`: a certificate from our own authority, or one supplied by the user."""

import ipaddress
import re
import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import click

from mockserver.cli.options import CommandError, split_lists
from mockserver.server import sockets
from mockserver.server.tls.data_dir import DataDirError

LABEL = r"(?!-|..--)[a-z0-9-]{1,63}(?<!-)"
HOST_NAME = re.compile(rf"{LABEL}(?:\.{LABEL})*", re.IGNORECASE)


@dataclass(frozen=True)
class TlsSettings:
    """A server's TLS context, and the file with the certificate that its clients must trust.

    `from_user` is True if the user supplied the certificate, and False if our authority made it.
    """

    context: ssl.SSLContext
    certificate: Path
    from_user: bool


def local_url(listener: socket.socket, tls: TlsSettings | None) -> str:
    """Return the server's base URL for clients on this machine."""
    base = sockets.base_url(listener, bool(tls))
    return base.replace("://0.0.0.0:", "://127.0.0.1:").replace("://[::]:", "://[::1]:")


def certifiable_names(
    ctx: click.Context, parameter: click.Parameter, value: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the names of an option that can be given several times. Refuse what no certificate can name."""
    names = split_lists(ctx, parameter, value)
    for name in names:
        if not can_be_certified(name):
            raise click.BadParameter(f"{name!r} is not a host name or an IP address", ctx, parameter)
    return names


def load_tls_settings(
    enabled: bool, certificate: Path | None, key: Path | None, data_dir: Path | None, names: Iterable[str]
) -> TlsSettings | None:
    """Return the TLS settings for a server with these host names, or None for plain HTTP.

    Raise CommandError if the certificate, its key or the data folder cannot be used.
    """
    if not (enabled or certificate or key):
        return None
    from mockserver.server.tls.authority import Authority
    from mockserver.server.tls.context import UnusableCertificate, context_from_files

    if bool(certificate) != bool(key):
        given, missing = ("--tls-cert", "--tls-key") if certificate else ("--tls-key", "--tls-cert")
        raise CommandError(f"{given} needs {missing}")
    try:
        if certificate and key:
            context = context_from_files(certificate, key)
            return TlsSettings(context, certificate.absolute(), from_user=True)
        authority = Authority(data_dir)
        context = authority.context(filter(can_be_certified, names))
        return TlsSettings(context, authority.file, from_user=False)
    except (UnusableCertificate, DataDirError) as error:
        raise CommandError(str(error)) from None


def server_names(host: str, listener: socket.socket) -> list[str]:
    """Return the names and addresses that clients may use to reach a server listening on `host`."""
    return [host, listener.getsockname()[0], socket.gethostname()]


def can_be_certified(name: str) -> bool:
    """Return True if a name is an IP address or a DNS name, with or without a leading `*.`.

    Other names, such as a container's name with an underscore, are not possible in a certificate.
    """
    try:
        return "%" not in name and bool(ipaddress.ip_address(name))
    except ValueError:
        return bool(HOST_NAME.fullmatch(name.removeprefix("*.")))
