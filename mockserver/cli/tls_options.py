"""HTTPS for `serve`: with certificates of the kept authority, or with the user's own."""

import ipaddress
import re
import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mockserver.cli.options import CommandError
from mockserver.server.tls.data_dir import DataDirError

LABEL = r"(?!-|..--)[a-z0-9-]{1,63}(?<!-)"
HOST_NAME = re.compile(rf"{LABEL}(?:\.{LABEL})*", re.IGNORECASE)


@dataclass(frozen=True)
class TlsSettings:
    """What the server speaks TLS with, and the certificate by which a client knows it."""

    context: ssl.SSLContext
    trusted: Path
    own: bool


def tls_settings(
    asked: bool, certificate: Path | None, key: Path | None, data_dir: Path | None, names: Iterable[str]
) -> TlsSettings | None:
    """None if there is to be no TLS. Refusal."""
    if not (asked or certificate or key):
        return None
    from mockserver.server.tls.authority import Authority
    from mockserver.server.tls.context import UnusableCertificate, own_context

    if bool(certificate) != bool(key):
        given, other = ("--tls-cert", "--tls-key") if certificate else ("--tls-key", "--tls-cert")
        raise CommandError(f"{given} needs {other}")
    try:
        if certificate and key:
            return TlsSettings(own_context(certificate, key), certificate.absolute(), own=True)
        authority = Authority(data_dir)
        return TlsSettings(authority.context(filter(can_be_certified, names)), authority.file, own=False)
    except (UnusableCertificate, DataDirError) as error:
        raise CommandError(str(error)) from None


def own_names(host: str, listening: socket.socket) -> list[str]:
    """By what a client may call a server that listens on this host, beside the vendors' names."""
    return [host, listening.getsockname()[0], socket.gethostname()]


def can_be_certified(name: str) -> bool:
    """Whether it is an address or a name as in DNS, with a wildcard or not: a container's may be anything."""
    try:
        return "%" not in name and bool(ipaddress.ip_address(name))
    except ValueError:
        return bool(HOST_NAME.fullmatch(name.removeprefix("*.")))
