"""The host policy: which hosts are answered in this process, which are refused, which are let through."""

from collections.abc import Iterable
from functools import cached_property
from typing import Literal

from mockserver.app import VendorFiles
from mockserver.contract.contract import Contract
from mockserver.contract.hosts import Hosts
from mockserver.server.http.raw_request import host_name

Others = Literal["refuse", "pass"]


class HostRefused(Exception):
    """Raised to refuse a call to a host, because no emulated vendor has that host. Nothing was sent.

    This class is not a subclass of OSError or of a library's network error. So clients do not retry.
    """


class HostPolicy:
    """Decides whether a call to a host is answered, refused, or let through to the network.

    Hosts of the emulated vendors are answered in this process. Other hosts are refused, or let
    through with `others="pass"`. A host on a real vendor's domain is never let through, whether the
    vendor is emulated or not.
    """

    def __init__(self, contracts: Iterable[Contract], files: VendorFiles, others: Others) -> None:
        self._contracts, self._files, self._others = tuple(contracts), files, others

    def intercepts(self, host: str) -> bool:
        """Return True if a vendor answers for the host, False if the call may go to the real host.

        Raise HostRefused if the call may not be sent anywhere.
        """
        name = host_name(host)
        if any(contract.host(name) is not None for contract in self._contracts):
            return True
        fix = f'intercept(hosts={{"{name or host}": "VENDOR"}})'
        if self._others == "refuse":
            raise HostRefused(
                f"{host} is not a host of an emulated vendor; the call was refused, and nothing was sent. "
                f"To have a vendor answer for it, use {fix}. "
                'To let calls to other hosts reach the network, use intercept(others="pass")'
            )
        if domain := self._hosts.domain(name):
            raise HostRefused(
                f"{host} is on {domain}, the domain of a real vendor, and is not emulated; the call was "
                "refused, and nothing was sent. intercept() lets no call through to a vendor's domain, "
                f'not even with others="pass". To have a vendor answer for it, use {fix}'
            )
        return False

    @cached_property
    def _hosts(self) -> Hosts:
        """The domains of all vendors, including vendors that are not emulated here."""
        loaded = {contract.vendor.name: contract.spec for contract in self._contracts}
        specs = [loaded.get(name) or self._files.spec(name) for name in self._files.names()]
        return Hosts(loaded.values(), specs)
