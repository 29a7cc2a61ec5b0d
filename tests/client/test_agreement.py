"""Agreement in the Python client."""

import httpx

from mockserver.client import Sandbox


def test_products_that_differ_are_found_and_come_first(mock_sandbox: Sandbox) -> None:
    assert list(mock_sandbox.agreement(differing=True)) == []
    mock_sandbox.add_product("LAMP-1", "Lamp", price=12.5, quantity=3)
    shop = mock_sandbox.vendors["merchantpro"]
    url = f"{shop.base_url}/api/v2/inventory/sku/LAMP-1"
    httpx.patch(url, headers=shop.headers, json={"stock": 7}).raise_for_status()
    (lamp,) = mock_sandbox.agreement(differing=True)
    assert (lamp.sku, lamp.name, lamp.differs, lamp.missing) == ("LAMP-1", "Lamp", ("stock",), ())
    shown = {vendor: (cell.sku, cell.stock, cell.price) for vendor, cell in lamp.vendors.items()}
    assert shown == {
        "highlevel": ("LAMP-1", 3, 12.5),
        "merchantpro": ("LAMP-1", 7, 12.5),
        "narvar": ("LAMP-1", 3, 12.5),
        "sabi": (None, 3, 12.5),
        "shoplazza": ("LAMP-1", 3, 12.5),
    }
    cell = lamp.vendors["narvar"]
    assert mock_sandbox.records("narvar", cell.collection).get(cell.key)["inventory"][0]["sku"] == "LAMP-1"
    assert cell.item == mock_sandbox.records("narvar", "items").get(cell.key)["inventory"][0]["variant_id"]
    assert (cell.prices, lamp.vendors["shoplazza"].prices) == ((12.5,), (12.5,))
    products = list(mock_sandbox.agreement())
    assert products[0] == lamp and len(products) > 100, "more than one page"
    assert list(mock_sandbox.agreement(q="lamp")) == list(mock_sandbox.agreement(sku="LAMP-1")) == [lamp]
