"""Agreement: which products the vendors show with different SKU, stock or price."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from mockserver import app
from mockserver.control.products.agreement import Agreement
from mockserver.control.products.goods import Goods
from mockserver.data.store.records import Records
from mockserver.server.server import serving
from tests.conftest import ROOT, decimals
from tests.test_docs import blocks

SHOWS = {
    "highlevel": ["sku", "stock", "price"],
    "merchantpro": ["sku", "stock", "price"],
    "narvar": ["sku", "stock", "price"],
    "sabi": ["stock", "price"],
    "shoplazza": ["sku", "stock", "price"],
}
Record = dict[str, Any]
Edit = Callable[[Record], Any]


def agreement(api: httpx.Client, shop: str, **query: Any) -> dict[str, Any]:
    response = api.get(f"{shop}/agreement", params=query).raise_for_status()
    answer: dict[str, Any] = decimals(response.text)
    return answer


def product(api: httpx.Client, shop: str, sku: str) -> dict[str, Any]:
    (found,) = agreement(api, shop, sku=sku)["products"]
    assert isinstance(found, dict)
    return found


def edit(api: httpx.Client, path: str, change: Edit) -> None:
    record = api.get(path).json()
    change(record)
    api.put(path, json=record).raise_for_status()


def all_pages(api: httpx.Client, shop: str, **query: Any) -> list[dict[str, Any]]:
    products, after = [], {}
    while True:
        page = agreement(api, shop, **query, **after)
        products += page["products"]
        if page["next"] is None:
            return products
        after = {"after": page["next"]}


def test_vendors_agree_at_first(api: httpx.Client, shop: str) -> None:
    answer = agreement(api, shop, limit=1000)
    assert (answer["differing"], answer["next"], answer["shows"]) == (0, None, SHOWS)
    listed = api.get(f"{shop}/products?limit=1000").json()["products"]
    assert [one["name"] for one in answer["products"]] == [one["name"] for one in listed]
    everywhere = [one for one in answer["products"] if len(one["vendors"]) == len(SHOWS)]
    assert len(everywhere) == 29
    for one in everywhere:
        for vendor, cell in one["vendors"].items():
            shown = {part for part in ("sku", "stock", "price") if cell[part] is not None}
            not_tracked = {"stock"} if vendor == "merchantpro" and cell["stock"] is None else set()
            assert shown | not_tracked == set(SHOWS[vendor]), (vendor, cell)
        assert len({cell["stock"] for cell in one["vendors"].values()} - {None}) == 1


def test_product_is_shown_with_its_record_and_values_at_each_vendor(
    api: httpx.Client, shop: str, lamp: dict[str, str]
) -> None:
    found = product(api, shop, "LAMP-1")
    assert (found["sku"], found["name"], found["differs"], found["missing"]) == ("LAMP-1", "Lamp", [], [])
    for vendor, cell in found["vendors"].items():
        values = {"sku": "LAMP-1", "stock": 3, "price": decimals("12.50")}
        shown = {part: values[part] if part in SHOWS[vendor] else None for part in values}
        assert {part: cell[part] for part in values} == shown
        assert lamp[vendor].endswith(f"/{cell['collection']}/{quote(cell['key'], '')}")


def second_location(record: Record) -> None:
    """Move one piece of a Shoplazza product to another location."""
    (first,) = record["variants"][0]["location_items"]
    record["variants"][0]["location_items"] = [
        {**first, "stock": first["stock"] - 1}, {"location_id": first["location_id"] + 1, "stock": 1}
    ]  # fmt: skip


def second_row(record: Record, **fields: Any) -> None:
    """Move one piece of a Narvar item to another location, whose row has these fields too."""
    (first,) = record["inventory"]
    rows = [{"available_quantity": 2}, {"location_id": "7", "available_quantity": 1, **fields}]
    record["inventory"] = [{**first, **row} for row in rows]


def row(**fields: Any) -> Edit:
    return lambda record: record["inventory"][0].update(fields)


def warehouses(*stocks: int) -> Edit:
    places = [{"id": n, "name": str(n), "stock": stock} for n, stock in enumerate(stocks)]
    return lambda record: record.update(stock=0, warehouses=places)


EDITS: list[tuple[str, str, Edit, list[str]]] = [
    ("highlevel", "quantity", lambda one: one.update(availableQuantity=4), ["stock"]),
    ("highlevel", "SKU", lambda one: one.update(sku="LAMP-2"), ["sku"]),
    ("highlevel", "another field", lambda one: one.update(name="Lump"), []),
    ("merchantpro", "stock", lambda one: one.update(stock=4), ["stock"]),
    ("merchantpro", "stock that is not shown", lambda one: one.update(stock=4, inventory_enabled="off"), []),
    ("merchantpro", "warehouses that add up to it", warehouses(1, 2), []),
    ("merchantpro", "warehouses that do not add up to it", warehouses(1, 1), ["stock"]),
    ("merchantpro", "gross price", lambda one: one.update(price_gross=12.51), ["price"]),
    ("merchantpro", "net price", lambda one: one.update(price_net=1), []),
    ("merchantpro", "the same price, spelt in another way", lambda one: one.update(price_gross=12.500), []),
    ("merchantpro", "SKU, stock and price", lambda one: one.update(sku="X", stock=0, price_gross=0),
     ["sku", "stock", "price"]),
    ("sabi", "quantity", lambda one: one.update(quantity=2), ["stock"]),
    ("sabi", "reserved, which is not shown", lambda one: one.update(reserved=2), []),
    ("sabi", "selling price", lambda one: one.update(sellingPrice=12), ["price"]),
    ("sabi", "cost price", lambda one: one.update(costPrice=12), []),
    ("sabi", "currency", lambda one: one.update(currencyCode="EUR"), []),
    ("shoplazza", "stock", lambda one: one["variants"][0]["location_items"][0].update(stock=9), ["stock"]),
    ("shoplazza", "no location", lambda one: one["variants"][0].update(location_items=[]), ["stock"]),
    ("shoplazza", "the same at two locations", second_location, []),
    ("shoplazza", "variant taken out", lambda one: one.update(variants=[]), ["missing"]),
    ("narvar", "quantity", row(available_quantity=0), ["stock"]),
    ("narvar", "threshold", row(stock_quantity=0), []),
    ("narvar", "SKU", row(sku="LAMP-9"), ["sku"]),
    ("narvar", "price", row(price="13.50"), ["price"]),
    ("narvar", "the same at two locations", second_row, []),
    ("narvar", "another price at another location", lambda one: second_row(one, price="12.60"), ["price"]),
    ("narvar", "row taken out", lambda one: one.update(inventory=[]), ["missing"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("vendor", "change", "differs"),
    [
        pytest.param(vendor, change, differs, id=f"{vendor}: {what}")
        for vendor, what, change, differs in EDITS
    ],
)
def test_change_at_one_vendor(
    api: httpx.Client, shop: str, lamp: dict[str, str], vendor: str, change: Edit, differs: list[str]
) -> None:
    edit(api, lamp[vendor], change)
    found = product(api, shop, "LAMP-1")
    assert found["differs"] == differs
    assert found["missing"] == ([vendor] if differs == ["missing"] else [])
    assert agreement(api, shop)["differing"] == bool(differs)


@pytest.mark.parametrize("vendor", SHOWS)
@pytest.mark.parametrize("kind", ["generated", "added"])
def test_product_that_a_vendor_has_deleted_is_missing_there(
    api: httpx.Client, shop: str, lamp: dict[str, str], vendor: str, kind: str
) -> None:
    (generated,) = api.get(f"{shop}/products?q=10010").json()["products"]
    sku = generated["sku"] if kind == "generated" else "LAMP-1"
    cell = product(api, shop, sku)["vendors"][vendor]
    api.delete(f"{shop}/records/{vendor}/{cell['collection']}/{quote(cell['key'], '')}").raise_for_status()
    found = product(api, shop, sku)
    assert (found["differs"], found["missing"], vendor in found["vendors"]) == (["missing"], [vendor], False)
    assert found in agreement(api, shop, differing=True, limit=1000)["products"]


def test_product_that_all_vendors_have_deleted_is_gone(
    api: httpx.Client, shop: str, lamp: dict[str, str]
) -> None:
    for path in lamp.values():
        api.delete(path).raise_for_status()
    answer = agreement(api, shop, sku="LAMP-1")
    assert (answer["products"], answer["differing"]) == ([], 0)


def test_several_prices_of_a_vendor_are_shown(api: httpx.Client, shop: str, lamp: dict[str, str]) -> None:
    edit(api, lamp["narvar"], lambda one: second_row(one, price="12.60"))
    cell = product(api, shop, "LAMP-1")["vendors"]["narvar"]
    assert (cell["price"], cell["prices"]) == (decimals("12.50"), decimals("[12.50, 12.60]"))


def test_write_of_a_client_differs_until_the_others_follow(
    api: httpx.Client, client: httpx.Client, shop: str, lamp: dict[str, str]
) -> None:
    written = client.patch("/api/v2/inventory/sku/LAMP-1", json={"stock": 7}, auth=("demo", ""))
    assert written.json()["stock"] == 7
    first = agreement(api, shop)["products"][0]
    assert (first["sku"], first["differs"]) == ("LAMP-1", ["stock"])
    stocks = {vendor: cell["stock"] for vendor, cell in first["vendors"].items()}
    assert stocks == {**dict.fromkeys(SHOWS, 3), "merchantpro": 7}
    edit(api, lamp["highlevel"], lambda one: one.update(availableQuantity=7))
    edit(api, lamp["sabi"], lambda one: one.update(quantity=7))
    edit(api, lamp["narvar"], row(available_quantity=7))
    assert product(api, shop, "LAMP-1")["differs"] == ["stock"]
    edit(api, lamp["shoplazza"], lambda one: one["variants"][0]["location_items"][0].update(stock=7))
    assert product(api, shop, "LAMP-1")["differs"] == []


def made_at(api: httpx.Client, shop: str, vendor: str, key: Any, sku: str, stock: int = 3) -> None:
    """Create a record at one vendor only, as a copy of its page's record."""
    collection, name = {"highlevel": ("inventory", "_id"), "merchantpro": ("inventory", "id")}[vendor]
    records = f"{shop}/records/{vendor}/{collection}"
    record = api.get(f"{records}?limit=1").json()["records"][0]
    quantity = {"availableQuantity": stock} if vendor == "highlevel" else {"stock": stock, "ean": None}
    api.post(records, json={**record, name: key, "sku": sku, **quantity}).raise_for_status()


