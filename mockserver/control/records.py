"""Control of records: read, create, replace, edit and delete any vendor's, and goods for all of them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from mockserver.catalog.products import Catalog
from mockserver.contract.contract import Contract
from mockserver.control.document import check, refuse_doubles
from mockserver.control.lookup import refusals, sandbox_of
from mockserver.sandbox.registry import Sandboxes
from mockserver.sandbox.sandbox import Sandbox
from mockserver.store.base_records import Record
from mockserver.store.records import Records
from mockserver.store.state import Draft
from mockserver.vendor_api.call import Answer, Call
from mockserver.vendor_api.problem import Problem

CENT = Decimal("0.01")


class RecordControl:
    """Operations on the records of one server's sandboxes."""

    def __init__(self, contracts: Mapping[str, Contract], sandboxes: Sandboxes) -> None:
        self._contracts, self._sandboxes = contracts, sandboxes

    def list_records(self, call: Call) -> Any:
        with self._open(call) as records:
            offset, limit = call.query["offset"], call.query["limit"]
            page = list(records[offset : offset + limit])
            return {"records": page, "total": len(records)}

    def create_record(self, call: Call) -> Answer:
        with self._open(call) as records:
            key = check(self._contract(call), call.path["collection"], call.body)
            if records.get(key) is not None:
                raise Problem("exists", f"there is a record {key} already")
            refuse_doubles(records, self._contract(call), call.path["collection"], call.body)
            records.put(call.body)
        return Answer(201, call.body)

    def get_record(self, call: Call) -> Record:
        with self._open(call) as records:
            return _found(records, call)

    def replace_record(self, call: Call) -> Record:
        with self._open(call) as records:
            return self._put(records, call, call.body)

    def edit_record(self, call: Call) -> Record:
        with self._open(call) as records:
            return self._put(records, call, {**_found(records, call), **call.body})

    def delete_record(self, call: Call) -> Answer:
        with self._open(call) as records:
            _found(records, call)
            records.delete(call.path["key"])
        return Answer(204, None)

    def create_product(self, call: Call) -> Answer:
        sandbox = sandbox_of(self._sandboxes, call)
        with refusals(), sandbox.transaction() as draft:
            made = [*self._make(draft, sandbox, call.body)]
            draft.state = replace(draft.state, products_made=draft.state.products_made + 1)
        return Answer(201, {"records": made})

    def _make(self, draft: Draft, sandbox: Sandbox, given: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """The new goods as a record of every collection that shows goods."""
        catalog = _goods(sandbox, draft.state.products_made, given)
        variant = catalog.variant(0)[1]
        for vendor, contract in self._contracts.items():
            for name, base in contract.base_records.items():
                records, collection = Records(base, draft), base.collection
                for alias in collection.aliases:
                    if records.find(alias, getattr(variant, alias)) is not None:
                        raise Problem("exists", f"there is a product with this {alias} already")
                if number := collection.count(catalog):
                    record = collection.make(catalog, number - 1)
                    key = check(contract, name, record)
                    if records.get(key) is not None:
                        raise Problem("exists", f"{vendor}/{name} has a {key} already")
                    records.put(record)
                    yield {"vendor": vendor, "collection": name, "key": key, "record": record}

    def _put(self, records: Records, call: Call, record: Record) -> Record:
        contract, collection = self._contract(call), call.path["collection"]
        check(contract, collection, record, call.path["key"])
        refuse_doubles(records, contract, collection, record)
        records.put(record)
        return record

    @contextmanager
    def _open(self, call: Call) -> Iterator[Records]:
        """The collection that a call is about; what is changed counts if nothing is refused."""
        base = self._contract(call).base_records.get(call.path["collection"])
        if base is None:
            raise Problem("not_found", f"{call.path['vendor']} has no collection {call.path['collection']}")
        with refusals(), sandbox_of(self._sandboxes, call).transaction() as draft:
            yield Records(base, draft)

    def _contract(self, call: Call) -> Contract:
        found = self._contracts.get(call.path["vendor"])
        if found is None:
            raise Problem("not_found", f"there is no vendor {call.path['vendor']}")
        return found


def _found(records: Records, call: Call) -> Record:
    record = records.get(call.path["key"])
    if record is None:
        raise Problem("not_found", "there is no such record")
    return record


def _goods(sandbox: Sandbox, nth: int, given: Mapping[str, Any]) -> Catalog:
    place = sandbox.catalog.locations()[0]
    fields: dict[str, Any] = {
        "sku": given["sku"],
        "price": Decimal(given.get("price", 10)).quantize(CENT),
        "stock": ((place, given.get("quantity", 0)),),
    }
    if "ean" in given:
        fields["ean"] = given["ean"]
    return sandbox.catalog.single_product(nth, given["name"], **fields)
