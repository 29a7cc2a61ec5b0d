"""A sandbox: how clients reach it, and everything that a test can change and verify in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Any, Self, TypedDict
from urllib.parse import quote

from mockserver.client import faults
from mockserver.client.clock import Clock, Moment
from mockserver.client.faults import FaultLike, Faults
from mockserver.client.limits import Limits, Overrides
from mockserver.client.records import Records
from mockserver.client.requests import Requests
from mockserver.client.transport import ControlApi


class SandboxOptions(TypedDict, total=False):
    """Options of a new sandbox, all optional.

    `products` is a number of sellable items, `fork` the name of a sandbox to copy (then without `seed`
    and `products`), and `ttl` a time without calls after which the sandbox is deleted. `frozen` stops
    its clock at a time. `limits` turns rate limits on or off, or gives overrides and turns them on.
    """

    seed: int
    products: int
    fork: str
    ttl: timedelta
    frozen: Moment
    faults: Sequence[FaultLike]
    limits: bool | Overrides


@dataclass(frozen=True, slots=True)
class Access:
    """The base URL of one vendor, and the headers that open one sandbox there."""

    base_url: str
    headers: Mapping[str, str]


class Vendors(dict[str, Access]):
    """The vendors by name. An unknown name raises KeyError with a list of the known ones."""

    def __missing__(self, name: str) -> Access:
        raise KeyError(f"there is no vendor {name}; use one of {', '.join(self)}")


class Sandbox:
    """One sandbox of a server. As a context manager, it is deleted at the end of the block.

    `credential` opens it at every vendor; `vendors` has the base URL and headers for each vendor.
    `faults`, `clock`, `limits` and `requests` control those parts of it.
    """

    def __init__(self, request: ControlApi, description: Mapping[str, Any]) -> None:
        self._request = request
        self.name: str = description["name"]
        self.seed: int = description["seed"]
        self.products: int = description["products"]
        self.credential: str = description["credential"]
        self.vendors = Vendors(
            {vendor: Access(**access) for vendor, access in description["credentials"].items()}
        )
        self._path = f"/_mock/sandboxes/{quote(self.name)}"
        self.faults = Faults(request, f"{self._path}/faults")
        self.clock = Clock(request, f"{self._path}/clock")
        self.limits = Limits(request, f"{self._path}/limits")
        self.requests = Requests(request, self.name)
        self.assert_called = self.requests.assert_called
        self.assert_sequence = self.requests.assert_sequence
        self.wait_for = self.requests.wait_for

    def __repr__(self) -> str:
        return f"<Sandbox {self.name}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.delete()

    def records(self, vendor: str, collection: str) -> Records:
        """Return a vendor's collection; `GET /_mock/vendors` lists the collections of each vendor."""
        return Records(self._request, f"{self._path}/records/{quote(vendor, '')}/{quote(collection, '')}")

    def add_product(self, sku: str, name: str, **more: Any) -> dict[str, Mapping[str, Any]]:
        """Add a product at every vendor, and return the new records by vendor.

        `more` may be `ean` (13 digits, generated if not given), `price` (with tax, 10.00 if not given)
        and `quantity` (0 if not given). Raise Refused if the SKU or EAN is already in use.
        """
        created = self._request("POST", f"{self._path}/products", {"sku": sku, "name": name, **more})
        return {entry["vendor"]: entry["record"] for entry in created["records"]}

    @property
    def snapshots(self) -> list[str]:
        """Return the names of the snapshots, sorted."""
        names: list[str] = self._request("GET", f"{self._path}/snapshots")["snapshots"]
        return names

    def snapshot(self, name: str) -> None:
        """Save the present state under a name, in place of any snapshot of that name."""
        self._request("PUT", self._snapshot_path(name))

    def restore(self, name: str) -> None:
        """Return to the state that a snapshot saved."""
        self._request("POST", f"{self._snapshot_path(name)}/restore")

    def drop_snapshot(self, name: str) -> None:
        """Delete a snapshot."""
        self._request("DELETE", self._snapshot_path(name))

    def reset(self) -> None:
        """Return to the state as created, or last imported. The journal and the snapshots stay."""
        self._request("POST", f"{self._path}/reset")

    def fork(self, name: str | None = None) -> "Sandbox":
        """Create a copy of the sandbox in its present state; without a name, the server chooses one."""
        options = {} if name is None else {"name": name}
        return Sandbox(self._request, self._request("POST", f"{self._path}/fork", options))

    def export(self) -> dict[str, Any]:
        """Return the sandbox as one JSON document, which `Client.load` reads."""
        document: dict[str, Any] = self._request("GET", f"{self._path}/export")
        return document

    def delete(self) -> None:
        self._request("DELETE", self._path)

    def _snapshot_path(self, name: str) -> str:
        return f"{self._path}/snapshots/{quote(name, '')}"


def options_to_json(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return sandbox options as the control API reads them, without those that are None.

    Values of a wrong type are passed on: the control API refuses them with a clear message.
    """
    body = {name: value for name, value in options.items() if value is not None}
    if isinstance(ttl := body.get("ttl"), timedelta):
        body["ttl"] = round(ttl.total_seconds())
    if isinstance(rules := body.get("faults"), list | tuple):
        body["faults"] = [faults.rule_to_json(rule) for rule in rules]
    if isinstance(limits := body.get("limits"), bool):
        body["limits"] = {"enabled": limits}
    elif limits is not None:
        body["limits"] = {"enabled": True, "overrides": limits}
    return body
