"""Addresses of Redis, read from the URL of a store."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from mockserver.sandbox.log.log import StoreRefused

_SERVER, _SENTINEL, _CLUSTER = r"/?(?P<db>\d*)", r"/(?P<service>[^/]+)(/(?P<db>\d+))?", "/?"
PATHS = {  # by scheme
    "redis": _SERVER,
    "rediss": _SERVER,
    "unix": "(?P<socket>/.+)",
    "redis+sentinel": _SENTINEL,
    "rediss+sentinel": _SENTINEL,
    "redis+cluster": _CLUSTER,
    "rediss+cluster": _CLUSTER,
}
SCHEMES = tuple(PATHS)
PORT, SENTINEL_PORT = 6379, 26379
DEFAULT_PREFIX, PREFIX_RULE = "mockserver", "1 to 64 letters, digits, dots, dashes and underscores"
TLS_OPTIONS = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")  # paths of PEM files
EXAMPLES = "redis://host:6379/0, redis+sentinel://host:26379,host:26379/service or redis+cluster://host:6379"


@dataclass(frozen=True)
class Address:
    """Where Redis is, and the prefix of the keys in it.

    `kind` says what answers at `hosts`: the server, Sentinels that know the server of `service`, or nodes of
    a cluster. `socket` is the path of a Unix socket in place of hosts. `tls` holds the options of TLS, or is
    None without TLS. `shown` is the URL without a user, a password and options.
    """

    kind: Literal["server", "sentinel", "cluster"]
    shown: str
    hosts: tuple[tuple[str, int], ...] = ()
    socket: str = ""
    service: str = ""
    db: int = 0
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    tls: Mapping[str, str] | None = None
    prefix: str = DEFAULT_PREFIX


def parse(url: str) -> Address:
    """Return the address in a URL. Raise StoreRefused, which does not show the URL, if it cannot be used."""
    try:
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        address = _address(parts, options)
    except ValueError:  # its text can hold a part of the URL, and so a password
        raise StoreRefused(f"the URL of the store is not valid. Examples: {EXAMPLES}") from None
    if options:
        known = ("prefix", *(TLS_OPTIONS if address.tls is not None else ()))
        raise StoreRefused(f"unknown option {min(options)!r} in the URL of the store: use {', '.join(known)}")
    if not re.fullmatch(r"[\w.-]{1,64}", address.prefix, re.ASCII):
        raise StoreRefused(f"the prefix of the store's keys must be {PREFIX_RULE}")
    return address


def _address(parts: SplitResult, options: dict[str, str]) -> Address:
    """Return the address, and remove the options that are used. Raise ValueError if a part is not valid."""
    scheme, _, kind = parts.scheme.partition("+")
    path = re.fullmatch(PATHS[parts.scheme], parts.path) if parts.scheme in PATHS else None
    login, _, hosts = parts.netloc.rpartition("@")
    if path is None or parts.fragment or (not kind and "," in hosts) or (scheme == "unix" and hosts):
        raise ValueError
    found = path.groupdict(default="")
    user, _, password = login.partition(":")
    prefix = options.pop("prefix", DEFAULT_PREFIX)
    shown = f"{parts.scheme}://{hosts}{parts.path}"
    port = SENTINEL_PORT if kind == "sentinel" else PORT
    return Address(
        "sentinel" if kind == "sentinel" else "cluster" if kind == "cluster" else "server",
        shown if prefix == DEFAULT_PREFIX else f"{shown}?prefix={prefix}",
        hosts=() if scheme == "unix" else tuple(_host(host, port) for host in hosts.split(",")),
        socket=unquote(found.get("socket", "")),
        service=unquote(found.get("service", "")),
        db=int(options.pop("db", "0") if scheme == "unix" else found.get("db") or "0"),
        user=unquote(user) or None,
        password=unquote(password) or None,
        tls={name: options.pop(name) for name in TLS_OPTIONS if name in options}
        if scheme == "rediss"
        else None,
        prefix=prefix,
    )


def _host(text: str, port: int) -> tuple[str, int]:
    """Return a host and a port. Raise ValueError if they are not valid."""
    parts = urlsplit(f"//{text}")
    if not parts.hostname:
        raise ValueError
    return parts.hostname, parts.port or port
