"""Vendors' files: finds a vendor's module, spec and fixture file, and loads them as a contract."""

import importlib
import importlib.util
import os
import pkgutil
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from traceback import walk_tb
from types import ModuleType
from typing import Any

from mockserver import vendors
from mockserver.contract.contract import Contract
from mockserver.contract.openapi.spec import Spec, spec_in
from mockserver.contract.vendor_check import check_vendor
from mockserver.data.resources import InvalidFile, fixture_file, read, spec_file
from mockserver.data.store.base_records import BaseRecords
from mockserver.vendor_api.failure import UNEXPECTED, description
from mockserver.vendor_api.vendor import Vendor

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
RESERVED = "control"  # the control API
FOLDERS = ("vendors", "specs", "fixtures")


class UnknownVendor(Exception):
    """Raised for an unknown vendor name. The message lists the known names."""


class VendorFiles:
    """Finds vendors in this package and in the user's own folder.

    The user's folder contains `vendors/<name>.py`, `specs/<name>.yaml` and `fixtures/<name>.yaml`. Its
    default is the folder in the environment variable MOCKSERVER_VENDORS_FROM. A spec or fixture file
    in the user's folder replaces this package's file with the same name.

    Raise InvalidFile if the user's folder does not exist, or has none of these three folders.
    """

    def __init__(self, folder: Path | None = None) -> None:
        name = folder or os.environ.get("MOCKSERVER_VENDORS_FROM")
        self.folder = Path(name).absolute() if name else None
        if self.folder and not self.folder.is_dir():
            raise InvalidFile(f"{self.folder}: the folder of vendors does not exist: choose another")
        if self.folder and not any((self.folder / one).is_dir() for one in FOLDERS):
            raise InvalidFile(f"{self.folder}: it has no folder vendors, specs or fixtures: choose another")

    def names(self) -> list[str]:
        """Return the names of all vendors, sorted. Each is the name of a module in `vendors`.

        Raise InvalidFile if a module in the user's folder has a name that a vendor cannot have.
        """
        found = set(_names_in_package())
        for file in sorted((self.folder / "vendors").glob("[!_]*.py")) if self.folder else ():
            if file.stem == RESERVED:
                raise InvalidFile(f"{file}: this is the name of the control API: rename the vendor")
            if not NAME.fullmatch(file.stem):
                hint = "use letters, digits, - and _ only, or begin it with _ if it is not a vendor"
                raise InvalidFile(f"{file}: the name of the file cannot be a prefix of paths: {hint}")
            found.add(file.stem)
        return sorted(found)

    def choose(self, names: Iterable[str]) -> list[str]:
        """Return `names` without duplicates, or the names of all vendors if `names` is empty.

        The vendors of this package come first, so that they keep their paths. Raise UnknownVendor if a name
        is unknown. Raise InvalidFile if a spec in the user's folder has no module.
        """
        known, wanted = self.names(), list(dict.fromkeys(names))
        for spec in sorted((self.folder / "specs").glob("*.yaml")) if self.folder else ():
            if spec.stem not in known and (not wanted or spec.stem in wanted):
                module = spec.parent.parent / "vendors" / f"{spec.stem}.py"
                raise InvalidFile(f"{module}: there is no such file: add it, or remove {spec}")
        if unknown := [name for name in wanted if name not in known]:
            raise UnknownVendor(f"unknown vendor {unknown[0]}; there are {', '.join(known)}")
        in_package = _names_in_package()
        return sorted(wanted or known, key=lambda name: name not in in_package)

    def spec(self, name: str) -> Spec:
        """Return the spec of a vendor. Raise InvalidFile."""
        return spec_in(name, self.spec_file(name))

    def module_file(self, name: str) -> Path:
        """Return the path of a vendor's module. The file may not exist."""
        folder = Path(vendors.__path__[0])
        in_package = folder / name / "definition.py" if (folder / name).is_dir() else folder / f"{name}.py"
        return self._own_module(name) or in_package

    def spec_file(self, name: str) -> Path:
        """Return the path of a vendor's spec. The file may not exist."""
        return self._file("specs", name, spec_file(name))

    def fixture_file(self, name: str) -> Path:
        """Return the path of a vendor's fixture file. The file may not exist."""
        return self._file("fixtures", name, fixture_file(name))

    def contract(self, name: str, *, page_templates: bool = True) -> Contract:
        """Return a vendor with its spec and fixture records. Raise InvalidFile if a file is wrong."""
        vendor, fixtures = self._vendor(name), self.fixture_file(name)
        spec, module = self.spec(name), self.module_file(name)
        try:
            base_records = _base_records(vendor, fixtures)
            contract = Contract(vendor, spec, base_records, fixtures=fixtures, page_templates=page_templates)
            check_vendor(contract, module, fixtures)
        except InvalidFile:
            raise
        except UNEXPECTED as error:
            reason, fix = description(error), f"correct this file, {spec.file} or {fixtures}"
            raise InvalidFile(f"{module}: the vendor cannot be loaded ({reason}): {fix}") from None
        return contract

    def _file(self, kind: str, name: str, default: Path) -> Path:
        """Return the path of a vendor's spec or fixture file.

        Return a path in the user's folder if the file exists there. Do the same if the vendor's module is
        there, because then the file belongs there too. Otherwise return `default`.
        """
        file = self.folder / kind / f"{name}.yaml" if self.folder else default
        return file if file.is_file() or self._own_module(name) else default

    def _own_module(self, name: str) -> Path | None:
        """Return the path of a vendor's module in the user's folder, or None if it is not there."""
        file = self.folder / "vendors" / f"{name}.py" if self.folder else None
        return file if file and file.is_file() else None

    def _vendor(self, name: str) -> Vendor:
        own, file = self._own_module(name), self.module_file(name)
        try:
            module = _load(name, own) if own else importlib.import_module(f"mockserver.vendors.{name}")
        except UNEXPECTED as error:
            reason = f"the module cannot be imported ({description(error)}): correct it"
            raise InvalidFile(f"{file}: {_line_in(file, error)}{reason}") from None
        vendor = getattr(module, "vendor", None)
        if not isinstance(vendor, Vendor) or vendor.name != name:
            raise InvalidFile(f"{file}: `vendor` must be a Vendor whose name is {name}, like the file")
        return vendor


