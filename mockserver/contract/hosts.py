"""Hosts: which names are vendors', and which are so near to those that nobody may be sent there."""

import re
from collections.abc import Iterable
from typing import Literal

from mockserver.contract.openapi.spec import Spec

HostKind = Literal["vendor", "kin", "other"]
# Only plain ASCII, as it goes over the wire: nothing that a resolver could read as another name.
NAME = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?|\[[0-9a-f:.]+\]", re.IGNORECASE | re.ASCII)
ADDRESSES = re.compile(r"[0-9a-f:.]*[:.][0-9a-f:.]*(?:/\d+)?")


class Hosts:
    """The names that lead to the mock, and the domains around them that lead nowhere.

    `served` are the vendors that answer; `known` all that are emulated, whose domains stay closed
    even if they are not served.
    """

    def __init__(self, served: Iterable[Spec], known: Iterable[Spec]) -> None:
        self._served = tuple(served)
        self.domains = tuple(sorted({domain_of(name) for spec in known for name in spec.host_names}))

    def kind(self, host: str) -> HostKind:
        """What a name is, in any letter case, with or without its final dot."""
        name = host.lower().removesuffix(".")
        if any(spec.host(name) is not None for spec in self._served):
            return "vendor"
        return "kin" if self.domain(host) else "other"

    def domain(self, host: str) -> str | None:
        """The vendor's domain that a name lies in, or None."""
        name = host.lower().removesuffix(".")
        return next((domain for domain in self.domains if _within(name, domain)), None)

    def touched_by(self, exception: str) -> bool:
        """Whether an entry of NO_PROXY might be read as if it meant a vendor's name, by any client.

        Clients differ: some take any ending, some a star in any place, some the port as well.
        """
        name = re.sub(r"^\*?\.?|\.?(?::\d*)?$", "", exception.lower())
        if not NAME.fullmatch(name) or name.isdigit():
            return not ADDRESSES.fullmatch(name)
        return any(_within(name, domain) or domain.endswith(name) for domain in self.domains)


def _within(name: str, domain: str) -> bool:
    return name == domain or name.endswith(f".{domain}")


def domain_of(name: str) -> str:
    """What the owner of a name has registered: its last two labels, or three as in `shop.co.uk`."""
    labels = name.lower().split(".")
    short = len(labels) > 2 and len(labels[-2]) <= 3 and len(labels[-1]) <= 2
    return ".".join(labels[-3:] if short else labels[-2:])
