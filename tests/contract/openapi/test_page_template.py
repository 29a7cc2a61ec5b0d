"""Page templates give the same bytes as encoding the records one by one, and validate them too."""

import dataclasses
from typing import Any

import pytest
from msgspec.structs import replace

from mockserver import app
from mockserver.contract.contract import Contract
from mockserver.contract.openapi.page_template import PageTemplate, page_template_of
from mockserver.contract.response import ContractBroken
from mockserver.data.catalog.catalog import PERIOD, SeededCatalog
from mockserver.data.store.base_records import BaseRecords, Page
from mockserver.data.store.records import Records
from mockserver.data.store.state import Draft, State
from mockserver.vendor_api.answer import Answer
from mockserver.vendor_api.call import Call
from mockserver.vendor_api.json_text import encode

SIZE = 3 * PERIOD + 1234
CATALOG = SeededCatalog(42, SIZE)
CONTRACTS = {name: app.load_contract(name) for name in app.vendor_names()}
TEMPLATED = [
    (name, base)
    for name, contract in CONTRACTS.items()
    for base in contract.base_records.values()
    if base.collection.id_formats
]
LIST = "get-list-inventory"


def inventory() -> tuple[PageTemplate, Contract, BaseRecords]:
    contract = CONTRACTS["highlevel"]
    template = page_template_of(contract.spec.operations[LIST].responses[200])
    assert template is not None
    return template, contract, contract.base_records["inventory"]


def call(contract: Contract, catalog: SeededCatalog = CATALOG) -> Call:
    return Call(None, None, lambda purpose: b"", Draft(catalog, State()), contract.base_records)  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "base"), TEMPLATED, ids=[name for name, _ in TEMPLATED])
def test_record_from_a_template_equals_the_record_from_the_catalog(name: str, base: BaseRecords) -> None:
    catalog = SeededCatalog(42, 1_000_000)
    last = base.collection.count(catalog) - 1  # there are fewer products than variants
    for number in (*range(0, SIZE, 97), PERIOD, 2 * PERIOD - 1, last // 2, last):
        made = base.collection.make(catalog, number)
        assert base.generate(catalog, number) == made
        assert [*base.generate(catalog, number)] == [*made], "the keys must be in the same order"


@pytest.mark.parametrize("start", [0, 1, 95, PERIOD - 10, 2 * PERIOD - 7, SIZE - 20])
def test_page_equals_the_json_of_its_records(start: int) -> None:
    template, _, base = inventory()
    page = Page(base, CATALOG, range(start, start + 20))
    body = {"inventory": page, "total": {"total": SIZE}}
    assert template.render(body, page) == encode({**body, "inventory": list(page)})


def test_page_templates_can_be_turned_off() -> None:
    plain = app.VendorFiles().contract("highlevel", page_templates=False)
    _, contract, base = inventory()
    answer = Answer(200, {"inventory": Page(base, CATALOG, range(20)), "total": {"total": SIZE}})
    operation = contract.spec.operations[LIST]
    assert plain.response(answer, call(plain), operation) == contract.response(
        answer, call(contract), operation
    )


def test_page_with_awkward_skus_equals_the_json_of_its_records() -> None:
    template, _, base = inventory()
    page = Page(base, CATALOG, range(2 * PERIOD))
    skus = "".join(str(item["sku"]) for item in page)
    assert all(awkward in skus for awkward in ("%", "/", "+", "ö", " "))
    body = {"inventory": page, "total": {"total": 1}}
    assert template.render(body, page) == encode({**body, "inventory": list(page)})


def test_page_is_a_sequence() -> None:
    _, _, base = inventory()
    page = Page(base, CATALOG, range(5, 25))
    records = [base.generate(CATALOG, number) for number in range(5, 25)]
    assert (len(page), page[3], page[-1]) == (20, records[3], records[-1])
    assert page[2:4] == records[2:4] == list(page)[2:4]
    with pytest.raises(IndexError):
        page[20]


@pytest.mark.parametrize("change", [{"availableQuantity": "many"}, {"updatedAt": "today"}, {"stray": 1}])
def test_invalid_record_is_detected(change: dict[str, Any]) -> None:
    contract, catalog = app.load_contract("highlevel"), SeededCatalog(7, SIZE)
    base = contract.base_records["inventory"]
    base.template(catalog, 11).update(change)
    answer = Answer(200, {"inventory": Page(base, catalog, range(5, 25)), "total": {"total": SIZE}})
    for _ in range(2):
        with pytest.raises(ContractBroken, match="inventory"):
            contract.response(answer, call(contract), contract.spec.operations[LIST])


@pytest.mark.parametrize("total", [{"total": -1}, {}, None])
def test_fields_around_the_page_are_checked_in_every_response(total: Any) -> None:
    _, contract, base = inventory()
    operation = contract.spec.operations[LIST]
    good = Answer(200, {"inventory": Page(base, CATALOG, range(20)), "total": {"total": 1}})
    contract.response(good, call(contract), operation)
    with pytest.raises(ContractBroken, match="total"):
        contract.response(replace(good, body={**good.body, "total": total}), call(contract), operation)


def test_page_is_encoded_record_by_record_if_an_id_is_too_long() -> None:
    """The last record of a template is checked too. Here, its id has one digit too many."""
    template, contract, base = inventory()
    catalog = SeededCatalog(42, SIZE)
    catalog.product_of = lambda number: 2**24 + number if number >= PERIOD else number // 10 * 4  # type: ignore[method-assign]
    page = Page(base, catalog, range(0, 1))
    answer = Answer(200, {"inventory": page, "total": {"total": SIZE}})
    assert template.render(answer.body, page) is None
    response = contract.response(answer, call(contract, catalog), contract.spec.operations[LIST])
    assert response.status == 200, "this record must be valid"


def test_page_contains_a_changed_record() -> None:
    _, _, base = inventory()
    records = Records(base, Draft(CATALOG, State()))
    changed = {**records.at(7), "name": "Another"}
    records.put(changed)
    assert records[5:10][2] == changed


def test_page_is_encoded_record_by_record_if_the_ids_are_reordered() -> None:
    template, _, base = inventory()
    collection = base.collection
    turned = dataclasses.replace(
        collection,
        id_formats=dict(reversed(collection.id_formats.items())),
        id_numbers=lambda catalog, number: tuple(reversed(collection.id_numbers(catalog, number))),
    )
    page = Page(dataclasses.replace(base, collection=turned), SeededCatalog(42, SIZE), range(20))
    assert template.render({"inventory": page, "total": {"total": 1}}, page) is None
