"""The menu on narrow screens, and rows of a list that are links as a whole."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from mockserver.embedding.running_server import RunningServer
from tests.browser.conftest import NewPage
from tests.browser.keyboard import tab_to
from tests.browser.test_calls import CALLS
from tests.browser.traffic import call

NARROW = {"width": 360, "height": 740}


@pytest.mark.parametrize("scripts", [True, False])
def test_narrow_menu_opens_with_and_without_scripts(new_page: NewPage, scripts: bool) -> None:
    page = new_page(java_script_enabled=scripts, viewport=NARROW)
    page.goto(CALLS)
    clock = page.get_by_role("link", name="Clock", exact=True)
    expect(clock).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    expect(clock).to_be_visible()
    clock.click()
    page.wait_for_url("**/clock")
    page.set_viewport_size({"width": 1280, "height": 740})
    expect(page.get_by_role("button", name="Menu")).to_be_hidden()
    expect(clock).to_be_visible()


def test_narrow_menu_is_for_the_keyboard_too(new_page: NewPage) -> None:
    page = new_page(viewport=NARROW)
    page.goto(CALLS)
    button = page.get_by_role("button", name="Menu")
    tab_to(page, button)
    page.keyboard.press("Enter")
    assert Axe().run(page).violations_count == 0
    tab_to(page, page.get_by_role("link", name="Snapshots"))
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Snapshots")).to_be_hidden()
    expect(button).to_be_focused()


@pytest.mark.parametrize("scripts", [True, False])
def test_whole_row_leads_to_its_call(new_page: NewPage, server: RunningServer, scripts: bool) -> None:
    call(server.url, 1)
    page = new_page(java_script_enabled=scripts)
    page.goto(CALLS)
    page.locator("#call-demo\\.1 .duration, #call-demo\\.1 td.number").click(force=True)
    page.wait_for_url("**/calls/demo.1")
    assert page.locator("nav a[aria-current='true']").all_inner_texts() == ["Calls"]
