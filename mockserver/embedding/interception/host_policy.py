"""The host policy: which hosts are answered in this process, which are refused, which are let through."""

from collections.abc import Iterable
from contextlib import suppress
from functools import cached_property
from typing import Literal

from mockserver.app import VendorFiles
from mockserver.client import CALLED_SERVERS
from mockserver.contract.contract import Contract
from mockserver.contract.hosts import Hosts
from mockserver.server.http.raw_request import host_name

__tracebackhide__ = True  # pytest shows the caller's line, not these
Others = Literal["refuse", "pass"]
LOOPBACK_NAMES = {"localhost", "::1"}


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

    def intercepts(self, host: str, port: int) -> bool:
        """Return True if a vendor answers for the host, False if the call may go to the real host.

        A mock server that a `Client` of this process has called is not refused: the fixture `mock_sandbox`
        and `serve` work inside the block.

        Raise HostRefused if the call may not be sent anywhere.
        """
        name = host_name(host)
        if self._vendor_of(name):
            return True
        fix = f'To have a vendor answer for it, use intercept(hosts={{"{name or host}": "VENDOR"}})'
        if domain := self._hosts.domain(name):
            raise HostRefused(
                f"{host} is on {domain}, the domain of a real vendor, and is not emulated; the call was "
                "refused, and nothing was sent. intercept() lets no call through to a vendor's domain, "
                f'not even with others="pass". {self._left_out(name) or fix}'
            )
        if self._others == "refuse" and (host, port) not in CALLED_SERVERS:
            raise HostRefused(
                f"{host} is not a host of an emulated vendor; the call was refused, and nothing was sent. "
                f'{fix}. To let calls to other hosts reach the network, use intercept(others="pass")'
            )
        return False

    def check_lookup(self, host: str) -> None:
        """Raise HostRefused if a host name may not be looked up, because a call to it could reach a vendor.

        A library that `intercept` answers looks up no name. So it is another library that asks.
        """
        name = _ascii(host.removesuffix(".").lower())
        if name in LOOPBACK_NAMES or name.startswith("127."):
            return
        if vendor := self._vendor_of(name):
            reason = f"{host} is a host of the emulated vendor {vendor}"
        elif domain := self._hosts.domain(name):
            reason = f"{host} is on {domain}, the domain of a real vendor"
        else:
            return
        raise HostRefused(
            f"{reason}; looking it up was refused, and nothing was sent. intercept() answers calls by "
            "requests, urllib3, httpx, httpx2 and aiohttp; for other libraries, use the base URLs of "
            "mockserver.serve(), or run the program under `mockserver exec`"
        )

    def _vendor_of(self, name: str) -> str | None:
        """Return the name of the emulated vendor that answers for a host, or None."""
        answering = (contract for contract in self._contracts if contract.host(name) is not None)
        return next((contract.vendor.name for contract in answering), None)

    def _left_out(self, name: str) -> str | None:
        """Return the advice for the host of a vendor that is not emulated, or None for any other host."""
        left_out = (
            vendor for vendor in self._files.names() if self._files.spec(vendor).host(name) is not None
        )
        vendor = next(left_out, None)
        return f'To have {vendor} answer for it, add "{vendor}" to intercept(vendors=...)' if vendor else None

    @cached_property
    def _hosts(self) -> Hosts:
        """The domains of all vendors, including vendors that are not emulated here."""
        loaded = {contract.vendor.name: contract.spec for contract in self._contracts}
        specs = [loaded.get(name) or self._files.spec(name) for name in self._files.names()]
        return Hosts(loaded.values(), specs)


def _ascii(name: str) -> str:
    """Return a host name as the resolver gets it: in ASCII. Full-width letters become plain ones."""
    if name.isascii():
        return name
    with suppress(UnicodeError):
        return name.encode("idna").decode()
    return name
