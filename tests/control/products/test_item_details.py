"""Agreement compares what only operations beside a vendor's page show, and stock below zero."""

from urllib.parse import quote

import httpx
import pytest

from tests.control.products.test_agreement import Record, agreement, made_at, product

HIGHLEVEL = {"Authorization": "Bearer demo", "Version": "2021-07-28"}
SHOPLAZZA = {"access-token": "demo"}


def write(client: httpx.Client, shown: Record, vendor: str, change: Record) -> None:
    """Change a product at HighLevel or Shoplazza with an operation that is not on the vendor's page."""
    item = shown["vendors"][vendor]["item"]
    if vendor == "shoplazza":
        path, headers, body = f"/openapi/2022-01/variants/{item}", SHOPLAZZA, {"variant": change}
    else:
        listed = f"/products/inventory?altId=x&altType=location&search={quote(shown['sku'], '')}"
        (found,) = client.get(listed, headers=HIGHLEVEL).json()["inventory"]
        path, headers = f"/products/{found['product']}/price/{item}", HIGHLEVEL
        whole = {"name": found["name"], "type": "one_time", "currency": "USD", "amount": 12.5}
        body = {**whole, "locationId": "x", **change}
    client.put(path, json=body, headers=headers).raise_for_status()


@pytest.mark.parametrize("sku", ["DRESS-BLA-XL-0001", "LAMP-1"], ids=["generated", "added"])
@pytest.mark.parametrize(
    ("vendor", "change", "differs"),
    [
        ("highlevel", {"amount": 99}, ["price"]),
        ("highlevel", {"amount": 99, "sku": "OTHER"}, ["sku", "price"]),
        ("shoplazza", {"price": "99.01"}, ["price"]),
        ("shoplazza", {"sku": "OTHER"}, ["sku"]),
        ("shoplazza", {"sku": "OTHER", "price": "1", "inventory_quantity": 99}, ["sku", "stock", "price"]),
        ("shoplazza", {"compare_at_price": "99.01"}, []),
    ],
)  # fmt: skip
def test_price_and_sku_are_compared_where_only_other_operations_show_them(
    api: httpx.Client, client: httpx.Client, shop: str, lamp: dict[str, str], sku: str, vendor: str,
    change: Record, differs: list[str],
) -> None:  # fmt: skip
    write(client, product(api, shop, sku), vendor, change)
    found = agreement(api, shop, sku=sku)["products"][0]
    assert found["differs"] == differs
    assert agreement(api, shop, differing=True)["products"] == ([found] if differs else [])
    if "sku" in change:
        (other,) = agreement(api, shop, sku="OTHER")["products"]
        assert (other, other["vendors"][vendor]["sku"]) == (found, "OTHER")


def test_vendor_whose_price_is_gone_is_left_out_of_it(
    api: httpx.Client, shop: str, lamp: dict[str, str]
) -> None:
    price = lamp["highlevel"].replace("/inventory/", "/prices/")
    api.patch(price, json={"amount": 1}).raise_for_status()
    assert product(api, shop, "LAMP-1")["differs"] == ["price"]
    api.delete(price).raise_for_status()
    found = product(api, shop, "LAMP-1")
    assert (found["differs"], found["vendors"]["highlevel"]["price"]) == ([], None)


def test_product_is_matched_by_the_sku_of_its_variant_at_shoplazza(
    api: httpx.Client, client: httpx.Client, shop: str
) -> None:
    (page,) = agreement(api, shop, sku="IPOD2008GREEN")["products"]
    assert ([*page["vendors"]], page["differs"]) == (["shoplazza"], [])
    made_at(api, shop, "merchantpro", 777, "IPOD2008GREEN", stock=1)
    found = product(api, shop, "IPOD2008GREEN")
    assert ([*found["vendors"]], found["differs"]) == (["merchantpro", "shoplazza"], ["price"])


def test_stock_below_zero_agrees_with_zero_and_with_nothing_else(api: httpx.Client, sandbox: str) -> None:
    """Back-orders have oversold the generated item 10048. Three vendors know no stock below zero."""
    api.post("/_mock/sandboxes", json={"name": sandbox, "products": 60}).raise_for_status()
    shop = f"/_mock/sandboxes/{sandbox}"

    def shown() -> tuple[list[str], dict[str, int]]:
        (found,) = agreement(api, shop, sku="SWEATER-TEA-M-0045")["products"]
        return found["differs"], {vendor: cell["stock"] for vendor, cell in found["vendors"].items()}

    begin = {"highlevel": -8, "merchantpro": -8, "narvar": 0, "sabi": 0, "shoplazza": 0}
    assert shown() == ([], begin)
    assert agreement(api, shop)["differing"] == 0
    merchantpro = f"{shop}/records/merchantpro/inventory/10048"
    api.patch(merchantpro, json={"stock": -7}).raise_for_status()
    assert shown() == (["stock"], {**begin, "merchantpro": -7})
    api.patch(merchantpro, json={"stock": 0}).raise_for_status()
    assert shown() == ([], {**begin, "merchantpro": 0})
    api.patch(merchantpro, json={"stock": 1}).raise_for_status()
    assert shown() == (["stock"], {**begin, "merchantpro": 1})
