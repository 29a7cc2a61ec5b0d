"""An open page Agreement shows at once what a client has written at one vendor."""

import httpx
from playwright.sync_api import Page, expect

from mockserver.embedding.running_server import RunningServer


def test_patch_at_one_vendor_shows_as_a_difference_without_reload(page: Page, server: RunningServer) -> None:
    sandbox = server.client.create("sync")
    sandbox.add_product("LAMP-1", "Lamp", quantity=3)
    page.goto("/_mock/ui/sandboxes/sync/agreement")
    expect(page.locator("[data-dot]")).to_have_text("Live")
    card = page.locator("#products")
    expect(card).to_contain_text("✓ no difference")
    page.evaluate("document.body.dataset.kept = 'yes'")
    page.get_by_role("searchbox").fill("half typed")
    row = card.get_by_role("row").filter(has_text="Extra Large Black Burke Dress")
    row.get_by_role("link").first.focus()
    shop = sandbox.vendors["merchantpro"]
    url = f"{shop.base_url}/api/v2/inventory/sku/LAMP-1"
    httpx.patch(url, headers=shop.headers, json={"stock": 7}).raise_for_status()
    first = card.get_by_role("row").nth(1)
    expect(first).to_contain_text("Lamp")
    expect(row.get_by_role("link").first).to_be_focused()  # it has moved down with its row
    expect(first.get_by_role("cell").nth(1)).to_contain_text("7 in stock")
    expect(card).to_contain_text("≠ 1 differs")
    key = next(sandbox.products(sku="LAMP-1")).vendors["highlevel"].key
    sandbox.records("highlevel", "inventory").patch(key, availableQuantity=7)
    expect(first.get_by_role("cell").nth(0)).to_contain_text("7 in stock")
    for vendor, collection, change in (
        ("narvar", "items", lambda one: one["inventory"][0].update(available_quantity=7)),
        ("sabi", "products", lambda one: one.update(quantity=7)),
        ("shoplazza", "products", lambda one: one["variants"][0]["location_items"][0].update(stock=7)),
    ):
        records = sandbox.records(vendor, collection)
        key = next(sandbox.products(sku="LAMP-1")).vendors[vendor].key
        record = dict(records.get(key))
        change(record)
        records.put(key, record)
    expect(card).to_contain_text("✓ no difference")
    expect(page.get_by_role("searchbox")).to_have_value("half typed")
    assert page.evaluate("document.body.dataset.kept") == "yes", "the page was not loaded again"