def test_records_with_one_sku_are_one_product(api: httpx.Client, shop: str) -> None:
    made_at(api, shop, "merchantpro", 777, "VASE-1")
    alone = product(api, shop, "VASE-1")
    assert (alone["missing"], alone["differs"], [*alone["vendors"]]) == ([], [], ["merchantpro"])
    made_at(api, shop, "highlevel", "a" * 24, "VASE-1", stock=4)
    assert product(api, shop, "VASE-1")["differs"] == ["stock"]
    made_at(api, shop, "highlevel", "b" * 24, "VASE-1", stock=4)
    both = agreement(api, shop, sku="VASE-1")["products"]
    assert [[*one["vendors"]] for one in both] == [["highlevel", "merchantpro"], ["highlevel"]]


@pytest.mark.parametrize("kind", ["generated", "added"])
def test_record_that_is_made_anew_takes_its_old_place(
    api: httpx.Client, shop: str, lamp: dict[str, str], kind: str
) -> None:
    (generated,) = api.get(f"{shop}/products?q=10004").json()["products"]
    sku, number = generated["sku"] if kind == "generated" else "LAMP-1", len(all_pages(api, shop))
    cell = product(api, shop, sku)["vendors"]["merchantpro"]
    path = f"{shop}/records/merchantpro/inventory/{cell['key']}"
    record = api.get(path).json()
    api.delete(path).raise_for_status()
    api.post(f"{shop}/records/merchantpro/inventory", json={**record, "id": 777}).raise_for_status()
    found = product(api, shop, sku)
    assert (found["differs"], found["vendors"]["merchantpro"]["key"]) == ([], "777")
    assert len(all_pages(api, shop)) == number
    api.patch(f"{shop}/records/merchantpro/inventory/777", json={"price_gross": 1}).raise_for_status()
    assert product(api, shop, sku)["differs"] == ["price"]


