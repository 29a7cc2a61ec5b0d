"""One sandbox, from outside: what a client needs to get in, and all that a test turns and asks."""

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
    """What a new sandbox may begin with; a fork has its seed and products from the one it forks."""

    seed: int
    products: int
    fork: str
    ttl: timedelta
    frozen: Moment
    faults: Sequence[FaultLike]
    limits: bool | Overrides


@dataclass(frozen=True, slots=True)
class Access:
    """How a client reaches one vendor in one sandbox."""

    base_url: str
    headers: Mapping[str, str]


class Vendors(dict[str, Access]):
    """The vendors by name. KeyError: there is none of that name; it says which there are."""

    def __missing__(self, name: str) -> Access:
        raise KeyError(f"there is no vendor {name}; there are {', '.join(self)}")


class Sandbox:
    """One tenant's world. As a context manager it is deleted at the end of the block.

    `credential` opens it at every vendor; `vendors` has base URL and headers of each.
    """

    def __init__(self, ask: ControlApi, shown: Mapping[str, Any]) -> None:
        self._ask = ask
        self.name: str = shown["name"]
        self.seed: int = shown["seed"]
        self.products: int = shown["products"]
        self.credential: str = shown["credential"]
        accesses = shown["credentials"].items()
        self.vendors = Vendors({vendor: Access(**access) for vendor, access in accesses})
        self._path = f"/_mock/sandboxes/{quote(self.name)}"
        self.faults = Faults(ask, f"{self._path}/faults")
        self.clock = Clock(ask, f"{self._path}/clock")
        self.limits = Limits(ask, f"{self._path}/limits")
        self.requests = Requests(ask, self.name)
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
        return Records(self._ask, f"{self._path}/records/{quote(vendor, '')}/{quote(collection, '')}")

    def add_product(self, sku: str, name: str, **more: Any) -> dict[str, Mapping[str, Any]]:
        """One new product at every vendor; `ean`, `price` and `quantity` are drawn if not given.

        The new records by vendor.
        """
        made = self._ask("POST", f"{self._path}/products", {"sku": sku, "name": name, **more})
        return {one["vendor"]: one["record"] for one in made["records"]}

    @property
    def snapshots(self) -> list[str]:
        names: list[str] = self._ask("GET", f"{self._path}/snapshots")["snapshots"]
        return names

    def snapshot(self, name: str) -> None:
        """Keep it as it is now under a name."""
        self._ask("PUT", self._at_snapshot(name))

    def restore(self, name: str) -> None:
        self._ask("POST", f"{self._at_snapshot(name)}/restore")

    def drop_snapshot(self, name: str) -> None:
        self._ask("DELETE", self._at_snapshot(name))

    def reset(self) -> None:
        """Back to how it was made; journal and snapshots stay."""
        self._ask("POST", f"{self._path}/reset")

    def fork(self, name: str | None = None) -> "Sandbox":
        """A new one that begins where this one stands."""
        asked = {} if name is None else {"name": name}
        return Sandbox(self._ask, self._ask("POST", f"{self._path}/fork", asked))

    def export(self) -> dict[str, Any]:
        """All of it as one document, which `Client.load` reads."""
        document: dict[str, Any] = self._ask("GET", f"{self._path}/export")
        return document

    def delete(self) -> None:
        self._ask("DELETE", self._path)

    def _at_snapshot(self, name: str) -> str:
        return f"{self._path}/snapshots/{quote(name, '')}"


def written(wishes: Mapping[str, Any]) -> dict[str, Any]:
    """Wishes as the control API reads them; it refuses what makes no sense."""
    asked = {name: wish for name, wish in wishes.items() if wish is not None}
    if isinstance(ttl := asked.get("ttl"), timedelta):
        asked["ttl"] = round(ttl.total_seconds())
    if isinstance(rules := asked.get("faults"), list | tuple):
        asked["faults"] = [faults.written(rule) for rule in rules]
    if isinstance(kept := asked.get("limits"), bool):
        asked["limits"] = {"enabled": kept}
    elif kept is not None:
        asked["limits"] = {"enabled": True, "overrides": kept}
    return asked