def _names_in_package() -> list[str]:
    return [module.name for module in pkgutil.iter_modules(vendors.__path__)]


def _line_in(file: Path, error: BaseException) -> str:
    """Return `line N: `, the line of the file that raised an exception.

    Return an empty string if the exception was raised in another file.
    """
    if isinstance(error, SyntaxError):
        return f"line {error.lineno}: " if error.filename == str(file) else ""
    lines = [line for frame, line in walk_tb(error.__traceback__) if frame.f_code.co_filename == str(file)]
    return f"line {lines[-1]}: " if lines else ""


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
    """Return a vendor's collections with the records in its fixture file. Raise InvalidFile."""
    records: Any = read(file).get("records")
    if not isinstance(records, dict) or not all(isinstance(one, list) for one in records.values()):
        raise InvalidFile(f"{file}: `records` must hold a list of records for each collection: correct it")
    known = {collection.name: collection for collection in vendor.collections}
    for name in sorted(records.keys() ^ known.keys(), key=str):
        raise InvalidFile(
            f"{file}: `records` has no collection {name}: add it, or `{name}: []` if there are no records"
            if name in known
            else f"{file}: the vendor has no collection {name}: remove its records, or add the collection"
        )
    for name, collection in known.items():
        for record in records[name]:
            if not isinstance(record, dict) or record.get(collection.key) is None:
                raise InvalidFile(f"{file}: a record of {name} has no {collection.key}: add it")
    return {
        name: BaseRecords.of(vendor.name, collection, tuple(records[name]))
        for name, collection in known.items()
    }
