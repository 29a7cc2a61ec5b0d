"""The composition root: seed, size and vendors in, one ASGI application out."""

import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mockserver import __version__, vendors
from mockserver.contract.contract import Contract
from mockserver.contract.openapi.spec import Spec
from mockserver.control.vendor import control
from mockserver.resources import InvalidFile, fixture_file, read
from mockserver.sandbox.registry import Sandboxes
from mockserver.server.metrics import Metrics
from mockserver.server.pipeline import Pipeline
from mockserver.store.base_records import BaseRecords
from mockserver.vendor_api.vendor import Vendor

DEFAULT_SEED = 42
DEFAULT_PRODUCTS = 100


class UnknownVendor(Exception):
    """A vendor was asked for that is not emulated."""


@dataclass(frozen=True)
class Mock:
    """The emulated vendors, and the ASGI application that answers for them."""

    contracts: tuple[Contract, ...]
    control: Contract
    sandboxes: Sandboxes
    application: Pipeline

    def warm_up(self) -> None:
        """Make now what else the first search would wait for."""
        catalog = self.sandboxes.catalog
        for base in (base for contract in self.contracts for base in contract.base_records.values()):
            if base.collection.id_formats:
                base.first_period(catalog)

    def check(self) -> None:
        """Have Connexion look at every spec now, instead of with the first call that needs it. FileBroken."""
        for contract in (*self.contracts, self.control):
            contract.connexion()

    def stop_threads(self) -> None:
        """End the threads that handlers run in, until the next call. None may be under way."""
        for contract in (*self.contracts, self.control):
            contract.stop_threads()


def vendor_names() -> list[str]:
    """The names of all emulated vendors: the modules in `mockserver/vendors`."""
    return sorted(module.name for module in pkgutil.iter_modules(vendors.__path__))


def chosen(names: Iterable[str]) -> list[str]:
    """The named vendors, or all. UnknownVendor: there is none of that name."""
    known, asked = vendor_names(), list(dict.fromkeys(names))
    if unknown := [name for name in asked if name not in known]:
        raise UnknownVendor(f"unknown vendor {unknown[0]}; there are {', '.join(known)}")
    return asked or known


def load_vendor(name: str) -> Vendor:
    """The vendor of a name. FileBroken: its module cannot be imported."""
    try:
        vendor: Vendor = importlib.import_module(f"mockserver.vendors.{name}").vendor
    except Exception as error:
        raise InvalidFile(f"mockserver/vendors/{name}.py: {type(error).__name__}: {error}") from None
    return vendor


def build(
    seed: int = DEFAULT_SEED,
    products: int = DEFAULT_PRODUCTS,
    names: Iterable[str] = (),
    admin_token: str | None = None,
    limits: bool = False,
    express: bool = True,
) -> Mock:
    """A mock of the named vendors, or of all.

    `products` is how many sellable items there are, counting one of the page's own; `limits` turns
    on rate limits; without `express` Connexion decides about every call.
    UnknownVendor, FileBroken, ValueError (a size that cannot be).
    """
    contracts = tuple(contract(load_vendor(name), express) for name in chosen(names))
    sandboxes = Sandboxes(seed, products, limits=limits)
    return _assembled(contracts, None, sandboxes, admin_token, {})


def reuse(mock: Mock, sandboxes: Sandboxes, hosts: Mapping[str, str] | None = None) -> Mock:
    """The vendors of a mock over other sandboxes: what took time is kept, what was done is forgotten.

    `hosts` are further host names, each with the name of its vendor. The mock that was cannot be
    used any more. UnknownVendor: a host is said to be of no vendor here.
    """
    return _assembled(mock.contracts, mock.control, sandboxes, None, hosts or {})


def _assembled(
    contracts: tuple[Contract, ...], desk: Contract | None, sandboxes: Sandboxes,
    admin_token: str | None, hosts: Mapping[str, str],
) -> Mock:  # fmt: skip
    """A mock of its parts; a desk that is there already gets to work for these sandboxes."""
    id_formats = {one.vendor.name: one for one in contracts}
    if strange := [name for name in hosts.values() if name not in id_formats]:
        raise UnknownVendor(f"unknown vendor {strange[0]}; there are {', '.join(id_formats)}")
    metrics = Metrics(lambda: sum(1 for _ in sandboxes))
    spec = desk.spec if desk else Spec("control")
    clerk = control(spec, id_formats, sandboxes, __version__, metrics)
    if desk is None:
        desk = Contract(clerk, spec, {})
    desk.vendor = clerk
    for name, one in id_formats.items():
        one.aliases = frozenset(host for host, vendor in hosts.items() if vendor == name)
    return Mock(contracts, desk, sandboxes, Pipeline(contracts, sandboxes, desk, metrics, admin_token))


def contract(vendor: Vendor, express: bool = True) -> Contract:
    """A vendor with its spec and the page's own records."""
    file = fixture_file(vendor.name)
    records: Any = read(file).get("records")
    try:
        if stray := sorted(records.keys() ^ {collection.name for collection in vendor.collections}):
            raise InvalidFile(f"{file}: records and collections differ in {', '.join(stray)}")
        base_records = {
            collection.name: BaseRecords.of(vendor.name, collection, tuple(records[collection.name]))
            for collection in vendor.collections
        }
    except (AttributeError, KeyError, TypeError) as error:
        raise InvalidFile(f"{file}: records are lists of mappings by collection: {error!r}") from None
    return Contract(vendor, Spec(vendor.name), base_records, express)
