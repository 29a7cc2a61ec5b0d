"""Products in the control API: what each is called at each vendor, found by SKU, text or id."""

from typing import Any
from urllib.parse import quote

import httpx
import pytest
from msgspec.structs import replace

from mockserver import app
from mockserver.control.products.goods import Goods
from mockserver.control.products.search import START, Search
from mockserver.server.server import serving
from tests.conftest import decimals

VENDORS = {"highlevel", "merchantpro", "narvar", "sabi", "shoplazza"}


def found(api: httpx.Client, shop: str, **query: Any) -> list[dict[str, Any]]:
    """Return all products that fit a query, page by page."""
    products, after = [], {}
    while True:
        page = api.get(f"{shop}/products", params={**query, **after}).raise_for_status().json()
        products += page["products"]
        if page["next"] is None:
            return products
        after = {"after": page["next"]}


@pytest.mark.finding("C2")
def test_every_product_has_a_call_that_reads_it_at_every_vendor(
    api: httpx.Client, shop: str, sandbox: str
) -> None:
    access = api.get(shop).json()["credentials"]
    products = found(api, shop, limit=7)
    generated = [product for product in products if product["vendors"].keys() == VENDORS]
    assert len(generated) == 29, "all but the one of the pages"
    for product in (*products[:6], *generated[::6]):
        for vendor, listing in product["vendors"].items():
            answer = api.get(listing["url"], headers=access[vendor]["headers"])
            assert answer.status_code == 200, (product, answer.text)
            assert listing["url"].endswith(f"/{vendor}{listing['path']}")
            for value in listing["ids"].values():
                assert str(value) in answer.text, (vendor, answer.text)
            record = api.get(f"{shop}/records/{vendor}/{listing['collection']}/{quote(listing['key'], '')}")
            assert record.status_code == 200


@pytest.mark.finding("C2")
def test_shoplazza_shows_no_sku_but_its_product_is_found_by_it(api: httpx.Client, shop: str) -> None:
    sku = api.get(f"{shop}/records/merchantpro/inventory/10006").json()["sku"]
    (product,) = found(api, shop, sku=sku)
    assert product["sku"] == sku
    ids = product["vendors"]["shoplazza"]["ids"]
    record = api.get(f"{shop}/records/shoplazza/products/{ids['product_id']}").json()
    stocks = {
        variant["variant_id"]: sum(item["stock"] for item in variant["location_items"])
        for variant in record["variants"]
    }
    assert stocks[ids["variant_id"]] == api.get(f"{shop}/records/merchantpro/inventory/10006").json()["stock"]
    (same,) = found(api, shop, q=ids["product_id"], sku=sku)
    assert same == product


@pytest.mark.finding("C2")
@pytest.mark.parametrize("text", ["TSHIRT-MED-001", "tshirt-med", "MEDIUM T", "6241712be68f7a98102ba270"])
def test_product_of_a_page_is_found_by_part_of_sku_or_name_and_by_id(
    api: httpx.Client, shop: str, text: str
) -> None:
    assert "TSHIRT-MED-001" in [product["sku"] for product in found(api, shop, q=text)]


def test_generated_product_is_found_by_name_ean_and_id(api: httpx.Client, shop: str) -> None:
    (product,) = found(api, shop, q="10010")
    assert product["vendors"]["merchantpro"]["key"] == "10010"
    for text in (product["name"].upper(), product["ean"], product["sku"][2:].lower()):
        assert product in found(api, shop, q=text), text
    assert found(api, shop, q="nothing like this") == found(api, shop, sku="x") == []


