"""Headers by which a call shows that a proxy has forwarded it."""

from collections.abc import Mapping

FORWARDING_HEADERS = frozenset({
    "cdn-loop", "cf-connecting-ip", "cf-connecting-ipv6", "cf-ray", "client-ip", "fastly-client-ip",
    "fly-client-ip", "forwarded", "proxy-client-ip", "true-client-ip", "via", "wl-proxy-client-ip",
    "x-appengine-remote-addr", "x-arr-log-id", "x-azure-clientip", "x-azure-socketip", "x-client-ip",
    "x-cluster-client-ip", "x-envoy-external-address", "x-original-forwarded-for", "x-original-host",
    "x-proxyuser-ip", "x-real-ip",
})  # fmt: skip
FORWARDED_PREFIX = "x-forwarded"  # X-Forwarded-For, -Host, -Proto, -Port, -Server, …


def forwarding_header(headers: Mapping[str, str]) -> str | None:
    """Return the name of a header that a proxy has added, or None. Names are in lower case."""
    for name in headers:
        if name in FORWARDING_HEADERS or name.startswith(FORWARDED_PREFIX):
            return name
    return None
