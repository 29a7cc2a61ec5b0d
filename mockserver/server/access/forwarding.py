"""Calls that a proxy has forwarded: how they show it, and what the client of a trusted proxy has sent."""

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address

from msgspec.structs import replace

from mockserver.vendor_api.memo import memoized
from mockserver.vendor_api.raw_request import RawRequest
from mockserver.vendor_api.request import FORWARDED_PREFIX, Headers

FORWARDING_HEADERS = frozenset({
    "cdn-loop", "cf-connecting-ip", "cf-connecting-ipv6", "cf-ray", "client-ip", "fastly-client-ip",
    "fly-client-ip", "forwarded", "proxy-client-ip", "true-client-ip", "via", "wl-proxy-client-ip",
    "x-appengine-remote-addr", "x-arr-log-id", "x-azure-clientip", "x-azure-socketip", "x-client-ip",
    "x-cluster-client-ip", "x-envoy-external-address", "x-original-forwarded-for", "x-original-host",
    "x-proxyuser-ip", "x-real-ip",
})  # fmt: skip
MAX_PROXIES = 20  # in a row: more addresses are not read


def forwarding_header(headers: Mapping[str, str]) -> str | None:
    """Return the name of a header that a proxy has added, or None. Names are in lower case."""
    return _forwarding_name(" ".join(headers)) or None  # clients repeat the names of theirs


@memoized
def _forwarding_name(names: str) -> str:
    """Return the first of some names that only a proxy adds, or an empty string."""
    return next(
        (name for name in names.split() if name in FORWARDING_HEADERS or name.startswith(FORWARDED_PREFIX)),
        "",
    )


def without_addresses(raw: RawRequest) -> RawRequest:
    """Return a request without the headers of proxies: they tell addresses, and journals would keep them."""
    if forwarding_header(raw.headers) is None:
        return raw
    kept = Headers()
    kept.size = raw.headers.size
    kept.update((name, value) for name, value in raw.headers.items() if not forwarding_header({name: value}))
    return replace(raw, headers=kept)


def sign_of_a_proxy(raw: RawRequest) -> str:
    """Return how a request shows that a proxy has forwarded it; empty if it does not.

    A proxy may add no header, as nginx does with nothing but `proxy_pass`. Its HTTP/1.0 gives it away: no
    browser and no client of the control API needs that.
    """
    if header := forwarding_header(raw.headers):
        return f"it has the header {header}"
    return "it is HTTP/1.0" if raw.version == "1.0" else ""


def as_client_sent(raw: RawRequest, networks: Sequence[IPv4Network | IPv6Network]) -> RawRequest:
    """Return a request as the client sent it to a trusted proxy: its address, its scheme and its Host.

    `networks` are the addresses of the trusted proxies. What the client sent is in
    X-Forwarded-For, X-Forwarded-Proto and X-Forwarded-Host. A client can send these headers too, and a proxy
    appends to them. So the last value counts, and of the addresses the last one that is not a trusted
    proxy's. If the peer is not a trusted proxy, the request is returned as it is.
    """
    if not _is_within(raw.peer, networks):
        return raw
    headers, peer = raw.headers, raw.peer
    for text in reversed(headers.get("x-forwarded-for", "").rsplit(",", MAX_PROXIES)):
        if (address := _address(text)) is None:
            break
        peer = address
        if not _is_within(address, networks):
            break
    scheme = _last(headers.get("x-forwarded-proto", "")).lower()
    if scheme not in ("http", "https"):
        scheme = raw.scheme
    if host := _last(headers.get("x-forwarded-host", "")):
        headers = headers.with_value("host", host)
    return replace(raw, peer=peer, scheme=scheme, headers=headers)


def _last(value: str) -> str:
    return value.rpartition(",")[2].strip()


def _address(text: str) -> str | None:
    """Return the address in a value of X-Forwarded-For, which may have a port, or None if it is not valid."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ip_address(text))
    except ValueError:
        return None


def _is_within(address: str, networks: Iterable[IPv4Network | IPv6Network]) -> bool:
    try:
        return any(ip_address(address) in network for network in networks)
    except ValueError:  # not an address, for instance the path of a Unix socket
        return False
