"""Classifies host names: served by the mock, on a vendor's domain, or neither."""

import re
from collections.abc import Iterable
from typing import Literal

from mockserver.contract.openapi.spec import Spec

HostKind = Literal["vendor", "vendor_domain", "other"]
# ASCII only, because a resolver could map other characters to a different name.
NAME = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?|\[[0-9a-f:.]+\]", re.IGNORECASE | re.ASCII)
ADDRESSES = re.compile(r"[0-9a-f:.]*[:.][0-9a-f:.]*(?:/\d+)?")


class Hosts:
    """Classifies host names.

    `served` are the specs of the vendors that the mock serves. `known` are the specs of all vendors, so that
    a client cannot call a real vendor by accident, even a vendor that the mock does not serve.
    """

    def __init__(self, served: Iterable[Spec], known: Iterable[Spec]) -> None:
        self._served = tuple(served)
        self.domains = tuple(sorted({domain_of(name) for spec in known for name in spec.host_names}))

    def kind(self, host: str) -> HostKind:
        """Return the kind of a host name. Case and a final dot are ignored.

        `vendor`: the mock serves this host. `vendor_domain`: the host is on a vendor's domain, but the
        mock does not serve it. `other`: any other host.
        """
        name = host.lower().removesuffix(".")
        if any(spec.host(name) is not None for spec in self._served):
            return "vendor"
        return "vendor_domain" if self.domain(host) else "other"

    def domain(self, host: str) -> str | None:
        """Return the vendor's domain that contains a host name, or None."""
        name = host.lower().removesuffix(".")
        return next((domain for domain in self.domains if _within(name, domain)), None)

    def may_match_vendor(self, entry: str) -> bool:
        """Return True if a NO_PROXY entry could match a host on a vendor's domain in any client.

        Clients differ: some match any suffix of a name, some accept a star anywhere, some read a port.
        """
        name = re.sub(r"^\*?\.?|\.?(?::\d*)?$", "", entry.lower())
        if not NAME.fullmatch(name) or name.isdigit():
            return not ADDRESSES.fullmatch(name)
        return any(_within(name, domain) or domain.endswith(name) for domain in self.domains)


def _within(name: str, domain: str) -> bool:
    return name == domain or name.endswith(f".{domain}")


def domain_of(name: str) -> str:
    """Return the registered domain of a host name: two labels, or three for names like `shop.co.uk`."""
    labels = name.lower().split(".")
    short_ending = len(labels) > 2 and len(labels[-2]) <= 3 and len(labels[-1]) <= 2
    return ".".join(labels[-3:] if short_ending else labels[-2:])
