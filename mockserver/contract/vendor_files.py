"""The files of vendors: finds each vendor's module, spec and fixture file, and loads them as a contract."""

import importlib
import importlib.util
import os
import pkgutil
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from mockserver import vendors
from mockserver.contract.contract import Contract
from mockserver.contract.openapi.spec import Spec
from mockserver.contract.vendor_check import check_vendor
from mockserver.resources import InvalidFile, fixture_file, read, spec_file
from mockserver.store.base_records import BaseRecords
from mockserver.vendor_api.vendor import Vendor


class UnknownVendor(Exception):
    """Raised for an unknown vendor name. The message lists the known names."""


class VendorFiles:
    """The vendors of this package, and those in the user's own folder.

    The folder has the files `vendors/<name>.py`, `specs/<name>.yaml` and `fixtures/<name>.yaml`; the
    default is the environment variable MOCKSERVER_VENDORS_FROM. A spec or fixture file there replaces
    that of a vendor of this package. Raise InvalidFile if the folder does not exist.
    """

    def __init__(self, folder: Path | None = None) -> None:
        name = folder or os.environ.get("MOCKSERVER_VENDORS_FROM")
        self.folder = Path(name).absolute() if name else None
        if self.folder and not self.folder.is_dir():
            raise InvalidFile(f"{self.folder}: the folder of vendors does not exist")

    def names(self) -> list[str]:
        """Return the names of all vendors, sorted: the modules in `vendors`."""
        found = {module.name for module in pkgutil.iter_modules(vendors.__path__)}
        if self.folder:
            found |= {file.stem for file in (self.folder / "vendors").glob("[!_]*.py")}
        return sorted(found)

    def choose(self, names: Iterable[str]) -> list[str]:
        """Return these names, or all names if none are given. Raise UnknownVendor if one is unknown."""
        known, wanted = self.names(), list(dict.fromkeys(names))
        if unknown := [name for name in wanted if name not in known]:
            raise UnknownVendor(f"unknown vendor {unknown[0]}; there are {', '.join(known)}")
        return wanted or known

    def spec(self, name: str) -> Spec:
        """Return the spec of a vendor. Raise InvalidFile."""
        return Spec(name, self._own("specs", name) or spec_file(name))

    def contract(self, name: str, *, page_templates: bool = True) -> Contract:
        """Return a vendor with its spec and fixture records. Raise InvalidFile if a file is wrong."""
        vendor = self._vendor(name)
        base_records = _base_records(vendor, self._own("fixtures", name) or fixture_file(name))
        contract = Contract(vendor, self.spec(name), base_records, page_templates=page_templates)
        check_vendor(contract, self._module_file(name))
        return contract

    def _own(self, kind: str, name: str) -> Path | None:
        """Return the user's file of a vendor, or None if there is none."""
        file = self.folder / kind / f"{name}.yaml" if self.folder else None
        return file if file and file.is_file() else None

    def _module_file(self, name: str) -> Path:
        own = self.folder / "vendors" / f"{name}.py" if self.folder else None
        return own if own and own.is_file() else Path(vendors.__path__[0]) / f"{name}.py"

    def _vendor(self, name: str) -> Vendor:
        file = self._module_file(name)
        try:
            own = self.folder and file.is_relative_to(self.folder)
            module = _load(name, file) if own else importlib.import_module(f"mockserver.vendors.{name}")
            vendor: Vendor = module.vendor
        except Exception as error:
            raise InvalidFile(f"{file}: {type(error).__name__}: {error}") from None
        if not isinstance(vendor, Vendor) or vendor.name != name:
            raise InvalidFile(f"{file}: `vendor` must be a Vendor whose name is {name}, like the file")
        return vendor


def _load(name: str, file: Path) -> ModuleType:
    """Import a module from a file in the user's own folder."""
    qualified = f"mockserver_vendors.{name}"
    found = importlib.util.spec_from_file_location(qualified, file)
    assert found is not None and found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules[qualified] = module
    found.loader.exec_module(module)
    return module


def _base_records(vendor: Vendor, file: Path) -> dict[str, BaseRecords]:
    """Return the collections of a vendor with the records of its fixture file. Raise InvalidFile."""
    records: Any = read(file).get("records")
    try:
        if different := sorted(records.keys() ^ {collection.name for collection in vendor.collections}):
            raise InvalidFile(f"{file}: records and collections differ in {', '.join(different)}")
        return {
            collection.name: BaseRecords.of(vendor.name, collection, tuple(records[collection.name]))
            for collection in vendor.collections
        }
    except (AttributeError, KeyError, TypeError) as error:
        raise InvalidFile(f"{file}: records are lists of mappings by collection: {error!r}") from None
