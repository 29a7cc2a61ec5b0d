"""Snapshots in a browser: the whole way by dialogs, which Esc closes, and a diff that is live."""

import httpx
import pytest
from playwright.sync_api import Page, expect

from mockserver.embedding.running_server import RunningServer

UI = "/_mock/ui/sandboxes/autumn"


@pytest.fixture
def autumn(server: RunningServer) -> str:
    """Make a sandbox, and return the URL of a record at its vendor."""
    server.client.create("autumn", products=5)
    return f"{server.url}/merchantpro/api/v2/inventory/id/10001"


def stock(url: str, **change: int) -> int:
    """Return a stock after a change, if there is one."""
    method = "PATCH" if change else "GET"
    answer = httpx.request(method, url, auth=("sbx_autumn", "x"), json=change or None)
    return int(answer.raise_for_status().json()["stock"])


@pytest.mark.console(26)
def test_snapshot_change_diff_and_restore_in_a_dialog(page: Page, autumn: str) -> None:
    page.goto(UI + "/snapshots")
    page.get_by_label("Name").fill("before")
    page.get_by_role("button", name="Take it now").click()
    expect(page.get_by_role("status")).to_have_text("The snapshot has been taken.")
    row = page.get_by_role("row", name="before")
    expect(row).to_contain_text("no record has changed")
    stock(autumn, stock=3)
    expect(row).to_contain_text("1 record has changed")  # the page is live
    row.get_by_role("link", name="1 record has changed").click()
    expect(page.locator("#changes")).to_contain_text("MerchantPro inventory 10001")
    expect(page.get_by_role("row", name="stock")).to_contain_text("10")
    stock(autumn, stock=4)
    expect(page.get_by_role("row", name="stock").get_by_role("cell").last).to_contain_text("4")
    page.get_by_role("link", name="Restore before").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("You lose")
    dialog.get_by_role("button", name="Restore").click()
    expect(page.get_by_role("status")).to_have_text("The snapshot has been restored.")
    assert stock(autumn) == 10


@pytest.mark.console(28)
def test_esc_closes_the_question_and_the_focus_returns(
    page: Page, server: RunningServer, autumn: str
) -> None:
    server.client.sandbox("autumn").snapshot("before")
    page.goto(UI + "/snapshots")
    for name in ("Restore before", "Delete before"):
        link = page.get_by_role("link", name=name)
        link.focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog")).to_be_visible()
        expect(page.get_by_role("dialog").get_by_role("link", name="Cancel")).to_be_focused()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(link).to_be_focused()
    assert server.client.sandbox("autumn").snapshots == ["before"]
