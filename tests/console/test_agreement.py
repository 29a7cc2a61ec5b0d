"""The page Agreement: products across the vendors, those that differ first."""

from typing import Any

import httpx
import pytest
from bs4 import BeautifulSoup, Tag

from mockserver.console.pages.sandbox.agreement import odd_ones
from tests.console.html import page, submit
from tests.control.products.test_agreement import depot

__all__ = ["depot"]  # a fixture

SHOWS = {
    "HighLevel": "SKU, stock, price",
    "MerchantPro": "SKU, stock, price",
    "Narvar": "SKU, stock, price",
    "Sabi Trace": "stock, price",
    "Shoplazza": "SKU, stock, price",
}
VENDORS = [*SHOWS]


@pytest.fixture
def shop(api: httpx.Client, sandbox: str) -> str:
    """Return the path of a new sandbox with 30 products and a lamp."""
    api.post("/_mock/sandboxes", json={"name": sandbox, "products": 30}).raise_for_status()
    lamp = {"sku": "LAMP-1", "name": "Lamp", "price": 12.5, "quantity": 3}
    api.post(f"/_mock/sandboxes/{sandbox}/products", json=lamp).raise_for_status()
    return f"/sandboxes/{sandbox}/agreement"


def cells(row: Tag) -> dict[str, str]:
    """Return what a row says of each vendor, with its whitespace normalized."""
    found = {}
    for name, cell in zip(VENDORS, row.select("td"), strict=True):
        for label in cell.select(".vendor-name"):
            label.extract()
        found[name] = " ".join(cell.text.split())
    return found


def row_of(shown: BeautifulSoup, name: str) -> Tag:
    (row,) = (row for row in shown.select("tbody tr") if row.select_one(".product-name").text == name)  # type: ignore[union-attr]
    return row


def test_heads_of_the_columns_say_what_each_vendor_can_show(api: httpx.Client, shop: str) -> None:
    heads = page(api, shop).select("thead th")[1:]
    shown = {str(head.contents[0]): head.select_one(".shows").text for head in heads}  # type: ignore[union-attr]
    assert shown == SHOWS


def test_stock_price_and_what_is_not_shown(api: httpx.Client, client: httpx.Client, shop: str) -> None:
    shown = page(api, shop + "?q=lamp")
    assert "✓ no difference" in shown.text
    assert cells(row_of(shown, "Lamp")) == {
        "HighLevel": "3 in stock 12.5",
        "MerchantPro": "3 in stock 12.50",
        "Narvar": "3 in stock 12.50",
        "Sabi Trace": "3 in stock 12.50",
        "Shoplazza": "3 in stock 12.50",
    }
    change = {"inventory_enabled": "off", "price_gross": 13}
    client.patch("/api/v2/inventory/sku/LAMP-1", json=change, auth=("demo", "")).raise_for_status()
    shown = page(api, shop + "?q=lamp")
    row = row_of(shown, "Lamp")
    assert [badge.text for badge in row.select(".badge")] == ["≠ price"]
    assert cells(row)["MerchantPro"] == "no stock shown ≠ differs: 13.00"
    assert "≠ 1 differs" in shown.text


def test_those_that_differ_come_first_and_the_odd_one_is_marked(
    api: httpx.Client, client: httpx.Client, shop: str, sandbox: str
) -> None:
    stock = client.patch("/api/v2/inventory/sku/LAMP-1", json={"stock": 7}, auth=("demo", ""))
    stock.raise_for_status()
    api.delete(f"/_mock/sandboxes/{sandbox}/records/sabi/products/1002").raise_for_status()
    shown = page(api, shop)
    first, second = shown.select("tbody tr")[:2]
    assert [badge.text for badge in first.select(".badge")] == ["≠ missing"]
    assert cells(first)["Sabi Trace"] == "✕ deleted"
    assert cells(second)["MerchantPro"] == "≠ differs: 7 in stock 12.50"
    assert len(second.select(".odd")) == 1
    assert "≠ 2 differ" in shown.text


def test_record_of_one_vendors_page_is_not_missed_elsewhere(api: httpx.Client, shop: str) -> None:
    row = row_of(page(api, shop), "Organic Apple")
    shown = cells(row)
    assert shown.pop("Sabi Trace") == "50 in stock 1.00"
    assert all(text.endswith("none") for text in shown.values())
    assert row["class"] == ["agrees"]


def test_form_finds_products_and_those_that_differ(api: httpx.Client, shop: str, sandbox: str) -> None:
    form = page(api, shop).select_one("form[role=search]")
    assert form
    form["action"] = f"/_mock/ui{shop}"
    found = BeautifulSoup(submit(api, form, q="LAMP-1").text, "html.parser")
    assert [one.text for one in found.select(".product-name")] == ["Lamp"]
    nothing = page(api, shop + "?q=lamp&differing=1")
    assert "No product that differs matches “lamp”" in nothing.text
    assert "All vendors agree" in page(api, shop + "?differing=1").text
    api.delete(f"/_mock/sandboxes/{sandbox}/records/sabi/products/1002").raise_for_status()
    differing = page(api, shop + "?differing=1")
    assert len(differing.select("tbody tr")) == 1


def test_pages(api: httpx.Client, shop: str) -> None:
    first = page(api, shop)
    following = first.select_one("a[rel=next]")
    assert following and len(first.select("tbody tr")) == 25
    second = page(api, str(following["href"]).removeprefix("/_mock/ui"))
    names = [row.text for shown in (first, second) for row in shown.select("tbody tr")]
    assert len(names) == 39 and not second.select("a[rel=next]")
    assert "Lamp" in second.text


def test_vendor_of_the_users_own_has_a_column(depot: tuple[str, bool]) -> None:
    url, lists = depot
    with httpx.Client(base_url=url) as api:
        shown = page(api, "/sandboxes/demo/agreement")
        (head,) = (head for head in shown.select("thead th") if str(head.contents[0]) == "Depot")
        assert head.select_one(".shows").text == ("SKU, stock, price" if lists else "lists no products")  # type: ignore[union-attr]


def test_sandbox_that_is_not_there(api: httpx.Client) -> None:
    assert "There is no sandbox nobody" in page(api, "/sandboxes/nobody/agreement", 404).text


def compared(differs: list[str], **stocks: Any) -> dict[str, Any]:
    vendors = {vendor: {"sku": None, "stock": stock, "price": None} for vendor, stock in stocks.items()}
    return {"differs": differs, "vendors": vendors}


@pytest.mark.parametrize(
    ("stocks", "odd"),
    [
        ({"a": 1, "b": 1, "c": 2}, {"c"}),
        ({"a": 1, "b": 2}, {"a", "b"}),
        ({"a": 1, "b": 1, "c": 2, "d": 2}, {"a", "b", "c", "d"}),
        ({"a": 1, "b": 1, "c": 2, "d": None}, {"c"}),
        ({"a": 1, "b": 1, "c": 2, "d": 3}, {"c", "d"}),
        ({"a": -8, "b": 0, "c": 0, "d": 1}, {"d"}),
        ({"a": -8, "b": -8, "c": 0, "d": -3}, {"d"}),
    ],
)
def test_what_most_vendors_show_is_not_odd(stocks: dict[str, int | None], odd: set[str]) -> None:
    assert odd_ones(compared(["stock"], **stocks))["stock"] == odd
    assert odd_ones(compared([], **stocks))["stock"] == set()
