"""The press: a page of a list is, to the byte, what its records are as JSON; a wrong record is found out."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from mockserver import app
from mockserver.catalog.catalog import PERIOD, SeededCatalog
from mockserver.contract.contract import Contract
from mockserver.contract.page_template import PageTemplate, page_template_of
from mockserver.contract.response import ContractBroken, encode
from mockserver.store.base_records import BaseRecords, Page
from mockserver.store.records import Records
from mockserver.store.state import Draft, State
from mockserver.vendor_api.call import Answer, Call

SIZE = 3 * PERIOD + 1234
GOODS = SeededCatalog(42, SIZE)
CONTRACTS = {name: app.contract(app.load_vendor(name)) for name in app.vendor_names()}
NAMED = [
    (name, base)
    for name, contract in CONTRACTS.items()
    for base in contract.base_records.values()
    if base.collection.id_formats
]


def press() -> tuple[PageTemplate, Contract, BaseRecords]:
    contract = CONTRACTS["highlevel"]
    found = page_template_of(contract.spec.operations["get-list-inventory"].responses[200])
    assert found is not None
    return found, contract, contract.base_records["inventory"]


def call(contract: Contract, catalog: SeededCatalog = GOODS) -> Call:
    return Call(None, None, lambda purpose: b"", Draft(catalog, State()), contract.base_records)  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "base"), NAMED, ids=[name for name, _ in NAMED])
def test_a_record_that_looks_like_another_has_all_its_own_names(name: str, base: BaseRecords) -> None:
    catalog = SeededCatalog(42, 1_000_000)
    for number in (*range(0, SIZE, 97), PERIOD, 2 * PERIOD - 1, 500_000, 999_999):
        assert base.generate(catalog, number) == base.collection.make(catalog, number)
        assert [*base.generate(catalog, number)] == [*base.collection.make(catalog, number)], (
            "the order of keys"
        )


@pytest.mark.parametrize("start", [0, 1, 95, PERIOD - 10, 2 * PERIOD - 7, SIZE - 20])
def test_a_page_is_written_as_its_records_are(start: int) -> None:
    one, _, base = press()
    page = Page(base, GOODS, range(start, start + 20))
    body = {"inventory": page, "total": {"total": SIZE}}
    assert one.page(body) is page
    assert one.written(body, page) == encode({**body, "inventory": list(page)})


def test_every_awkward_name_is_written_as_it_is() -> None:
    one, _, base = press()
    page = Page(base, GOODS, range(2 * PERIOD))
    skus = "".join(str(item["sku"]) for item in page)
    assert all(awkward in skus for awkward in ("%", "/", "+", "ö", " "))
    assert one.written({"inventory": page, "total": {"total": 1}}, page) == encode(
        {"inventory": list(page), "total": {"total": 1}}
    )


def test_a_page_is_a_sequence_of_records() -> None:
    _, _, base = press()
    page = Page(base, GOODS, range(5, 25))
    assert (len(page), page[3], page[-1]) == (20, base.generate(GOODS, 8), base.generate(GOODS, 24))
    assert page[2:4] == [base.generate(GOODS, 7), base.generate(GOODS, 8)] == list(page)[2:4]
    with pytest.raises(IndexError):
        page[20]


def broken(**change: Any) -> Iterator[tuple[Contract, Page]]:
    """A contract whose goods look wrong from some number on."""
    contract = app.contract(app.load_vendor("highlevel"))
    base = contract.base_records["inventory"]
    catalog = SeededCatalog(7, SIZE)
    look = base.template(catalog, 11)
    look.update(change)
    yield contract, Page(base, catalog, range(5, 25))


@pytest.mark.parametrize("change", [{"availableQuantity": "many"}, {"updatedAt": "today"}, {"stray": 1}])
def test_a_record_that_the_spec_does_not_foresee_is_found_out(change: dict[str, Any]) -> None:
    for contract, page in broken(**change):
        operation = contract.spec.operations["get-list-inventory"]
        answer = Answer(200, {"inventory": page, "total": {"total": SIZE}})
        for _ in range(2):
            with pytest.raises(ContractBroken, match="inventory"):
                contract.response(answer, call(contract), operation)


@pytest.mark.parametrize("total", [{"total": -1}, {}, None])
def test_what_stands_around_the_records_is_checked_every_time(total: Any) -> None:
    _, contract, base = press()
    operation = contract.spec.operations["get-list-inventory"]
    page = Page(base, GOODS, range(20))
    good = Answer(200, {"inventory": page, "total": {"total": 1}})
    contract.response(good, call(contract), operation)
    with pytest.raises(ContractBroken, match="total"):
        contract.response(replace(good, body={**good.body, "total": total}), call(contract), operation)


def test_names_that_grow_out_of_their_form_are_found_out() -> None:
    """A look is checked with its last name too: here one digit too many."""
    _, contract, base = press()
    catalog = SeededCatalog(42, SIZE)
    catalog.product_of = lambda number: 2**24 + number if number >= PERIOD else number // 10 * 4  # type: ignore[method-assign]
    page = Page(base, catalog, range(0, 1))
    answer = Answer(200, {"inventory": page, "total": {"total": SIZE}})
    operation = contract.spec.operations["get-list-inventory"]
    written, _, _ = press()
    assert written.written(answer.body, page) is None
    assert contract.response(answer, call(contract, catalog), operation).status == 200, "this one is right"


def test_a_changed_record_is_on_its_page() -> None:
    _, _, base = press()
    records = Records(base, Draft(GOODS, State()))
    changed = {**records.at(7), "name": "Another"}
    records.put(changed)
    assert records[5:10][2] == changed


def test_names_that_stand_in_another_order_are_not_mixed_up() -> None:
    one, _, base = press()
    of = base.collection
    turned = dataclasses.replace(
        of,
        id_formats=dict(reversed(of.id_formats.items())),
        id_numbers=lambda catalog, number: tuple(reversed(of.id_numbers(catalog, number))),
    )
    page = Page(dataclasses.replace(base, collection=turned), SeededCatalog(42, SIZE), range(20))
    assert list(page) == list(Page(base, GOODS, range(20)))
    assert one.written({"inventory": page, "total": {"total": 1}}, page) is None
