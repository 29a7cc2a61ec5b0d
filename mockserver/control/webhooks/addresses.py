"""The addresses that webhooks may have: this machine, and the hosts that the operator names.

Whoever registers a webhook makes the server connect somewhere. So the address is checked when it is
registered, and the IP address that its name resolves to is checked before each connection, which is then made
to exactly that IP address. A name that resolves to something else the next time gains nothing.
"""

import asyncio
import socket
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

from mockserver.vendor_api.problem import Problem

MAX_URL = 2000
DEFAULT_PORTS = {"http": 80, "https": 443}
Address = IPv4Address | IPv6Address


class NotAllowed(Exception):
    """Raised if a webhook's host has an address that it may not have, or none."""


@dataclass(frozen=True)
class Target:
    """A webhook's URL, taken apart. `host` has no brackets; `path` includes the query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The value of the header Host."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def target_of(url: str) -> Target:
    """Take the URL of a webhook apart. Raise Problem if it is not one."""
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme, parts.hostname, parts.port
    except ValueError:
        scheme, host, port = "", None, None
    plain = all("!" <= character <= "~" for character in url) and "\\" not in url
    if scheme not in DEFAULT_PORTS or not host or port == 0 or not plain or len(url) > MAX_URL:
        reason = "url must be an http or https URL in ASCII, such as http://127.0.0.1:9000/webhook"
        raise Problem("invalid", reason)
    if "@" in parts.netloc or "#" in url:
        raise Problem("invalid", "url must have no user, no password and no fragment")
    query = f"?{parts.query}" if parts.query else ""
    return Target(scheme, host, port or DEFAULT_PORTS[scheme], (parts.path or "/") + query)


class AllowedHosts:
    """The hosts that webhooks may have. `named` are those that the operator has named, in lower case.

    Whoever may control all of the server may also name this machine. Others, who may control one sandbox, are
    bound to what is named, because more than the mock runs on this machine.
    """

    def __init__(self, named: Collection[str] = ()) -> None:
        self._named = frozenset(name.lower() for name in named)

    def check(self, url: str, *, controls_everything: bool) -> None:
        """Raise Problem if a webhook must not have this URL."""
        target = target_of(url)
        if target.host.lower() in self._named or (controls_everything and _names_loopback(target.host)):
            return
        allowed = [*(["this machine"] if controls_everything else []), *sorted(self._named)]
        whom = (
            f"webhooks may call only {' and '.join(allowed)}" if allowed else "no webhook may be registered"
        )
        raise Problem(
            "forbidden", f"{whom}: to allow another host, start the server with --webhook-host {target.host}"
        )

    async def resolve(self, target: Target) -> list[str]:
        """Return the IP addresses of a target, all of them allowed. Raise NotAllowed, or OSError.

        If one of several is not allowed, none is used: such a name is a trick.
        """
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
        for text in addresses:
            if not self._may_call(target.host, _plain(text)):
                raise NotAllowed(f"{target.host} is {text}, which webhooks may not call")
        if not addresses:
            raise NotAllowed(f"{target.host} has no address")
        return addresses

    def _may_call(self, host: str, address: Address) -> bool:
        if host.lower() not in self._named:
            return address.is_loopback
        if _literal(host) is not None:
            return True  # the operator has named this very address
        # Clouds serve secrets at link-local addresses, and no receiver has one of the others.
        return not (address.is_link_local or address.is_multicast or address.is_unspecified)


def _names_loopback(host: str) -> bool:
    """Return True if a host is this machine: by the address as such, or by the name reserved for it.

    Other spellings of an address, such as a single number, are not recognized, so they are refused.
    """
    if (address := _literal(host)) is not None:
        return address.is_loopback
    return host.lower().rstrip(".") == "localhost" or host.lower().endswith(".localhost")


def _literal(host: str) -> Address | None:
    try:
        return _plain(host)
    except ValueError:
        return None


def _plain(text: str) -> Address:
    """Return an IP address. One of IPv4 that is written as one of IPv6 is that of IPv4."""
    address = ip_address(text.partition("%")[0])
    return getattr(address, "ipv4_mapped", None) or address