def test_those_that_differ_come_first_on_pages_of_any_size(
    api: httpx.Client, shop: str, lamp: dict[str, str]
) -> None:
    for key in (10020, 10005):
        record = {"stock": 1000, "inventory_enabled": "on", "warehouses": []}
        api.patch(f"{shop}/records/merchantpro/inventory/{key}", json=record).raise_for_status()
    edit(api, lamp["sabi"], lambda one: one.update(quantity=2))
    whole = agreement(api, shop, limit=1000)["products"]
    keys = [one["vendors"]["merchantpro"]["key"] for one in whole[:2]]
    assert (keys, whole[2]["sku"]) == (["10005", "10020"], "LAMP-1")
    assert [bool(one["differs"]) for one in whole] == [True] * 3 + [False] * (len(whole) - 3)
    for limit in (1, 2, 3, 7):
        assert all_pages(api, shop, limit=limit) == whole
        assert all_pages(api, shop, limit=limit, differing=True) == whole[:3]


def test_filters_apply_to_both_parts(api: httpx.Client, shop: str, lamp: dict[str, str]) -> None:
    edit(api, lamp["sabi"], lambda one: one.update(quantity=2))
    for query in ({"q": "lamp"}, {"q": "mp-1"}, {"sku": "LAMP-1"}, {"sku": "LAMP-1", "q": "Lam"}):
        answer = agreement(api, shop, **query)
        assert ([one["sku"] for one in answer["products"]], answer["differing"]) == (["LAMP-1"], 1)
    (generated,) = api.get(f"{shop}/products?q=10004").json()["products"]
    for text in (generated["sku"], generated["name"].upper(), "10004"):
        answer = agreement(api, shop, q=text)
        assert generated["sku"] in [one["sku"] for one in answer["products"]]
        assert answer["differing"] == 0
    api.patch(f"{shop}/records/sabi/products/1002", json={"quantity": 1000}).raise_for_status()
    for text in (generated["sku"], generated["name"], "1002", "10004"):
        assert agreement(api, shop, q=text)["products"][0]["differs"] == ["stock"]
    assert agreement(api, shop, q="no such thing")["products"] == []


