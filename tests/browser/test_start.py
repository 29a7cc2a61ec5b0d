"""The start page in a browser: it notices the first call by itself."""

import subprocess

import pytest
from playwright.sync_api import Page, expect

from tests.browser.copying import assert_says
from tests.conftest import needs_curl


@needs_curl
@pytest.mark.console(2)
def test_page_notices_the_first_call_without_a_reload(page: Page) -> None:
    page.goto("/_mock/ui/")
    page.evaluate("window.stayed = true")
    command = page.locator("#first-curl").inner_text()
    subprocess.run(["sh", "-c", f"NO_PROXY='*' {command}"], check=True, capture_output=True, timeout=60)
    arrived = page.get_by_text("Your first call arrived.")
    expect(arrived).to_be_visible()
    assert page.evaluate("window.stayed")
    expect(page.get_by_text("No calls yet")).to_have_count(0)
    page.get_by_role("link", name="See what happened").click()
    expect(page).to_have_url("/_mock/ui/calls/demo.1?sandbox=demo")


@pytest.mark.console(2)
def test_first_command_is_copied_by_keyboard(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/_mock/ui/")
    button = page.locator("#first-call").get_by_role("button", name="Copy")
    assert_says(button, "Copied", lambda: button.press("Enter"))
    assert page.evaluate("navigator.clipboard.readText()") == page.locator("#first-curl").inner_text()
