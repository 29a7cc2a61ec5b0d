"""Options of `serve` about access: who may use the control API, and what a client may choose."""

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any
from urllib.parse import urlsplit

import click

from mockserver.cli.options import WholeNumber, option
from mockserver.sandbox.registry import MAX_SANDBOXES
from mockserver.server.access.control_access import new_admin_token
from mockserver.server.access.own_origin import canonical, is_loopback

MAX_TTL = timedelta(days=3650)
DURATION = re.compile(r"([0-9]{1,9})(s|m|h|d)")
HOST = re.compile(r"[a-z0-9]([a-z0-9._-]{0,251}[a-z0-9])?|[0-9a-f:.]*:[0-9a-f:.]*")
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Duration(click.ParamType):  # type: ignore[type-arg]  # not generic in older versions of click
    """A whole number with a unit, such as `90s`, `30m`, `12h` or `7d`."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        found = DURATION.fullmatch(value)
        duration = timedelta(**{UNITS[found[2]]: int(found[1])}) if found else timedelta()
        if not timedelta() < duration <= MAX_TTL:
            self.fail(f"{value!r} is not a time from 1s to 3650d, such as 30m, 12h or 7d", param, ctx)
        return duration


class Url(click.ParamType):  # type: ignore[type-arg]
    """The URL of a server: scheme, host, maybe a port and a path. A final slash is removed."""

    name = "url"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not _is_url(value):
            self.fail(f"{value!r} is not a URL such as https://mock.example.com", param, ctx)
        return str(value).rstrip("/")


class Network(click.ParamType):  # type: ignore[type-arg]
    """An address, or a network such as `10.0.0.0/8`."""

    name = "network"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> IPv4Network | IPv6Network:
        try:
            return ip_network(value, strict=False)
        except ValueError:
            self.fail(f"{value!r} is not an address or a network such as 10.0.0.0/8", param, ctx)


class Origin(click.ParamType):  # type: ignore[type-arg]
    """An origin: scheme, host and maybe a port. It is returned as browsers send it, in lower case."""

    name = "origin"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not _is_url(value) or value.count("/") != 2 or "*" in value:
            self.fail(f"{value!r} is not an origin such as http://localhost:5173, without a path", param, ctx)
        return canonical(value)


class Host(click.ParamType):  # type: ignore[type-arg]
    """The name or the IP address of a host, without a port. It is returned in lower case."""

    name = "host"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        host = str(value).strip("[]").lower()
        if not HOST.fullmatch(host):
            self.fail(f"{value!r} is not a host such as app.internal or 10.0.0.5", param, ctx)
        return host


def _is_url(value: str) -> bool:
    """Return True if a text is the URL of a server, without user, query and fragment."""
    try:
        parts = urlsplit(value)
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        return False
    return bool(valid) and "@" not in parts.netloc and not set(value) & set("?# \t\r\n") and value.isascii()


@dataclass(frozen=True)
class AccessSettings:
    """The values of these options."""

    admin_token: str | None
    any_credential: bool
    trust_sandbox_header: bool | None
    public_url: str | None
    trusted_proxy: tuple[IPv4Network | IPv6Network, ...]
    control_origin: tuple[str, ...]
    webhook_host: tuple[str, ...]
    token_secret: str
    max_sandboxes: int
    sandbox_ttl: timedelta

    def new_token(self, host: str, *, needed: bool) -> str | None:
        """Return a new admin token if a server on this host needs one and was given none, otherwise None.

        `needed` is True if the server needs one on any host.
        """
        return None if self.admin_token or (is_loopback(host) and not needed) else new_admin_token()

    def options(self, new_token: str | None) -> dict[str, Any]:
        """Return these settings as options of `app.build`."""
        return {
            "admin_token": self.admin_token or new_token,
            "any_credential": self.any_credential,
            "trust_sandbox_header": self.trust_sandbox_header,
            "public_url": self.public_url or "",
            "trusted_proxies": self.trusted_proxy,
            "control_origins": frozenset(self.control_origin),
            "webhook_hosts": frozenset(self.webhook_host),
            "token_secret": self.token_secret,
            "max_sandboxes": self.max_sandboxes,
            "ttl": self.sandbox_ttl,
        }


OPTIONS = (
    option(
        "--admin-token",
        help="Token that the control API requires.  "
        "[default: none if --host is a loopback address, otherwise a new one, printed at start]",
    ),
    option(
        "--any-credential",
        is_flag=True,
        help="Let any unknown credential open the default sandbox.",
    ),
    option(
        "--trust-sandbox-header/--no-trust-sandbox-header",
        default=None,
        help="Let the header X-Mock-Sandbox pick another sandbox than the credential.  "
        "[default: only if there is no admin token]",
    ),
    option(
        "--public-url",
        type=Url(),
        metavar="URL",
        help="URL under which clients reach the server, if it is behind a proxy.",
    ),
    option(
        "--trusted-proxy",
        type=Network(),
        multiple=True,
        metavar="ADDRESS",
        help="Address or network of a proxy whose X-Forwarded headers are believed; may be repeated.",
    ),
    option(
        "--control-origin",
        type=Origin(),
        multiple=True,
        metavar="ORIGIN",
        help="Origin of web pages that may use the control API, like http://localhost:5173; may be repeated.",
    ),
    option(
        "--webhook-host",
        type=Host(),
        multiple=True,
        metavar="HOST",
        help="Host that webhooks may call besides this machine, such as app.internal; may be repeated.",
    ),
    option(
        "--token-secret",
        default="",
        metavar="TEXT",
        help="Secret that signs the vendors' OAuth tokens; servers with the same secret accept each other's"
        " tokens.  [default: the same at every server]",
    ),
    option(
        "--max-sandboxes",
        default=MAX_SANDBOXES,
        type=WholeNumber(1, 100_000),
        help="Largest number of sandboxes besides the default one.",
    ),
    option(
        "--sandbox-ttl",
        default="1d",
        type=Duration(),
        metavar="TIME",
        help="Time without a call after which a sandbox is deleted, such as 30m, 12h or 7d.",
    ),
)


def access_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add these options to a command, which gets their values as `access`, an AccessSettings."""

    @functools.wraps(command)
    def with_settings(**values: Any) -> Any:
        access = AccessSettings(**{field.name: values.pop(field.name) for field in fields(AccessSettings)})
        return command(access=access, **values)

    for add_option in reversed(OPTIONS):
        with_settings = add_option(with_settings)
    return with_settings
