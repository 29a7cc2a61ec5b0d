"""Record operations of the control API: read, create, change and delete records, and add products."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from mockserver.contract.contract import Contract
from mockserver.control.lookup import contract_of, refusals_as_problems, sandbox_of
from mockserver.control.records.listing import RecordList
from mockserver.control.sandboxes.document import checked_key, refuse_taken_alias
from mockserver.data.catalog.products import Catalog
from mockserver.data.store.base_records import BaseRecords, Record
from mockserver.data.store.records import Records
from mockserver.data.store.state import UNCHANGED, Draft
from mockserver.data.store.view import RecordsView
from mockserver.sandbox.registry import Sandboxes
from mockserver.sandbox.sandbox import Sandbox
from mockserver.vendor_api.answer import Answer
from mockserver.vendor_api.call import Call
from mockserver.vendor_api.problem import Problem
from mockserver.vendor_api.vendor import Edit
from mockserver.vendor_api.words import alternatives

CENT = Decimal("0.01")
DEFAULT_PRICE = 10


class RecordControl:
    """Handlers of the record operations. Each method is named after its operationId."""

    def __init__(self, contracts: Mapping[str, Contract], sandboxes: Sandboxes) -> None:
        self._contracts, self._sandboxes = contracts, sandboxes

    def list_records(self, call: Call) -> Any:
        query, listed = call.query, self._list(call)
        found = listed.find(query.get("q"), changed=query["changed"])
        page = list(found[query["offset"] : query["offset"] + query["limit"]])
        changed = [listed.key_of(record) for record in page if listed.is_changed(record)]
        return {"records": page, "total": len(found), "changed": changed}

    def create_record(self, call: Call) -> Answer:
        with self._open(call) as (draft, records):
            key = checked_key(self._contract(call), call.path["collection"], call.body)
            if records.get(key) is not None:
                raise Problem("exists", f"there is already a record with key {key}")
            return Answer(201, self._put(draft, call, key, call.body))

    def get_record(self, call: Call) -> Record:
        return _existing_record(self._list(call).records, call)

    def get_initial_record(self, call: Call) -> Record:
        return _existing_record(self._list(call).initial, call)

    def replace_record(self, call: Call) -> Record:
        with self._open(call) as (draft, _):
            return self._put(draft, call, call.path["key"], call.body)

    def edit_record(self, call: Call) -> Record:
        with self._open(call) as (draft, records):
            edited = {**_existing_record(records, call), **call.body}
            return self._put(draft, call, call.path["key"], edited)

    def delete_record(self, call: Call) -> Answer:
        with self._open(call) as (_, records):
            _existing_record(records, call)
            records.delete(call.path["key"])
        return Answer(204, None)

    def revert_record(self, call: Call) -> Record | Answer:
        """Give a record the value that it had at the beginning, or delete it if there was none."""
        sandbox, base, key = sandbox_of(self._sandboxes, call), self._base_records(call), call.path["key"]
        with refusals_as_problems(), sandbox.transaction() as draft:
            records, initial = Records(base, draft), sandbox.initial.state
            record = Records(base, Draft(sandbox.catalog, initial)).get(key)
            if record is None:
                _existing_record(records, call)
                records.delete(key)
                return Answer(204, None)
            refuse_taken_alias(records, self._contract(call), call.path["collection"], record)
            before = records.get(key)
            if key in initial.overlays.get(base.id, UNCHANGED).changed:
                records.put(record)
            else:
                records.restore_original(key)
            self._follow(draft, call, before, record)
            return records.get(key) or record

    def create_product(self, call: Call) -> Answer:
        sandbox = sandbox_of(self._sandboxes, call)
        with refusals_as_problems(), sandbox.transaction() as draft:
            created = [*self._add_product(draft, sandbox, call.body)]
            draft.state = replace(draft.state, products_made=draft.state.products_made + 1)
        return Answer(201, {"records": created})

    def _add_product(
        self, draft: Draft, sandbox: Sandbox, product: Mapping[str, Any]
    ) -> Iterator[dict[str, Any]]:
        """Add a product to every collection that has products, and yield each new record as JSON.

        The last record of each vendor is the one in the collection that shows the product.
        """
        catalog = _catalog_of(sandbox, draft.state.products_made, product)
        variant = catalog.variant(0)[1]
        for vendor, contract in self._contracts.items():
            for name, base in sorted(contract.base_records.items(), key=_shows_products):
                records, collection = Records(base, draft), base.collection
                for alias in collection.aliases:
                    if records.find(alias, getattr(variant, alias)) is not None:
                        raise Problem("exists", f"there is already a product with this {alias}")
                if count := collection.count(catalog):
                    record = collection.make(catalog, count - 1)
                    key = checked_key(contract, name, record)
                    if records.get(key) is not None:
                        raise Problem("exists", f"{vendor}/{name} already has a record with key {key}")
                    records.put(record)
                    yield {"vendor": vendor, "collection": name, "key": key, "record": record}

    def _put(self, draft: Draft, call: Call, key: str, record: Record) -> Record:
        """Put a record under its key, let others follow, and return it as it is now. Raise Problem."""
        contract, collection = self._contract(call), call.path["collection"]
        records = Records(self._base_records(call), draft)
        checked_key(contract, collection, record, key)
        refuse_taken_alias(records, contract, collection, record)
        before = records.get(key)
        records.put(record)
        self._follow(draft, call, before, record)
        return records.get(key) or record

    def _follow(self, draft: Draft, call: Call, before: Record | None, record: Record) -> None:
        """Change the records that have fields in common with one that was put."""
        contract = self._contract(call)
        if follow := contract.vendor.follow.get(call.path["collection"]):
            follow(Edit(before, record, draft, contract.base_records))

    @contextmanager
    def _open(self, call: Call) -> Iterator[tuple[Draft, Records]]:
        """Open the collection named in a call's path. If the block raises, its changes are discarded."""
        base = self._base_records(call)
        with refusals_as_problems(), sandbox_of(self._sandboxes, call).transaction() as draft:
            yield draft, Records(base, draft)

    def _list(self, call: Call) -> RecordList:
        """Return the records in the collection named in a call's path. Writes do not wait for the reader."""
        return RecordList(self._base_records(call), sandbox_of(self._sandboxes, call))

    def _base_records(self, call: Call) -> BaseRecords:
        name, known = call.path["collection"], self._contract(call).base_records
        if name not in known:
            message = f"{call.path['vendor']} has no collection {name[:100]}{alternatives(name, known)}"
            raise Problem("not_found", message)
        return known[name]

    def _contract(self, call: Call) -> Contract:
        return contract_of(self._contracts, call.path["vendor"])


def _existing_record(records: RecordsView, call: Call) -> Record:
    record = records.get(call.path["key"])
    if record is None:
        raise Problem("not_found", "there is no such record")
    return record


def _shows_products(named: tuple[str, BaseRecords]) -> bool:
    return named[1].collection.items is not None


def _catalog_of(sandbox: Sandbox, number: int, product: Mapping[str, Any]) -> Catalog:
    """Return a catalog that holds only `product`. `number` is the number of products added before it."""
    location = sandbox.catalog.locations()[0]
    fields: dict[str, Any] = {
        "sku": product["sku"],
        "price": Decimal(product.get("price", DEFAULT_PRICE)).quantize(CENT),
        "stock": ((location, product.get("quantity", 0)),),
    }
    if "ean" in product:
        fields["ean"] = product["ean"]
    return sandbox.catalog.single_product(number, product["name"], **fields)