@pytest.mark.finding("C2")
def test_added_product_is_one_product_at_all_vendors(api: httpx.Client, shop: str) -> None:
    for sku in ("LAMP-1", "LAMP-2"):
        body = {"sku": sku, "name": "Desk lamp", "ean": f"208000009999{sku[-1]}"}
        api.post(f"{shop}/products", json=body).raise_for_status()
    first, second = found(api, shop, q="desk LAMP", limit=1)
    assert (first["sku"], second["sku"]) == ("LAMP-1", "LAMP-2")
    assert first["ean"] == "2080000099991" and "Desk lamp" in first["name"]
    assert first["vendors"].keys() == VENDORS
    record = {**api.get(f"{shop}/records/sabi/products/1001").json(), "productId": "7", "name": "Alone"}
    api.post(f"{shop}/records/sabi/products", json=record).raise_for_status()
    (alone,) = found(api, shop, q="alone")
    assert (alone["sku"], alone["vendors"].keys()) == (None, {"sabi"})
    assert [product["name"] for product in found(api, shop)[-3:]] == [first["name"], second["name"], "Alone"]


@pytest.mark.finding("C2")
def test_changed_and_deleted_records_are_reflected(api: httpx.Client, shop: str) -> None:
    (product,) = found(api, shop, q="10010")
    api.patch(f"{shop}/records/merchantpro/inventory/10010", json={"sku": "NEW-1"}).raise_for_status()
    (changed,) = found(api, shop, sku="NEW-1")
    assert changed["vendors"]["merchantpro"]["ids"]["sku"] == "NEW-1"
    assert changed["sku"] == product["sku"]
    assert found(api, shop, sku=product["sku"]) == found(api, shop, q="new-1") == [changed]
    for vendor, listing in product["vendors"].items():
        api.delete(f"{shop}/records/{vendor}/{listing['collection']}/{listing['key']}").raise_for_status()
        now = found(api, shop, sku=product["sku"])
        assert all(vendor not in one["vendors"] for one in now)
    assert found(api, shop, sku=product["sku"]) == []


def test_page_that_does_not_exist_is_refused(api: httpx.Client, shop: str) -> None:
    for query in ({"after": "x"}, {"after": "goods-1"}, {"limit": 0}, {"limit": 1001}, {"sku": ""}, {"s": 1}):
        assert api.get(f"{shop}/products", params=query).status_code == 400
    assert api.get("/_mock/sandboxes/nobody/products").status_code == 404


@pytest.mark.finding("C2")
def test_search_in_ten_million_products_makes_only_those_that_are_shown() -> None:
    mock = app.build(products=10_000_000)
    contracts = {contract.vendor.name: contract for contract in mock.contracts}
    goods = Goods(mock.sandboxes.get("demo"), contracts)
    made = []
    generated = goods.generated

    def counted(numbers: Any) -> Any:
        def watched() -> Any:
            for number in numbers:
                made.append(number)
                yield number

        return generated(watched())

    goods.generated = counted  # type: ignore[method-assign]
    found = [good.sku for good in Search(goods, None, "9999990").after(START)]
    assert any(sku.endswith("9999990") for sku in found), "others have it as their id"
    last = Search(goods, None, None).after((1, 9_999_990))
    assert [good.place for good in last] == [(1, number) for number in range(9_999_991, 9_999_999)]
    assert len(made) == len(found) + 8 < 20


def test_keys_are_made_for_products_that_exist_and_not_for_deleted_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An import may set how many products have been made. Each key takes as long as a record."""
    mock = app.build()
    contracts = {contract.vendor.name: contract for contract in mock.contracts}
    sandbox = mock.sandboxes.create("shop")
    sandbox.state = replace(sandbox.state, products_made=999_999)
    with serving(mock.application) as url:
        added = httpx.post(f"{url}/_mock/sandboxes/shop/products", json={"sku": "LAMP", "name": "Lamp"})
        assert added.status_code == 201
    made = []
    add_key = Goods._added_key
    monkeypatch.setattr(Goods, "_added_key", lambda *args: made.append(args) or add_key(*args))
    goods = Goods(sandbox, contracts)
    (lamp,) = goods.added()
    assert (lamp.place, lamp.names.keys()) == ((2, 999_999), VENDORS)
    assert [*goods.records()] == []
    assert len(made) <= len(VENDORS)


def test_numbers_keep_their_digits(api: httpx.Client, shop: str) -> None:
    assert decimals(api.get(f"{shop}/products?limit=1").text)["products"][0]["sku"] == "TSHIRT-MED-001"
