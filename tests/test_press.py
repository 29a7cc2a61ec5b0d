"""The press: a page of a list is, to the byte, what its records are as JSON; a wrong record is found out."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from mockserver import app
from mockserver.catalog.catalog import PERIOD, Catalogue
from mockserver.contract.contract import Contract
from mockserver.contract.page_template import Press, press_of
from mockserver.contract.response import ContractBroken, encode
from mockserver.store.base_records import Page, Shelf
from mockserver.store.records import Records
from mockserver.store.state import Draft, State
from mockserver.vendor_api.call import Answer, Call

SIZE = 3 * PERIOD + 1234
GOODS = Catalogue(42, SIZE)
CONTRACTS = {name: app.contract(app.load_vendor(name)) for name in app.vendor_names()}
NAMED = [
    (name, shelf)
    for name, contract in CONTRACTS.items()
    for shelf in contract.shelves.values()
    if shelf.collection.named
]


def press() -> tuple[Press, Contract, Shelf]:
    contract = CONTRACTS["highlevel"]
    found = press_of(contract.spec.operations["get-list-inventory"].replies[200])
    assert found is not None
    return found, contract, contract.shelves["inventory"]


def call(contract: Contract, goods: Catalogue = GOODS) -> Call:
    return Call(None, None, lambda purpose: b"", Draft(goods, State()), contract.shelves)  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "shelf"), NAMED, ids=[name for name, _ in NAMED])
def test_a_record_that_looks_like_another_has_all_its_own_names(name: str, shelf: Shelf) -> None:
    goods = Catalogue(42, 1_000_000)
    for number in (*range(0, SIZE, 97), PERIOD, 2 * PERIOD - 1, 500_000, 999_999):
        assert shelf.one(goods, number) == shelf.collection.make(goods, number)
        assert [*shelf.one(goods, number)] == [*shelf.collection.make(goods, number)], "the order of keys"


@pytest.mark.parametrize("start", [0, 1, 95, PERIOD - 10, 2 * PERIOD - 7, SIZE - 20])
def test_a_page_is_written_as_its_records_are(start: int) -> None:
    one, _, shelf = press()
    page = Page(shelf, GOODS, range(start, start + 20))
    body = {"inventory": page, "total": {"total": SIZE}}
    assert one.page(body) is page
    assert one.written(body, page) == encode({**body, "inventory": list(page)})


def test_every_awkward_name_is_written_as_it_is() -> None:
    one, _, shelf = press()
    page = Page(shelf, GOODS, range(2 * PERIOD))
    skus = "".join(str(item["sku"]) for item in page)
    assert all(awkward in skus for awkward in ("%", "/", "+", "ö", " "))
    assert one.written({"inventory": page, "total": {"total": 1}}, page) == encode(
        {"inventory": list(page), "total": {"total": 1}}
    )


def test_a_page_is_a_sequence_of_records() -> None:
    _, _, shelf = press()
    page = Page(shelf, GOODS, range(5, 25))
    assert (len(page), page[3], page[-1]) == (20, shelf.one(GOODS, 8), shelf.one(GOODS, 24))
    assert page[2:4] == [shelf.one(GOODS, 7), shelf.one(GOODS, 8)] == list(page)[2:4]
    with pytest.raises(IndexError):
        page[20]


def broken(**change: Any) -> Iterator[tuple[Contract, Page]]:
    """A contract whose goods look wrong from some number on."""
    contract = app.contract(app.load_vendor("highlevel"))
    shelf = contract.shelves["inventory"]
    goods = Catalogue(7, SIZE)
    look = shelf.look(goods, 11)
    look.update(change)
    yield contract, Page(shelf, goods, range(5, 25))


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
    _, contract, shelf = press()
    operation = contract.spec.operations["get-list-inventory"]
    page = Page(shelf, GOODS, range(20))
    good = Answer(200, {"inventory": page, "total": {"total": 1}})
    contract.response(good, call(contract), operation)
    with pytest.raises(ContractBroken, match="total"):
        contract.response(replace(good, body={**good.body, "total": total}), call(contract), operation)


def test_names_that_grow_out_of_their_form_are_found_out() -> None:
    """A look is checked with its last name too: here one digit too many."""
    _, contract, shelf = press()
    goods = Catalogue(42, SIZE)
    goods.product_of = lambda number: 2**24 + number if number >= PERIOD else number // 10 * 4  # type: ignore[method-assign]
    page = Page(shelf, goods, range(0, 1))
    answer = Answer(200, {"inventory": page, "total": {"total": SIZE}})
    operation = contract.spec.operations["get-list-inventory"]
    written, _, _ = press()
    assert written.written(answer.body, page) is None
    assert contract.response(answer, call(contract, goods), operation).status == 200, "this one is right"


def test_a_changed_record_is_on_its_page() -> None:
    _, _, shelf = press()
    records = Records(shelf, Draft(GOODS, State()))
    changed = {**records.at(7), "name": "Another"}
    records.put(changed)
    assert records[5:10][2] == changed


def test_names_that_stand_in_another_order_are_not_mixed_up() -> None:
    one, _, shelf = press()
    of = shelf.collection
    turned = dataclasses.replace(
        of,
        named=dict(reversed(of.named.items())),
        numbers=lambda goods, number: tuple(reversed(of.numbers(goods, number))),
    )
    page = Page(dataclasses.replace(shelf, collection=turned), Catalogue(42, SIZE), range(20))
    assert list(page) == list(Page(shelf, GOODS, range(20)))
    assert one.written({"inventory": page, "total": {"total": 1}}, page) is None