@pytest.mark.parametrize(
    "query",
    ["after=x", "after=agreeing-goods-1", "after=generated-1", "limit=0", "limit=1001", "sku=", "s=1"],
)
def test_query_that_cannot_be_read_is_refused(api: httpx.Client, shop: str, query: str) -> None:
    assert api.get(f"{shop}/agreement?{query}").status_code == 400
    assert api.get("/_mock/sandboxes/nobody/agreement").status_code == 404


def test_only_changed_records_are_compared() -> None:
    mock = app.build(products=10_000_000)
    contracts = {contract.vendor.name: contract for contract in mock.contracts}
    sandbox = mock.sandboxes.get("demo")
    with sandbox.transaction() as draft:
        records = Records(contracts["sabi"].base_records["products"], draft)
        for key in ("1002", "9000000"):
            record = records.get(key)
            assert record
            records.put({**record, "quantity": 1000})
    goods = Goods(sandbox, contracts)
    made: list[int] = []
    generated = goods.generated
    goods.generated = lambda numbers: generated(made.append(one) or one for one in numbers)  # type: ignore[assignment,method-assign,func-returns-value]
    agreement = Agreement(goods)
    differing = agreement.differing(agreement.search(None, None))
    assert [one.good.place for one in differing] == [(1, 0), (1, 8_998_998)]
    assert len(made) == 2


def test_agreement_is_found_once_until_a_record_changes(
    api: httpx.Client, client: httpx.Client, shop: str, lamp: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[object] = []
    candidates = Agreement._candidates
    monkeypatch.setattr(Agreement, "_candidates", lambda self: compared.append(self) or candidates(self))
    edit(api, lamp["sabi"], lambda one: one.update(quantity=2))
    for query in ({}, {"q": "lamp"}, {"sku": "none"}, {"differing": True}):
        assert agreement(api, shop, **query)["differing"] == (0 if query == {"sku": "none"} else 1)
        client.get("/api/v2/inventory/sku/LAMP-1", auth=("demo", "")).raise_for_status()
    assert len(compared) == 1
    api.put(f"{shop}/snapshots/two").raise_for_status()
    edit(api, lamp["sabi"], lambda one: one.update(quantity=3))
    assert agreement(api, shop)["differing"] == 0
    api.post(f"{shop}/snapshots/two/restore").raise_for_status()
    assert agreement(api, shop)["differing"] == 1
    api.post(f"{shop}/reset").raise_for_status()
    assert agreement(api, shop, sku="LAMP-1")["products"] == []
    assert len(compared) == 4


DEPOT = {
    block.kind.partition("file=")[2]: block.text
    for block in blocks((ROOT / "docs" / "add-a-vendor.md").read_text())
    if "file=" in block.kind
}


@pytest.fixture(params=["items", "no items"])
def depot(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, bool]]:
    """Yield the URL of a server with the vendor of the how-to, and True if it lists its products."""
    for name, text in DEPOT.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text if request.param == "items" else text.replace("items=items,", ""))
    with serving(app.build(products=10, vendors_from=tmp_path).application) as url:
        yield url, request.param == "items"


def test_vendor_of_the_users_own_is_compared_as_far_as_it_lists_its_products(depot: tuple[str, bool]) -> None:
    url, lists = depot
    with httpx.Client(base_url=url) as api:
        shop = "/_mock/sandboxes/demo"
        answer = agreement(api, shop, limit=1000)
        assert answer["shows"] == {**SHOWS, "depot": ["sku", "stock", "price"] if lists else []}
        assert answer["differing"] == 0
        sku = answer["products"][-1]["sku"]
        api.patch(f"{shop}/records/depot/articles/{quote(sku, '')}", json={"price": 1}).raise_for_status()
        assert product(api, shop, sku)["differs"] == (["price"] if lists else [])
