"""The guard: which host names are answered here, which may pass, and which never leave the process."""

from collections.abc import Iterable
from functools import cached_property
from typing import Literal

from mockserver import app
from mockserver.contract.contract import Contract
from mockserver.contract.hosts import Hosts
from mockserver.contract.openapi.spec import Spec
from mockserver.server.http.raw_request import host_name

Others = Literal["refuse", "pass"]


class HostRefused(Exception):
    """A call to a host that no vendor answers for was stopped before it left the process.

    It is no kind of network error, so that a client does not take it for one and try again.
    """


class HostPolicy:
    """Judges host names. No name on a vendor's own domain passes, whether it is emulated or not."""

    def __init__(self, contracts: Iterable[Contract], others: Others) -> None:
        self._contracts, self._others = tuple(contracts), others

    def answers(self, host: str) -> bool:
        """Whether a vendor answers for a host; False: the call may pass. HostRefused."""
        name = host_name(host)
        if any(contract.host(name) is not None for contract in self._contracts):
            return True
        mend = f'intercept(hosts={{"{name or host}": ...}})'
        if self._others == "refuse":
            raise HostRefused(
                f"{host} is no host of an emulated vendor, and others are refused: "
                f'name its vendor with {mend}, or let others through with intercept(others="pass")'
            )
        if domain := self._hosts.domain(name):
            raise HostRefused(
                f"{host} belongs to {domain}, the domain of a vendor, but is not emulated here, and "
                f"no call may reach a real vendor: name a vendor for it with {mend}"
            )
        return False

    @cached_property
    def _hosts(self) -> Hosts:
        """The domains of all vendors, also of those that were not asked for."""
        at_hand = {contract.vendor.name: contract.spec for contract in self._contracts}
        specs = [at_hand.get(name) or Spec(name) for name in app.vendor_names()]
        return Hosts(at_hand.values(), specs)
